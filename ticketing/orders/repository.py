"""All SQL of the orders' room. Functions take a `Session` first; only callers commit."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, cast

from msgspec import structs
from sqlalchemy import Select, Table, delete, select, tuple_, update
from sqlalchemy.orm import Session

from ticketing.database import in_pieces, insert_into
from ticketing.orders.bulk import insert_rows
from ticketing.orders.model import (
    CursorRecord,
    OrderRecord,
    PendingReturn,
    PickupRecord,
    Poison,
    TicketRecord,
)
from ticketing.orders.tables import (
    CANCELLED,
    COLLECTED,
    ISSUED,
    TO_WEB,
    VOID,
    Cursor,
    Order,
    Pickup,
    Return,
    SetAside,
    Ticket,
)

_ORDERS, _TICKETS = cast("Table", Order.__table__), cast("Table", Ticket.__table__)
_CHANGING = frozenset({"status", "payment_status", "recorded_at"})
_COLUMNS = tuple(_ORDERS.c[name] for name in OrderRecord.__struct_fields__ if name != "tickets")
_PLAIN = tuple(name for name in OrderRecord.__struct_fields__ if name not in ("recorded_at", "tickets"))
_plain_values = attrgetter(*_PLAIN)
ORDER_COLUMNS = (*_PLAIN, "recorded_at")
TICKET_COLUMNS = ("code", "order_id", "quota_id", "place", "price", "status")
_FIXED = tuple(column.name for column in _ORDERS.columns if column.name not in _CHANGING)


# Recording ------------------------------------------------------------------------------------


def record_orders(session: Session, orders: Sequence[OrderRecord], at_ms: int) -> int:
    """Insert `orders` with their tickets and return how many were new.

    An order that is there already is left as it is, if it says the same; if it says something else,
    `Poison` is raised. So every replay, and a desk that was quicker than the drain, are harmless.
    """
    if not orders:
        return 0
    rows, fresh = order_rows(orders, at_ms), orders
    if insert_rows(session, _ORDERS, ORDER_COLUMNS, rows, "ON CONFLICT (id) DO NOTHING") < len(orders):
        fresh = _new_among(session, orders)
    tickets = ticket_rows(fresh)
    if tickets:
        insert_rows(session, _TICKETS, TICKET_COLUMNS, tickets)
    return len(fresh)


def order_rows(orders: Sequence[OrderRecord], at_ms: int) -> list[tuple[Any, ...]]:
    """Values of `ORDER_COLUMNS`, recorded at `at_ms`."""
    return [(*_plain_values(order), at_ms) for order in orders]


def ticket_rows(orders: Sequence[OrderRecord]) -> list[tuple[Any, ...]]:
    """Values of `TICKET_COLUMNS` for every ticket of `orders`."""
    return [
        (ticket.code, order.id, ticket.quota_id, ticket.place, ticket.price, ticket.status)
        for order in orders
        for ticket in order.tickets
    ]


def _new_among(session: Session, orders: Sequence[OrderRecord]) -> list[OrderRecord]:
    """Those that were just inserted: they have no tickets yet. The others must say the same as before."""
    known = {order.id for order in by_ids(session, [order.id for order in orders]) if order.tickets}
    _compare_known(session, [order for order in orders if order.id in known])
    return [order for order in orders if order.id not in known]


def _compare_known(session: Session, orders: Sequence[OrderRecord]) -> None:
    known = {order.id: order for order in by_ids(session, [order.id for order in orders])}
    for order in orders:
        if _content(known[order.id]) != _content(order):
            raise Poison(f"order {order.id} is recorded already, and says something else")


def _content(order: OrderRecord) -> tuple[object, ...]:
    fixed = tuple(getattr(order, name) for name in _FIXED)
    return fixed, tuple((seat.code, seat.quota_id, seat.place, seat.price) for seat in order.tickets)


# Reading --------------------------------------------------------------------------------------


def get(session: Session, order_id: str, *, lock: bool = False) -> OrderRecord | None:
    """An order with its tickets; `lock` keeps others from changing it until the transaction ends."""
    if lock:
        session.execute(select(Order.id).where(Order.id == order_id).with_for_update())
    return next(iter(by_ids(session, [order_id])), None)


def by_ids(session: Session, order_ids: Sequence[str]) -> list[OrderRecord]:
    """The orders of these ids that are recorded, in no order."""
    found: list[OrderRecord] = []
    for ids in in_pieces(order_ids):
        found += _read(session, select(*_COLUMNS).where(_ORDERS.c.id.in_(ids)))
    return found


def by_number(session: Session, number: str) -> OrderRecord | None:
    """The order that people know by `number`."""
    return next(iter(_read(session, select(*_COLUMNS).where(_ORDERS.c.number == number))), None)


def for_member(
    session: Session, member_id: int, limit: int, before: tuple[int, str] | None = None
) -> list[OrderRecord]:
    """At most `limit` orders of a member, newest first.

    `before` is the (confirmed_at, number) of the last one seen; numbers sort alike under every collation.
    """
    columns = _ORDERS.c
    query = select(*_COLUMNS).where(columns.member_id == member_id)
    if before:
        query = query.where(tuple_(columns.confirmed_at, columns.number) < before)
    return _read(session, query.order_by(columns.confirmed_at.desc(), columns.number.desc()).limit(limit))


def to_collect(session: Session, member_id: int, limit: int) -> list[OrderRecord]:
    """At most `limit` orders of a member that have tickets still to hand out, oldest first."""
    waiting = select(Ticket.order_id).where(Ticket.status == ISSUED, Ticket.order_id == Order.id).exists()
    query = select(*_COLUMNS).where(_ORDERS.c.member_id == member_id, waiting)
    return _read(session, query.order_by(_ORDERS.c.confirmed_at).limit(limit))


def of_event(session: Session, event_id: str) -> list[OrderRecord]:
    """Every order of an event, in the order of the log. For comparing books; an event may have 100,000."""
    query = select(*_COLUMNS).where(_ORDERS.c.event_id == event_id)
    return _read(session, query.order_by(_ORDERS.c.position))


def recorded(session: Session, order_ids: Sequence[str]) -> set[str]:
    """Which of these orders SQL has."""
    found: set[str] = set()
    for ids in in_pieces(order_ids):
        found.update(session.scalars(select(Order.id).where(Order.id.in_(ids))))
    return found


def _read(session: Session, query: Select[Any]) -> list[OrderRecord]:
    rows: Sequence[Any] = session.execute(query).all()
    if not rows:
        return []
    tickets = _tickets_of(session, [row.id for row in rows])
    return [OrderRecord(*(*row, tuple(tickets.get(row.id, ())))) for row in rows]


def _tickets_of(session: Session, order_ids: Sequence[str]) -> dict[str, list[TicketRecord]]:
    columns = _TICKETS.c
    query = select(
        columns.order_id,
        columns.code,
        columns.quota_id,
        columns.place,
        columns.price,
        columns.status,
        columns.collected_at,
    )
    tickets: dict[str, list[TicketRecord]] = {}
    for ids in in_pieces(order_ids):
        piece = query.where(columns.order_id.in_(ids)).order_by(columns.order_id, columns.place)
        for order_id, *row in session.execute(piece):
            tickets.setdefault(order_id, []).append(TicketRecord(*row))
    return tickets


# The drain's place ----------------------------------------------------------------------------


def open_cursor(session: Session, group_id: str, epoch: str) -> None:
    """Start a group's cursor at 0, if it has none."""
    statement = insert_into(session, Cursor.__table__).on_conflict_do_nothing(index_elements=["group_id"])
    session.execute(statement, {"group_id": group_id, "epoch": epoch, "position": 0})


def close_cursor(session: Session, group_id: str) -> None:
    """End a group's log for good: it is archived."""
    session.execute(delete(Cursor).where(Cursor.group_id == group_id))


def cursor(session: Session, group_id: str, *, lock: bool = False) -> CursorRecord | None:
    """A group's cursor, or None for a group that was never opened."""
    query = select(Cursor.group_id, Cursor.epoch, Cursor.position).where(Cursor.group_id == group_id)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else CursorRecord(*row)


def cursors(session: Session) -> list[CursorRecord]:
    """Every group that was opened, with its cursor."""
    query = select(Cursor.group_id, Cursor.epoch, Cursor.position).order_by(Cursor.group_id)
    return [CursorRecord(*row) for row in session.execute(query)]


def move_cursor(session: Session, at: CursorRecord, to: int) -> bool:
    """Move a cursor from where it was read, and lock its row until the transaction ends.

    False if it is no longer there: another drain was quicker, or the group has a new epoch.
    """
    where_it_was = (Cursor.group_id == at.group_id, Cursor.epoch == at.epoch, Cursor.position == at.position)
    moved = session.execute(update(Cursor).where(*where_it_was).values(position=to))
    return _count(moved) == 1


def set_aside(
    session: Session, at: CursorRecord, position: int, entry: bytes, reason: str, at_ms: int
) -> None:
    """Keep a log entry that cannot be recorded, for a person to decide."""
    statement = insert_into(session, SetAside.__table__).on_conflict_do_nothing()
    row = {"group_id": at.group_id, "epoch": at.epoch, "position": position}
    session.execute(statement, {**row, "entry": entry, "reason": reason, "at": at_ms})


def set_aside_entries(session: Session, group_id: str | None = None) -> list[SetAside]:
    """What was set aside, of one group or of all."""
    query = select(SetAside).order_by(SetAside.group_id, SetAside.position)
    return list(session.scalars(query if group_id is None else query.where(SetAside.group_id == group_id)))


# The way back ---------------------------------------------------------------------------------


def void_tickets(
    session: Session,
    order: OrderRecord,
    codes: Iterable[str],
    reason: str,
    at_ms: int,
    goes_to: str = TO_WEB,
) -> int:
    """Void those of the tickets that are still issued, put them on the way back, and return how many.

    The last ticket takes the order with it. The caller compares the number with what it wanted.
    """
    wanted = set(codes)
    still_issued = (Ticket.order_id == order.id, Ticket.code.in_(wanted), Ticket.status == ISSUED)
    count = _count(session.execute(update(Ticket).where(*still_issued).values(status=VOID)))
    if count == 0:
        return 0
    places = sum(ticket.bit for ticket in order.tickets if ticket.code in wanted)
    session.add(Return(order_id=order.id, places=places, goes_to=goes_to, reason=reason, at=at_ms))
    if all(ticket.code in wanted or ticket.status == VOID for ticket in order.tickets):
        session.execute(update(Order).where(Order.id == order.id).values(status=CANCELLED))
    session.flush()
    return count


def pending_returns(
    session: Session, limit: int, order_id: str | None = None, after: int = 0
) -> list[PendingReturn]:
    """The oldest returns that Redis does not have yet, of one order or of all, with an id above `after`."""
    query = select(Return.id, Return.order_id, Order.event_id, Return.places, Return.goes_to)
    query = query.join(Order, Order.id == Return.order_id).where(Return.id > after)
    if order_id is not None:
        query = query.where(Return.order_id == order_id)
    rows = session.execute(query.where(Return.restocked_at.is_(None)).order_by(Return.id).limit(limit))
    return [PendingReturn(*row) for row in rows]


def mark_restocked(session: Session, return_ids: Sequence[int], at_ms: int) -> None:
    """Note that Redis has these tickets back."""
    session.execute(update(Return).where(Return.id.in_(return_ids)).values(restocked_at=at_ms))


# Handing over ---------------------------------------------------------------------------------


def pickup(session: Session, pickup_id: str) -> PickupRecord | None:
    """One hand-over, undone or not."""
    row = session.get(Pickup, pickup_id, populate_existing=True)
    return None if row is None else _pickup_record(row)


def add_pickup(session: Session, record: PickupRecord, shift_id: str | None) -> bool:
    """Write a hand-over, counted in this shift; False if its id is taken, so the same key came before."""
    unless_known = insert_into(session, Pickup.__table__).on_conflict_do_nothing(index_elements=["id"])
    row = structs.asdict(record) | {"ticket_codes": list(record.ticket_codes), "shift_id": shift_id}
    return session.scalar(unless_known.returning(Pickup.id), row) is not None


def collect_tickets(session: Session, record: PickupRecord) -> bool:
    """Hand out the tickets of `record`: all of them, or (False, and the caller rolls back) not all.

    One conditional UPDATE: of two desks at once the second finds nothing issued any more.
    """
    still_issued = (
        Ticket.order_id == record.order_id,
        Ticket.code.in_(record.ticket_codes),
        Ticket.status == ISSUED,
    )
    handed_out = {"status": COLLECTED, "collected_at": record.at, "pickup_id": record.id}
    result = session.execute(update(Ticket).where(*still_issued).values(**handed_out))
    return _count(result) == len(record.ticket_codes)


def undo_pickup(session: Session, pickup_id: str, staff_id: int, reason: str, at_ms: int) -> bool:
    """Take a hand-over back; False if it was taken back before."""
    standing = (Pickup.id == pickup_id, Pickup.undone_at.is_(None))
    undone = {"undone_at": at_ms, "undone_by": staff_id, "undo_reason": reason}
    if _count(session.execute(update(Pickup).where(*standing).values(**undone))) == 0:
        return False
    issued_again = {"status": ISSUED, "collected_at": None, "pickup_id": None}
    of_this_pickup = (Ticket.pickup_id == pickup_id, Ticket.status == COLLECTED)
    session.execute(update(Ticket).where(*of_this_pickup).values(**issued_again))
    return True


def count_print(session: Session, pickup_id: str) -> int | None:
    """Count a print of a hand-over; how many there are with it, None when it was taken back."""
    standing = (Pickup.id == pickup_id, Pickup.undone_at.is_(None))
    change = update(Pickup).where(*standing).values(prints=Pickup.prints + 1)
    return session.scalar(change.returning(Pickup.prints))


def standing_pickup_of(session: Session, codes: Sequence[str], besides: str = "") -> PickupRecord | None:
    """The latest hand-over, `besides` this one, that holds one of these tickets now."""
    query = select(Pickup).join(Ticket, Ticket.pickup_id == Pickup.id)
    query = query.where(Ticket.code.in_(codes), Pickup.id != besides)
    row = session.scalars(query.order_by(Pickup.at.desc()).limit(1)).first()
    return None if row is None else _pickup_record(row)


def has_standing_pickup(session: Session, order_id: str) -> bool:
    """Whether a hand-over of this order was not taken back."""
    query = select(Pickup.id).where(Pickup.order_id == order_id, Pickup.undone_at.is_(None)).limit(1)
    return session.scalar(query) is not None


def change_payment(session: Session, order_id: str, before: str, after: str) -> bool:
    """Move an order's payment on; False if it was not in the state `before`."""
    of_this_state = (Order.id == order_id, Order.payment_status == before)
    return _count(session.execute(update(Order).where(*of_this_state).values(payment_status=after))) == 1


def _pickup_record(row: Pickup) -> PickupRecord:
    return PickupRecord(
        id=row.id,
        order_id=row.order_id,
        ticket_codes=tuple(row.ticket_codes),
        request=row.request,
        staff_id=row.staff_id,
        desk=row.desk,
        payment_method=row.payment_method,
        payment_amount=row.payment_amount,
        at=row.at,
        undone_at=row.undone_at,
        given_back_method=row.given_back_method,
        given_back_amount=row.given_back_amount,
    )


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))
