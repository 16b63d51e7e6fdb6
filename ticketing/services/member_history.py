"""What happened to a member, newest first: from the books, and from the trail, as far as each keeps it.

Orders of an event of another branch are no more shown here than anywhere else. Each source is asked for a page, and
the newest of all of them are the page; a page begins where the one before ended, by time and by how many of that very
moment were shown.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ticketing.catalogue.tables import Event
from ticketing.database import Sessions, reading
from ticketing.errors import invalid
from ticketing.members.tables import Card, Member, MemberSession, Notice
from ticketing.orders.tables import Order, Pickup, Return, Ticket
from ticketing.services.event_access import organisations_below
from ticketing.services.member_care import MemberCare
from ticketing.services.tokens import Claims
from ticketing.staff.tables import AuditEntry, StaffAccount

PAGE = 30

_CARD_ACTS = (
    "card.block",
    "card.unblock",
    "card.replace",
    "card.reset_pin",
    "card.change_pin",
    "member.move",
)
"""Of the trail; what it says of orders stands in the books too."""


class Entry(Struct, frozen=True):
    """One thing that happened. `facts` depend on `kind`; `who` is staff by their name, the member, or nobody."""

    at: int
    kind: str
    who: str = ""
    order_number: str = ""
    event_id: str = ""
    event_title: str = ""
    facts: dict[str, Any] = {}


class Page(Struct, frozen=True):
    """A page of a history; `cursor` leads to the next one, if there is one."""

    entries: Sequence[Entry]
    cursor: str | None


class MemberHistory:
    """Reads histories. Refusals as `MemberCare.member`; INVALID for a cursor that is none of ours."""

    def __init__(self, sessions: Sessions, care: MemberCare) -> None:
        self._sessions = sessions
        self._care = care

    def page(self, staff: Claims, card_id: str, cursor: str | None = None) -> Page:
        """What happened to the member who holds, or held, this card."""
        member_id = self._care.member(staff, card_id).id
        until, shown = _read(cursor)
        found: list[Entry] = []
        with reading(self._sessions) as session:
            for source in _SOURCES:
                found += source(session, _Wish(staff, member_id, until, PAGE + 1 + shown))
        found.sort(key=lambda entry: (-entry.at, entry.kind, entry.order_number, str(entry.facts)))
        rest = found[shown:]
        page = rest[:PAGE]
        return Page(page, _cursor(page, until, shown) if len(rest) > PAGE else None)


class _Wish(Struct, frozen=True):
    """Whose entries, seen by whom, up to when, and how many."""

    staff: Claims
    member_id: int
    until: int | None
    limit: int

    def latest(
        self, query: "Select[*tuple[Any, ...]]", at: InstrumentedAttribute[Any]
    ) -> "Select[*tuple[Any, ...]]":
        """The newest of a query by its time."""
        if self.until is not None:
            query = query.where(at <= self.until)
        return query.order_by(at.desc()).limit(self.limit)

    def orders(self, *columns: Any) -> "Select[*tuple[Any, ...]]":
        """Of the member's orders of events within reach: number, event, and these columns."""
        return (
            select(Order.number, Event.id, Event.title, *columns)
            .join(Event, Event.id == Order.event_id)
            .where(
                Order.member_id == self.member_id, Event.organisation_id.in_(organisations_below(self.staff))
            )
        )


Source = Callable[[Session, _Wish], Iterator[Entry]]


def _bookings(session: Session, wish: _Wish) -> Iterator[Entry]:
    tickets = select(func.count()).where(Ticket.order_id == Order.id).scalar_subquery()
    columns = (Order.confirmed_at, Order.channel, Order.amount, Order.currency, Order.payment_status, tickets)
    for row in session.execute(wish.latest(wish.orders(*columns), Order.confirmed_at)):
        number, event_id, title, at, channel, amount, currency, payment, count = row
        facts = {
            "channel": channel,
            "amount": amount,
            "currency": currency,
            "payment": payment,
            "tickets": count,
        }
        yield Entry(at, "booked", "", number, event_id, title, facts)


def _pickups(session: Session, wish: _Wish) -> Iterator[Entry]:
    query = wish.orders(Pickup.at, Pickup.desk, Pickup.ticket_codes, StaffAccount.username)
    query = query.join(Pickup, Pickup.order_id == Order.id).join(
        StaffAccount, StaffAccount.id == Pickup.staff_id
    )
    for number, event_id, title, at, desk, codes, clerk in session.execute(wish.latest(query, Pickup.at)):
        yield Entry(at, "collected", clerk, number, event_id, title, {"desk": desk, "tickets": len(codes)})


def _undone(session: Session, wish: _Wish) -> Iterator[Entry]:
    query = wish.orders(
        Pickup.undone_at, Pickup.desk, Pickup.ticket_codes, Pickup.undo_reason, StaffAccount.username
    )
    query = query.join(Pickup, Pickup.order_id == Order.id).join(
        StaffAccount, StaffAccount.id == Pickup.undone_by
    )
    for row in session.execute(wish.latest(query, Pickup.undone_at)):
        number, event_id, title, at, desk, codes, reason, clerk = row
        facts = {"desk": desk, "tickets": len(codes), "reason": reason or ""}
        yield Entry(at, "collecting_undone", clerk, number, event_id, title, facts)


def _returns(session: Session, wish: _Wish) -> Iterator[Entry]:
    query = wish.orders(Return.at, Return.places, Return.reason).join(Return, Return.order_id == Order.id)
    for number, event_id, title, at, places, reason in session.execute(wish.latest(query, Return.at)):
        facts = {"tickets": places.bit_count(), "reason": reason}
        yield Entry(at, "cancelled", "", number, event_id, title, facts)


def _card_acts(session: Session, wish: _Wish) -> Iterator[Entry]:
    cards = session.scalars(select(Card.id).where(Card.member_id == wish.member_id))
    subjects = [f"member:{wish.member_id}", *(f"card:{card}" for card in cards)]
    query = select(AuditEntry.at, AuditEntry.action, AuditEntry.actor, AuditEntry.detail).where(
        AuditEntry.subject.in_(subjects), AuditEntry.action.in_(_CARD_ACTS)
    )
    for at, action, actor, detail in session.execute(wish.latest(query, AuditEntry.at)):
        who = actor.removeprefix("staff:") if actor.startswith("staff:") else ""
        shown = {name: detail[name] for name in ("reason", "last_four", "from", "to") if name in detail}
        yield Entry(at, action, who, facts=shown)


def _notices(session: Session, wish: _Wish) -> Iterator[Entry]:
    within = Event.organisation_id.in_(organisations_below(wish.staff))
    seen: ColumnElement[bool] = or_(Notice.event_id.is_(None), within)
    query = (
        select(Notice.at, Notice.kind, Notice.text, Notice.event_id, Event.title)
        .join(Event, Event.id == Notice.event_id, isouter=True)
        .where(Notice.member_id == wish.member_id, seen)
    )
    for at, kind, text, event_id, title in session.execute(wish.latest(query, Notice.at)):
        yield Entry(at, "notice", "", "", event_id or "", title or "", {"notice": kind, "text": text})


def _logins(session: Session, wish: _Wish) -> Iterator[Entry]:
    query = select(MemberSession.began_at, MemberSession.device).where(
        MemberSession.member_id == wish.member_id
    )
    for at, device in session.execute(wish.latest(query, MemberSession.began_at)):
        yield Entry(at, "signed_in", facts={"device": device})


def _joined(session: Session, wish: _Wish) -> Iterator[Entry]:
    query = select(Member.created_at).where(Member.id == wish.member_id)
    for (at,) in session.execute(wish.latest(query, Member.created_at)):
        yield Entry(at, "joined")


_SOURCES: tuple[Source, ...] = (
    _bookings,
    _pickups,
    _undone,
    _returns,
    _card_acts,
    _notices,
    _logins,
    _joined,
)


def _cursor(page: Sequence[Entry], until: int | None, shown: int) -> str:
    """The time of the last entry, and how many of that time have been shown."""
    last = page[-1].at
    same = sum(entry.at == last for entry in page)
    return f"{last}-{same + shown if last == until else same}"


def _read(cursor: str | None) -> tuple[int | None, int]:
    if not cursor:
        return None, 0
    at, _, shown = cursor.partition("-")
    if (
        not all(part.isascii() and part.isdecimal() and len(part) <= 16 for part in (at, shown))
        or int(shown) > 999
    ):
        raise invalid(("cursor", "is unknown"))
    return int(at), int(shown)
