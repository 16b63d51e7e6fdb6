"""Cards one at a time: what staff do with them. `card_import` takes them by the hundred thousand.

A number identifies a card and proves nothing; what is done here is done by staff for a member of their own
organisation or below, with a reason, and is in the audit trail.
"""

from collections.abc import Iterable

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal, invalid
from ticketing.keyring import Keyring
from ticketing.members import bulk, repository
from ticketing.members.bulk import NewMember
from ticketing.members.card_plan import new_member
from ticketing.members.numbers import CARD_NUMBER_RULE, last_four, one_time_pin, read_card_number
from ticketing.members.repository import Holder
from ticketing.members.tables import ACTIVE, BLOCKED, REPLACED, Card
from ticketing.services import trail
from ticketing.services.pins import set_pin
from ticketing.services.staff import may
from ticketing.services.tokens import Claims
from ticketing.staff.roles import Role

__all__ = ["CardService", "create_members", "new_member"]

CARD_ROLES = frozenset({Role.MANAGER})
PIN_ROLES = frozenset({Role.MANAGER, Role.CLERK})
"""A clerk has the member before them, with the card, and can look at who it is."""

REASON_MAX = 500


class CardService:
    """What staff do with one card.

    `card` is the card's number, or the id of it that its member's page has. Every act raises `Refusal`: FORBIDDEN
    for a role that may not, NOT_FOUND for a card that is unknown, replaced or of an organisation out of reach,
    INVALID with `errors` for a missing reason or a bad number.
    """

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock

    def block(self, staff: Claims, card: str | int, reason: str) -> None:
        """Stop the card: no login, and within two seconds no buying. Blocking a blocked card is no error."""
        with self._sessions.begin() as session:
            holder, now = self._lock(session, staff, card, reason)
            holder.card.status = BLOCKED
            repository.note_change(session, now, f"m:{holder.member.id}", blocked=True)
            self._record(session, now, staff, "card.block", holder.card, {"reason": reason})

    def unblock(self, staff: Claims, card: str | int, reason: str) -> None:
        """Let a blocked card be used again. Freeing one that is free is no error."""
        with self._sessions.begin() as session:
            holder, now = self._lock(session, staff, card, reason)
            holder.card.status = ACTIVE
            repository.note_change(session, now, f"m:{holder.member.id}", blocked=False)
            self._record(session, now, staff, "card.unblock", holder.card, {"reason": reason})

    def replace(self, staff: Claims, card: str | int, new_card_number: str, reason: str) -> None:
        """Give the member a new card in place of this one: same allowance, same PIN, no longer blocked.

        Sessions that the old card opened end.
        """
        number = _new_number(new_card_number)
        with self._sessions.begin() as session:
            holder, now = self._lock(session, staff, card, reason)
            new = self._successor(session, holder.card, number, now)
            subject = f"m:{holder.member.id}"
            repository.end_sessions(session, now, subject, blocked=False)
            facts = {"reason": reason, "new_card": new.id, "last_four": new.last_four}
            self._record(session, now, staff, "card.replace", holder.card, facts)

    def reset_pin(self, staff: Claims, card: str | int, reason: str) -> str:
        """A one-time PIN, returned once and kept nowhere; the member must choose their own with it.

        Their sessions end. Clerks may do this too.
        """
        pin = one_time_pin()
        with self._sessions.begin() as session:
            holder, now = self._lock(session, staff, card, reason, PIN_ROLES)
            set_pin(self._keyring, holder.card, pin, chosen=False)
            repository.end_sessions(session, now, f"m:{holder.member.id}")
            self._record(session, now, staff, "card.reset_pin", holder.card, {"reason": reason})
        return pin

    def _lock(
        self,
        session: Session,
        staff: Claims,
        card: str | int,
        reason: str,
        roles: frozenset[Role] = CARD_ROLES,
    ) -> tuple[Holder, int]:
        """The holder of a card that `staff` may act on, with the card's row locked, and when that was."""
        if not may(staff, roles, staff.organisation_path):
            raise Refusal(Code.FORBIDDEN)
        if not 0 < len(reason.strip()) <= REASON_MAX:
            raise invalid(("reason", f"must have 1 to {REASON_MAX} characters"))
        if isinstance(card, int):
            holder = repository.holder_by_card_id(session, card, lock=True)
        else:
            digest = self._keyring.card_digest(read_card_number(card) or "")
            holder = repository.holder_by_card(session, digest, lock=True)
        if holder is None or holder.card.status == REPLACED or not staff.covers(holder.organisation.path):
            raise Refusal(Code.NOT_FOUND)
        return holder, self._clock.now_ms()

    def _successor(self, session: Session, old: Card, number: str, now: int) -> Card:
        old.status = REPLACED
        digest = self._keyring.card_digest(number)
        card = Card(
            member_id=old.member_id,
            number_digest=digest,
            last_four=last_four(number),
            tag=self._keyring.hidden_tag(number, digest),
            status=ACTIVE,
            pin_salt=old.pin_salt,
            pin_digest=old.pin_digest,
            pin_chosen=old.pin_chosen,
            pin_must_change=old.pin_must_change,
            created_at=now,
        )
        session.add(card)
        try:
            session.flush()
        except IntegrityError as error:
            raise invalid(("new_card_number", "belongs to a card already")) from error
        return card

    @staticmethod
    def _record(
        session: Session, now: int, staff: Claims, action: str, card: Card, detail: dict[str, object]
    ) -> None:
        trail.record(session, now, staff.actor, action, f"card:{card.id}", detail)


def create_members(session: Session, rows: Iterable[NewMember], at: int) -> list[int]:
    """Store new members with their cards (see `new_member`); their ids, in the order of `rows`.

    For demonstrations and load tests: about 30,000 a second on SQLite. Raises SQL's `IntegrityError` for a
    card that exists or an organisation that does not. `at` is when they joined, in milliseconds.
    """
    return bulk.insert_members(session, list(rows), at)


def _new_number(typed: str) -> str:
    number = read_card_number(typed)
    if number is None:
        raise invalid(("new_card_number", f"must be {CARD_NUMBER_RULE}"))
    return number
