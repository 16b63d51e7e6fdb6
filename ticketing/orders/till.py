"""All SQL of the tills. Functions take a `Session` first; only callers commit.

A hand-over and its undo share the lock on the shift that they are counted in, and its closing has it alone. So
what is in the drawer when it is closed is in its sum, and nothing joins a shift afterwards.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, literal, select, update
from sqlalchemy.orm import Session

from ticketing.database import in_pieces, insert_into
from ticketing.orders.tables import Order, Pickup, Shift

TAKEN, GIVEN_BACK = "taken", "given_back"


class ShiftRecord(Struct, frozen=True):
    """A clerk's till at a desk. What was expected and counted is None while it is open."""

    id: str
    staff_id: int
    organisation_id: str
    desk: str
    currency: str
    opening_cash: int
    opened_at: int
    closed_at: int | None = None
    closed_by: int | None = None
    expected_cash: int | None = None
    expected_card: int | None = None
    counted_cash: int | None = None
    counted_card: int | None = None
    remark: str | None = None


class TillLine(Struct, frozen=True):
    """Hand-overs, or undos of them, of one event by one way of payment (None: nothing was paid)."""

    kind: str
    event_id: str
    currency: str
    method: str | None
    count: int
    amount: int


class LooseLine(Struct, frozen=True):
    """The same for what was taken or given back outside any shift, by whom and where."""

    staff_id: int
    desk: str
    line: TillLine


def add_shift(session: Session, record: ShiftRecord) -> bool:
    """Open a shift; False if this key opened one before, or the clerk has one open at this desk."""
    unless_known = insert_into(session, Shift.__table__).on_conflict_do_nothing()
    return session.scalar(unless_known.returning(Shift.id), structs.asdict(record)) is not None


def shift(session: Session, shift_id: str, *, lock: bool = False) -> ShiftRecord | None:
    """One shift; `lock` keeps hand-overs from joining it until the transaction ends."""
    query = select(Shift).where(Shift.id == shift_id)
    return _first(session, query.with_for_update() if lock else query)


def open_shift_at(session: Session, staff_id: int, desk: str) -> ShiftRecord | None:
    """The shift that a clerk has open at a desk."""
    return _first(session, _open().where(Shift.staff_id == staff_id, Shift.desk == desk))


def open_shifts_of(session: Session, staff_id: int) -> list[ShiftRecord]:
    """Every shift that a clerk has open, oldest first."""
    rows = session.scalars(_open().where(Shift.staff_id == staff_id).order_by(Shift.opened_at, Shift.id))
    return [_record(row) for row in rows]


def recent_shifts_of(session: Session, staff_id: int, limit: int) -> list[ShiftRecord]:
    """A clerk's latest closed shifts, newest first."""
    closed = select(Shift).where(Shift.staff_id == staff_id, Shift.closed_at.is_not(None))
    return [_record(row) for row in session.scalars(closed.order_by(Shift.opened_at.desc()).limit(limit))]


def shifts_between(session: Session, organisations: Select[str], since: int, until: int) -> list[ShiftRecord]:
    """The shifts of these organisations that were opened in a time, oldest first."""
    opened = (Shift.opened_at >= since, Shift.opened_at < until)
    query = select(Shift).where(Shift.organisation_id.in_(organisations), *opened)
    rows = session.scalars(query.order_by(Shift.opened_at, Shift.id))
    return [_record(row) for row in rows]


# What a shift counts


def joins(session: Session, staff_id: int, desk: str, currency: str) -> str | None:
    """The open shift that money taken now is counted in; it cannot be closed until the transaction ends."""
    mine = (Shift.staff_id == staff_id, Shift.desk == desk, Shift.currency == currency)
    return _first_id(session, *mine)


def joins_since(
    session: Session, staff_id: int, desk: str, currency: str, taken_at: int
) -> ShiftRecord | None:
    """The same for money that was taken then: a shift open since before, at this desk rather than at another."""
    mine = (Shift.staff_id == staff_id, Shift.currency == currency, Shift.opened_at <= taken_at)
    query = _open().where(*mine).order_by((Shift.desk == desk).desc(), Shift.opened_at)
    return _first(session, query.limit(1).with_for_update(read=True))


def joins_for_undo(session: Session, pickup_id: str, staff_id: int, currency: str) -> str | None:
    """The same for money given back: the shift that it was taken in, or another that the clerk has open."""
    taken_in = select(Pickup.shift_id).where(Pickup.id == pickup_id).scalar_subquery()
    found = _first_id(session, Shift.id == taken_in)
    return found or _first_id(session, Shift.staff_id == staff_id, Shift.currency == currency)


def paid_with(session: Session, order_id: str) -> tuple[str, int] | None:
    """How, and how much, was last paid for an order at a desk."""
    paid = select(Pickup.payment_method, Pickup.payment_amount).where(
        Pickup.order_id == order_id, Pickup.payment_amount.is_not(None)
    )
    row: Any = session.execute(paid.order_by(Pickup.at.desc()).limit(1)).first()
    return None if row is None else tuple(row)


def note_undo(session: Session, pickup_id: str, shift_id: str | None, paid: tuple[str, int] | None) -> None:
    """Write down where an undo is counted and what it gave back."""
    method, amount = paid or (None, None)
    counted = {"undone_shift_id": shift_id, "given_back_method": method, "given_back_amount": amount}
    session.execute(update(Pickup).where(Pickup.id == pickup_id).values(**counted))


def close_shift(session: Session, record: ShiftRecord) -> None:
    """Write how a shift was closed."""
    names = ("closed_at", "closed_by", "expected_cash", "expected_card", "counted_cash", "counted_card")
    values = {name: getattr(record, name) for name in (*names, "remark")}
    session.execute(update(Shift).where(Shift.id == record.id).values(**values))


def lines(session: Session, shift_ids: Sequence[str]) -> dict[str, list[TillLine]]:
    """What each of these shifts took and gave back, by event and way of payment."""
    found: dict[str, list[TillLine]] = {shift_id: [] for shift_id in shift_ids}
    for ids in in_pieces(shift_ids):
        taken = _sums(TAKEN, Pickup.shift_id).where(Pickup.shift_id.in_(ids))
        given_back = _sums(GIVEN_BACK, Pickup.undone_shift_id).where(Pickup.undone_shift_id.in_(ids))
        for query in (taken, given_back):
            for shift_id, *line in session.execute(query):
                found[shift_id].append(TillLine(*line))
    return found


def loose_lines(session: Session, events: Select[str], since: int, until: int) -> list[LooseLine]:
    """The money of these events that was taken or given back in a time outside any shift."""
    who = (Pickup.staff_id, Pickup.desk)
    taken = _sums(TAKEN, *who).where(
        Pickup.shift_id.is_(None), Pickup.at >= since, Pickup.at < until, Pickup.payment_amount.is_not(None)
    )
    undone = (Pickup.undone_at >= since, Pickup.undone_at < until, Pickup.given_back_amount.is_not(None))
    given_back = _sums(GIVEN_BACK, Pickup.undone_by, Pickup.desk).where(
        Pickup.undone_shift_id.is_(None), *undone
    )
    return [
        LooseLine(staff_id, desk, TillLine(*line))
        for query in (taken, given_back)
        for staff_id, desk, *line in session.execute(query.where(Order.event_id.in_(events)))
    ]


def _sums(kind: str, *by: Any) -> Select[Any]:
    taken = kind == TAKEN
    method = Pickup.payment_method if taken else Pickup.given_back_method
    amount = Pickup.payment_amount if taken else Pickup.given_back_amount
    groups = (*by, Order.event_id, Order.currency, method)
    total = cast(func.coalesce(func.sum(amount), 0), BigInteger)  # PostgreSQL's sums are decimals
    return (
        select(*by, literal(kind), Order.event_id, Order.currency, method, func.count(), total)
        .join(Order, Order.id == Pickup.order_id)
        .group_by(*groups)
        .order_by(*(column.asc().nulls_last() for column in groups))
    )


def _open() -> Select[Shift]:
    return select(Shift).where(Shift.closed_at.is_(None))


def _first_id(session: Session, *which: ColumnElement[bool]) -> str | None:
    shared = select(Shift.id).where(Shift.closed_at.is_(None), *which).order_by(Shift.opened_at)
    return session.scalar(shared.limit(1).with_for_update(read=True))


def _first(session: Session, query: Select[Shift]) -> ShiftRecord | None:
    row = session.scalars(query.execution_options(populate_existing=True)).first()
    return None if row is None else _record(row)


def _record(row: Shift) -> ShiftRecord:
    return ShiftRecord(**{name: getattr(row, name) for name in ShiftRecord.__struct_fields__})
