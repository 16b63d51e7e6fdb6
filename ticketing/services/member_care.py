"""A member as staff who look after them see them: found by card, phone or name, with their cards, masked.

Who is of another branch does not exist here. A member is named by the id of one of their cards: their own id, by which
limits are counted, never leaves the engine.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.members.numbers import read_card_number
from ticketing.members.repository import at_or_below
from ticketing.members.tables import REPLACED, Card, Member, Organisation
from ticketing.services.event_access import require_reader
from ticketing.services.tokens import Claims

FOUND_MAX = 50
_PHONE_DIGITS_MIN = 7
_SHOWN_START, _SHOWN_END = 3, 4


class HeldCard(Struct, frozen=True):
    """A card of a member."""

    id: int
    last_four: str
    status: str
    created_at: int


class FoundMember(Struct, frozen=True):
    """A member with their present card, as a list shows them."""

    card: HeldCard
    name: str
    phone: str
    organisation_id: str
    organisation_name: str


class KnownMember(Struct, frozen=True):
    """The same, with every card they ever had, newest first. `id` is for services alone."""

    id: int
    found: FoundMember
    cards: Sequence[HeldCard]
    since: int
    must_change_pin: bool


class MemberCare:
    """Finds members within reach. FORBIDDEN for a role that may not look, NOT_FOUND for who is out of reach."""

    def __init__(self, sessions: Sessions, keyring: Keyring) -> None:
        self._sessions = sessions
        self._keyring = keyring

    def find(self, staff: Claims, sought: str) -> list[FoundMember]:
        """Members whose card, present or replaced, has this number, whose phone it is, or whose name contains it."""
        require_reader(staff)
        text = sought.strip()
        if not text:
            return []
        with reading(self._sessions) as session:
            query = _members(staff).where(self._matches(text)).order_by(Member.name, Card.id)
            return [_found(*row) for row in session.execute(query.limit(FOUND_MAX))]

    def member(self, staff: Claims, card_id: str) -> KnownMember:
        """The member who holds, or held, this card."""
        require_reader(staff)
        with reading(self._sessions) as session:
            row = session.execute(_members(staff).where(Member.id == _holder_of(card_id))).first()
            if row is None:
                raise Refusal(Code.NOT_FOUND)
            member, card, organisation = row
            cards = _cards(session, member.id)
        return KnownMember(
            id=member.id,
            found=_found(member, card, organisation),
            cards=cards,
            since=member.created_at,
            must_change_pin=card.pin_must_change,
        )

    def _matches(self, text: str) -> ColumnElement[bool]:
        number = read_card_number(text)
        if number is None:
            return Member.name.contains(text, autoescape=True)
        held = select(Card.member_id).where(Card.number_digest == self._keyring.card_digest(number))
        by_card = Member.id.in_(held)
        by_phone = Member.phone.in_({number, text})
        return or_(by_card, by_phone) if len(number) >= _PHONE_DIGITS_MIN else by_card


def masked_phone(phone: str | None) -> str:
    """A phone number that somebody who knows it recognises; empty when there is none."""
    if not phone:
        return ""
    if len(phone) <= _SHOWN_START + _SHOWN_END:
        return "*" * len(phone)
    hidden = "*" * (len(phone) - _SHOWN_START - _SHOWN_END)
    return phone[:_SHOWN_START] + hidden + phone[-_SHOWN_END:]


def _members(staff: Claims) -> Select[Member, Card, Organisation]:
    """Members within reach who were not erased, with their present card."""
    return (
        select(Member, Card, Organisation)
        .join(Card, Card.member_id == Member.id)
        .join(Organisation, Organisation.id == Member.organisation_id)
        .where(at_or_below(staff.organisation_path), Card.status != REPLACED, Member.name != "")
    )


def _holder_of(card_id: str) -> ColumnElement[int]:
    if not (card_id.isascii() and card_id.isdecimal() and len(card_id) <= 18):
        raise Refusal(Code.NOT_FOUND)
    return select(Card.member_id).where(Card.id == int(card_id)).scalar_subquery()


def _cards(session: Session, member_id: int) -> list[HeldCard]:
    query = select(Card).where(Card.member_id == member_id).order_by(Card.id.desc())
    return [_held(card) for card in session.scalars(query)]


def _held(card: Card) -> HeldCard:
    return HeldCard(card.id, card.last_four, card.status, card.created_at)


def _found(member: Member, card: Card, organisation: Organisation) -> FoundMember:
    return FoundMember(
        card=_held(card),
        name=member.name,
        phone=masked_phone(member.phone),
        organisation_id=organisation.id,
        organisation_name=organisation.name,
    )
