"""Searching the audit trail: the newest acts first, a page at a time, also among a million.

A database that is to give the newest fifty of what is rare walks through everything, and one that is to sort what is
frequent sorts half a million. Neither can know which it is, so it is asked first: up to `FEW_MAX` places of what fits
are read by the index of the rarest condition and sorted here; when there are more, walking from the newest on meets
fifty soon.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ticketing.staff.repository import TRAIL_COLUMNS, TrailRow
from ticketing.staff.tables import AuditEntry

FEW_MAX = 2_000
_CHUNK = 1_000


class Point(NamedTuple):
    """A row's place in the order of time."""

    at: int
    id: int


class Wish(Struct, frozen=True, kw_only=True):
    """What is searched for; None: anything. `since` is included, `until` is not; times are in ms.

    `organisations` are those within reach, None when everything is.
    """

    organisations: Collection[str] | None
    subject: str | None = None
    event_id: str | None = None
    member_id: int | None = None
    actor: str | None = None
    actions: Collection[str] | None = None
    since: int | None = None
    until: int | None = None


def newest(session: Session, wish: Wish, before: Point | None, count: int) -> list[TrailRow]:
    """The newest `count` acts that fit, of those before a point."""
    few = _few(session, wish, before)
    if few is None:
        return list(_walk(session, wish, before, count))
    wanted = sorted(few, reverse=True)[:count]
    query = select(*TRAIL_COLUMNS).where(AuditEntry.id.in_([point.id for point in wanted]))
    rows = {row.id: TrailRow._make(row) for row in session.execute(query)}
    return [rows[point.id] for point in wanted]


def all_of(session: Session, wish: Wish, count: int) -> Iterator[TrailRow]:
    """The newest `count` acts that fit, read as they are taken."""
    few = _few(session, wish, None)
    if few is None or len(few) > _CHUNK:
        yield from _walk(session, wish, None, count)
    else:
        yield from newest(session, wish, None, min(count, _CHUNK))


def _few(session: Session, wish: Wish, before: Point | None) -> list[Point] | None:
    """Where everything that fits is in time; None when that is a lot."""
    narrow = _conditions(session, wish, by_index=True)
    if not narrow:
        return None
    query = select(AuditEntry.at, AuditEntry.id).where(*narrow, *_in_time(wish, before)).limit(FEW_MAX + 1)
    found = [Point(*row) for row in session.execute(query)]
    return found if len(found) <= FEW_MAX else None


def _walk(session: Session, wish: Wish, before: Point | None, count: int) -> Iterator[TrailRow]:
    """From the newest on, looking at each."""
    fits = (*_conditions(session, wish, by_index=False), *_in_time(wish, before))
    query = select(*TRAIL_COLUMNS).where(*fits).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    with session.execute(query.limit(count), execution_options={"yield_per": _CHUNK}) as rows:
        yield from (TrailRow._make(row) for row in rows)


def _conditions(session: Session, wish: Wish, *, by_index: bool) -> list[ColumnElement[bool]]:
    """The conditions, the rarest first; SQLite, which knows no figures, is told which of them may choose the index."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    wishes: Sequence[tuple[InstrumentedAttribute[Any], Any]] = (
        (AuditEntry.subject, wish.subject),
        (AuditEntry.member_id, wish.member_id),
        (AuditEntry.event_id, wish.event_id),
        (AuditEntry.actor, wish.actor),
        (AuditEntry.organisation_id, wish.organisations),
        (AuditEntry.action, wish.actions),
    )
    found: list[ColumnElement[bool]] = []
    for column, value in wishes:
        if value is not None:
            plain = sqlite and (found or not by_index)
            side: Any = literal_column(f"+audit_trail.{column.key}") if plain else column
            found.append(side == value if isinstance(value, str | int) else side.in_(list(value)))
    return found


def _in_time(wish: Wish, before: Point | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.since is not None:
        found.append(AuditEntry.at >= wish.since)
    if wish.until is not None:
        found.append(AuditEntry.at < wish.until)
    if before is not None:
        earlier = and_(AuditEntry.at == before.at, AuditEntry.id < before.id)
        found.append(and_(AuditEntry.at <= before.at, or_(AuditEntry.at < before.at, earlier)))
    return found
