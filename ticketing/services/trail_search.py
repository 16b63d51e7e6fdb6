"""Who did what, as staff may read it: acts of their own organisation and below, and of nobody beside them.

Acts that belong to no organisation (the operator's, and those of before the trail knew where they belong) are for
who reaches everything.
"""

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Budget, Event, Quota, Venue
from ticketing.database import Sessions, in_pieces, reading
from ticketing.errors import invalid
from ticketing.identifiers import read_order_number
from ticketing.members import repository as members
from ticketing.members.tables import Card, Organisation
from ticketing.orders.tables import Order
from ticketing.services import event_access
from ticketing.services.tokens import Claims
from ticketing.staff.names import read_username
from ticketing.staff.repository import TrailRow, account
from ticketing.staff.search import Point, Wish, all_of, newest
from ticketing.staff.tables import StaffAccount

PAGE = 50
EXPORT_MAX = 100_000
_TEXT_MAX = 120
_DIGITS_MAX = 18  # what SQL's integers hold


class Asked(Struct, frozen=True, kw_only=True):
    """What a reader looks for, as they said it; None: anything.

    `about` is `kind:id` as the trail has it, an event's id, an order's number, a ticket's code, or a staff
    member's name; of an event and a member it means all that belongs to them. `actions` are codes of acts.
    """

    about: str | None = None
    who: str | None = None
    actions: Collection[str] | None = None
    since: int | None = None
    until: int | None = None


class Found(Struct, frozen=True):
    """One page of acts, newest first, with the names of what they were about; `cursor` leads to the next page."""

    rows: Sequence[TrailRow]
    names: dict[str, str]
    cursor: str | None


class TrailSearch:
    """Reads the trail for staff."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def page(self, reader: Claims, asked: Asked, cursor: str | None = None) -> Found:
        """Raises `Refusal`: `forbidden` for a role that may not read it, `invalid` for a cursor that is none."""
        before = _point(cursor) if cursor else None
        with reading(self._sessions) as session:
            rows = newest(session, _wish(session, reader, asked), before, PAGE + 1)
            shown = rows[:PAGE]
            names = _names(session, shown)
        last = shown[-1] if len(rows) > PAGE else None
        return Found(shown, names, f"{last.at}.{last.id}" if last else None)

    def export(self, reader: Claims, asked: Asked) -> Iterator[tuple[TrailRow, str]]:
        """The newest `EXPORT_MAX` acts that fit, each with the name of what it was about. Raises as `page`, at once."""
        with reading(self._sessions) as session:
            wish = _wish(session, reader, asked)
        return self._exported(wish)

    def _exported(self, wish: Wish) -> Iterator[tuple[TrailRow, str]]:
        with reading(self._sessions) as session, reading(self._sessions) as beside:
            rows: list[TrailRow] = []
            for row in all_of(session, wish, EXPORT_MAX):
                rows.append(row)
                if len(rows) == _PIECE:
                    yield from _named(beside, rows)
                    rows = []
            yield from _named(beside, rows)


_PIECE = 500


def _named(session: Session, rows: Sequence[TrailRow]) -> Iterator[tuple[TrailRow, str]]:
    names = _names(session, rows)
    return ((row, names.get(row.subject, "")) for row in rows)


def _wish(session: Session, reader: Claims, asked: Asked) -> Wish:
    event_access.require_reader(reader)
    subject, event_id, member_id = _about(session, asked.about)
    return Wish(
        organisations=_reach(session, reader),
        subject=subject,
        event_id=event_id,
        member_id=member_id,
        actor=f"staff:{asked.who.strip().lower()}" if asked.who and asked.who.strip() else None,
        actions=asked.actions,
        since=asked.since,
        until=asked.until,
    )


def _reach(session: Session, reader: Claims) -> Collection[str] | None:
    """The organisations within reach; None for who is at the one root of the tree."""
    if "." not in reader.organisation_path and len(members.root_ids(session)) == 1:
        return None
    return session.scalars(event_access.organisations_below(reader)).all()


def _about(session: Session, text: str | None) -> tuple[str | None, str | None, int | None]:
    """(subject, event, member), of which one is given, or none when nothing was asked."""
    text = (text or "").strip()
    if not text:
        return None, None, None
    kind, colon, id_ = text.partition(":")
    if kind == "event" and colon:
        return None, id_, None
    if kind == "card" and id_.isdecimal():
        member = session.scalar(select(Card.member_id).where(Card.id == int(id_[:_DIGITS_MAX])))
        return (None, None, member) if member is not None else (text, None, None)
    if colon:
        return text[:_TEXT_MAX], None, None
    return _typed(session, text)


def _typed(session: Session, text: str) -> tuple[str | None, str | None, int | None]:
    number = read_order_number(text.partition("-")[0])
    order = session.scalar(select(Order.id).where(Order.number == number)) if number else None
    if order is not None:
        return f"order:{order}", None, None
    found = account(session, read_username(text) or "")
    if found is not None:
        return f"staff:{found.id}", None, None
    return None, text[:_TEXT_MAX], None


def _point(cursor: str) -> Point:
    at, _, id_ = cursor.partition(".")
    if not (at.isdecimal() and id_.isdecimal() and max(len(at), len(id_)) <= _DIGITS_MAX):
        raise invalid(("cursor", "is none of ours"))
    return Point(int(at), int(id_))


def _names(session: Session, rows: Sequence[TrailRow]) -> dict[str, str]:
    """What people call the subjects of these acts; one that is no more has no name."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        kind, _, id_ = row.subject.partition(":")
        ids.setdefault(kind, set()).add(id_)
    found: dict[str, str] = {}
    for kind, (column, query) in _NAMES.items():
        wanted = sorted(ids.get(kind, ()))
        if kind in ("card", "staff"):
            wanted = [int(one) for one in wanted if one.isdecimal()]  # type: ignore[misc]
        for piece in in_pieces(wanted):
            found |= {f"{kind}:{id_}": name for id_, name in session.execute(query.where(column.in_(piece)))}
    return found


_NAMES = {
    "event": (Event.id, select(Event.id, Event.title)),
    "quota": (Quota.id, select(Quota.id, Event.title + " · " + Quota.name).join(Event)),
    "venue": (Venue.id, select(Venue.id, Venue.name)),
    "budget": (Budget.id, select(Budget.id, Budget.name)),
    "order": (Order.id, select(Order.id, Order.number)),
    "card": (Card.id, select(Card.id, "****" + Card.last_four)),
    "staff": (StaffAccount.id, select(StaffAccount.id, StaffAccount.username)),
    "organisation": (Organisation.id, select(Organisation.id, Organisation.name)),
}
