"""The books as a whole: every order of a group, for making Redis anew from them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, delete, func, select, update
from sqlalchemy.orm import Session

from ticketing.orders.tables import TO_WEB, VOID, Cursor, Order, Return, SetAside, Ticket

_PIECE = 5_000
_ORDERS, _TICKETS = cast("Table", Order.__table__), cast("Table", Ticket.__table__)


class Sold(Struct):
    """An order as Redis kept it: the hold it was, and which of its tickets are void now."""

    id: str
    event_id: str
    member_id: int
    created_at: int
    hold_expires_at: int
    confirmed_at: int
    channel: str
    payment_method: str
    number: str
    position: int
    items: list[tuple[str, int, int]]  # quota id, quantity, price each; in the order of the places
    tickets: int
    void_places: int


_FIELDS = tuple(name for name in Sold.__struct_fields__ if name not in ("items", "tickets", "void_places"))


def all_sold(session: Session, event_ids: Collection[str]) -> Iterator[Sold]:
    """Every order of these events with its tickets as they are now, in pieces, by id."""
    return _sold(session, _ORDERS.c.event_id.in_(event_ids))


def sold(session: Session, order_id: str) -> Sold | None:
    """One order."""
    return next(_sold(session, _ORDERS.c.id == order_id), None)


def _sold(session: Session, wanted: ColumnElement[bool]) -> Iterator[Sold]:
    # Plain rows and no more columns than needed: this is read 100,000 times while a sale stands still.
    seat = (_TICKETS.c.quota_id, _TICKETS.c.price, _TICKETS.c.place, _TICKETS.c.status)
    query = select(*(_ORDERS.c[name] for name in _FIELDS), *seat)
    query = query.join(_TICKETS, _TICKETS.c.order_id == _ORDERS.c.id).where(wanted)
    query = query.order_by(_ORDERS.c.id, _TICKETS.c.place)
    rows = session.execute(query.execution_options(yield_per=_PIECE))
    width = len(_FIELDS)
    for _, same in groupby(rows, key=itemgetter(0)):
        seats = list(same)
        yield Sold(*(*seats[0][:width], *_seats(seat[width:] for seat in seats)))


def _seats(seats: Iterable[Sequence[Any]]) -> tuple[list[tuple[str, int, int]], int, int]:
    items: list[tuple[str, int, int]] = []
    void, count = 0, 0
    for quota, price, place, status in seats:
        count += 1
        if items and items[-1][0] == quota and items[-1][2] == price:
            items[-1] = (quota, items[-1][1] + 1, price)
        else:
            items.append((quota, 1, price))
        if status == VOID:
            void |= 1 << (place - 1)
    return items, count, void


def count_orders(session: Session, event_ids: Collection[str]) -> int:
    """How many orders these events have."""
    return session.scalar(select(func.count()).where(Order.event_id.in_(event_ids))) or 0


def highest_position(session: Session, event_ids: Collection[str]) -> int:
    """The last place in the group's log that an order of these events has, 0 without orders."""
    return session.scalar(select(func.max(Order.position)).where(Order.event_id.in_(event_ids))) or 0


def has_pending_returns(session: Session, event_ids: Collection[str]) -> bool:
    """Whether tickets of these events are on their way back to Redis."""
    query = select(Return.id).join(Order, Order.id == Return.order_id)
    query = query.where(Order.event_id.in_(event_ids), Return.restocked_at.is_(None)).limit(1)
    return session.scalar(query) is not None


def on_their_way_to_the_desk(session: Session, event_ids: Collection[str]) -> dict[str, int]:
    """Tickets of these events, as places by order, that Redis was not yet seen to have in the desk's share."""
    query = select(Return.order_id, Return.places).join(Order, Order.id == Return.order_id)
    query = query.where(
        Order.event_id.in_(event_ids), Return.restocked_at.is_(None), Return.goes_to != TO_WEB
    )
    places: dict[str, int] = {}
    for order_id, mask in session.execute(query):
        places[order_id] = places.get(order_id, 0) | mask
    return places


def renew_cursor(session: Session, group_id: str, epoch: str, position: int) -> None:
    """Put a group's cursor under a new epoch; a drain of the one before moves it no more."""
    session.execute(update(Cursor).where(Cursor.group_id == group_id).values(epoch=epoch, position=position))


def drop_set_aside(session: Session, group_id: str, positions: Collection[int]) -> None:
    """Take entries out of what was set aside: their orders have been recorded since."""
    mended = (SetAside.group_id == group_id, SetAside.position.in_(positions))
    session.execute(delete(SetAside).where(*mended))
