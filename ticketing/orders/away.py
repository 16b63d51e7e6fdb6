"""All SQL about hand-overs made without the network, and their conflicts. Only callers commit."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from ticketing.database import insert_into
from ticketing.orders.tables import AwayHandOver, DeskConflict, Pickup

COLLECTED, CANCELLED, UNKNOWN, PAID, UNPAID = "collected", "cancelled", "unknown", "paid", "unpaid"
"""Kinds of conflicts: the ticket had been handed out by somebody else, was cancelled, is of no order; money was
taken for what was paid already, or was not taken for what was due."""


class AwayRecord(Struct, frozen=True):
    """A hand-over as it was sent; `at` is when it was made."""

    id: str
    device: str
    number: str
    ticket_codes: tuple[str, ...]
    desk: str
    staff_id: int
    sent_by: int
    payment_method: str | None
    payment_amount: int | None
    at: int
    received_at: int


class NewConflict(Struct, frozen=True):
    """A conflict that was just found."""

    kind: str
    ticket_code: str | None = None
    amount: int | None = None
    other_pickup_id: str | None = None


class ConflictRecord(Struct, frozen=True):
    """A conflict with both hand-overs; `other` None where there is no second one."""

    id: int
    kind: str
    ticket_code: str | None
    number: str
    event_id: str | None
    amount: int | None
    desk: str
    staff_id: int
    at: int
    found_at: int
    other_desk: str | None
    other_staff_id: int | None
    other_at: int | None
    settled_at: int | None
    settled_by: int | None
    settled_reason: str | None


_COLUMNS = (
    *(DeskConflict.id, DeskConflict.kind, DeskConflict.ticket_code, AwayHandOver.number),
    *(DeskConflict.event_id, DeskConflict.amount, AwayHandOver.desk, AwayHandOver.staff_id, AwayHandOver.at),
    *(DeskConflict.found_at, Pickup.desk, Pickup.staff_id, Pickup.at),
    *(DeskConflict.settled_at, DeskConflict.settled_by, DeskConflict.settled_reason),
)


def hand_over(session: Session, hand_over_id: str) -> AwayRecord | None:
    """One that was sent before."""
    row = session.get(AwayHandOver, hand_over_id, populate_existing=True)
    if row is None:
        return None
    values = {name: getattr(row, name) for name in AwayRecord.__struct_fields__}
    return AwayRecord(**(values | {"ticket_codes": tuple(row.ticket_codes)}))


def add(session: Session, record: AwayRecord) -> bool:
    """Keep a hand-over; False if it was sent before."""
    unless_known = insert_into(session, AwayHandOver.__table__).on_conflict_do_nothing(index_elements=["id"])
    row = structs.asdict(record) | {"ticket_codes": list(record.ticket_codes)}
    return session.scalar(unless_known.returning(AwayHandOver.id), row) is not None


def add_conflicts(
    session: Session,
    record: AwayRecord,
    conflicts: Sequence[NewConflict],
    event_id: str | None,
    organisation_id: str,
) -> None:
    """Keep what was found; `organisation_id` is whose staff are told."""
    for conflict in conflicts:
        values = structs.asdict(conflict)
        where = {"event_id": event_id, "organisation_id": organisation_id}
        row = DeskConflict(**values, **where, hand_over_id=record.id, found_at=record.received_at)
        session.add(row)
    session.flush()


def conflicts_of(session: Session, hand_over_id: str) -> list[ConflictRecord]:
    """What was found with one hand-over."""
    return _read(session, _query().where(DeskConflict.hand_over_id == hand_over_id).order_by(DeskConflict.id))


def conflicts(
    session: Session,
    organisation_ids: Select[str],
    limit: int,
    before: int | None = None,
    settled: bool | None = None,
) -> list[ConflictRecord]:
    """The newest conflicts that these organisations are told of, with an id below `before`; all, or only one sort."""
    query = _query().where(DeskConflict.organisation_id.in_(organisation_ids))
    if before is not None:
        query = query.where(DeskConflict.id < before)
    if settled is not None:
        query = query.where(DeskConflict.settled_at.is_not(None) == settled)
    return _read(session, query.order_by(DeskConflict.id.desc()).limit(limit))


def conflict(session: Session, organisation_ids: Select[str], conflict_id: int) -> ConflictRecord | None:
    """One that these organisations are told of."""
    mine = DeskConflict.organisation_id.in_(organisation_ids)
    return next(iter(_read(session, _query().where(DeskConflict.id == conflict_id, mine))), None)


def unsettled(session: Session, organisation_ids: Select[str]) -> int:
    """How many of those they are told of nobody has settled."""
    mine = DeskConflict.organisation_id.in_(organisation_ids)
    counted = select(func.count()).select_from(DeskConflict).where(mine, DeskConflict.settled_at.is_(None))
    return session.scalar(counted) or 0


def settle(session: Session, conflict_id: int, staff_id: int, reason: str, at: int) -> bool:
    """Mark a conflict as settled; False if it was."""
    facts = {"settled_at": at, "settled_by": staff_id, "settled_reason": reason}
    change = update(DeskConflict).where(DeskConflict.id == conflict_id, DeskConflict.settled_at.is_(None))
    return session.scalar(change.values(facts).returning(DeskConflict.id)) is not None


def _query() -> Any:
    query: Any = select(*_COLUMNS).join(AwayHandOver, AwayHandOver.id == DeskConflict.hand_over_id)
    return query.outerjoin(Pickup, Pickup.id == DeskConflict.other_pickup_id)


def _read(session: Session, query: Any) -> list[ConflictRecord]:
    return [ConflictRecord(*row) for row in session.execute(query)]
