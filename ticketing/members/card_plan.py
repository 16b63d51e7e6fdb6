"""What one piece of an import does to the members and cards that are known: decided here, written by `bulk`."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ticketing.keyring import Keyring
from ticketing.members.bulk import KnownCard, NewMember
from ticketing.members.card_lines import CardLine
from ticketing.members.numbers import last_four, new_salt
from ticketing.members.tables import BLOCKED, LATE_COMMIT_MS, REPLACED, Organisation


class Wish(NamedTuple):
    """A line that is in order: its card number and PIN as digits, and the organisation it names."""

    line: CardLine
    card_number: str
    pin: str
    digest: bytes
    organisation: Organisation


class Refused(NamedTuple):
    """A line that cannot be taken, and why."""

    line: CardLine
    reason: str


class Move(NamedTuple):
    """A member who goes from one organisation to another."""

    member_id: int
    before: str
    after: str


@dataclass(slots=True)
class Plan:
    """The rows to write, in the shapes that `bulk` takes, and the lines that cannot be taken."""

    new: list[NewMember] = field(default_factory=list)
    members: list[dict[str, Any]] = field(default_factory=list)
    pins: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    changed: int = 0


def plan(
    wishes: list[Wish], known: dict[bytes, KnownCard], keyring: Keyring, now: int, reach: Collection[str]
) -> Plan:
    """Compare each line with what SQL has. `now` is when those were locked, `reach` whose members may change."""
    made = Plan()
    for wish in wishes:
        card = known.get(wish.digest)
        fault = _fault(wish, card, reach)
        if fault is not None:
            made.refused.append(Refused(wish.line, fault))
        elif card is None:
            made.new.append(_new_member(wish, keyring))
        else:
            _compare(wish, card, made, keyring, now)
    return made


def new_member(
    keyring: Keyring,
    card_number: str,
    pin: str,
    name: str,
    organisation_id: str,
    phone: str | None = None,
    *,
    blocked: bool = False,
    digest: bytes | None = None,
) -> NewMember:
    """A member and card to store: the number's digest and last four digits, the PIN salted and keyed.

    `digest` is the number's, for a caller that has made it already.
    """
    salt = new_salt()
    digest = digest or keyring.card_digest(card_number)
    return NewMember(
        name=name,
        organisation_id=organisation_id,
        phone=phone,
        number_digest=digest,
        last_four=last_four(card_number),
        pin_salt=salt,
        pin_digest=keyring.pin_digest(salt, pin),
        blocked=blocked,
        tag=keyring.hidden_tag(card_number, digest),
    )


def _fault(wish: Wish, card: KnownCard | None, reach: Collection[str]) -> str | None:
    if card is None and not wish.pin:
        return "pin is empty for a new card"
    if card is not None and card.status == REPLACED:
        return "the card was replaced by a new one"
    if card is not None and card.organisation_id not in reach:
        return "the card is of an organisation outside yours; ask the one above both"
    return None


def _new_member(wish: Wish, keyring: Keyring) -> NewMember:
    line = wish.line
    return new_member(
        keyring,
        wish.card_number,
        wish.pin,
        line.name,
        wish.organisation.id,
        line.phone or None,
        blocked=line.status == BLOCKED,
        digest=wish.digest,
    )


def _compare(wish: Wish, card: KnownCard, made: Plan, keyring: Keyring, now: int) -> None:
    """Add what differs. An empty phone, PIN or status says nothing; a PIN the member chose is theirs."""
    line, organisation_id = wish.line, wish.organisation.id
    phone = line.phone or card.phone
    moved = organisation_id != card.organisation_id
    turned = line.status not in ("", card.status)
    repinned = _is_other_pin(wish, card, keyring)
    described = moved or (line.name, phone) != (card.name, card.phone)
    if described:
        made.members.append(
            {"key": card.member_id, "name": line.name, "organisation_id": organisation_id, "phone": phone}
        )
    if moved:
        made.moves.append(Move(card.member_id, card.organisation_id, organisation_id))
    if turned:
        made.statuses.append({"key": card.card_id, "status": line.status})
    if repinned:
        salt = new_salt()
        digest = keyring.pin_digest(salt, wish.pin)
        made.pins.append({"key": card.card_id, "pin_salt": salt, "pin_digest": digest})
    if moved or turned or repinned:
        made.changes.append(
            {
                "at": now,
                "subject": f"m:{card.member_id}",
                "not_before": now + LATE_COMMIT_MS if repinned else None,
                "blocked": line.status == BLOCKED if turned else None,
                "organisation_path": wish.organisation.path if moved else None,
            }
        )
    if card.tag is None:
        made.tags.append({"key": card.card_id, "tag": keyring.hidden_tag(wish.card_number, wish.digest)})
    made.changed += described or turned or repinned


def _is_other_pin(wish: Wish, card: KnownCard, keyring: Keyring) -> bool:
    if not wish.pin or card.pin_chosen:
        return False
    return not hmac.compare_digest(keyring.pin_digest(card.pin_salt, wish.pin), card.pin_digest)
