"""The books as a whole: every order of a group, for making Redis anew from them."""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import cast

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.orm import Session

from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.orders.tables import Cursor, Order, Return, SetAside, Ticket

_PIECE = 5_000
_ORDER_FIELDS = tuple(name for name in OrderRecord.__struct_fields__ if name != "tickets")
_ORDERS, _TICKETS = cast("Table", Order.__table__), cast("Table", Ticket.__table__)


def all_orders(session: Session, event_ids: Collection[str]) -> Iterator[OrderRecord]:
    """Every order of these events with its tickets as they are now, in pieces, by id."""
    tickets = [_TICKETS.c[name] for name in TicketRecord.__struct_fields__]
    query = select(*(_ORDERS.c[name] for name in _ORDER_FIELDS), *tickets)
    query = query.join(_TICKETS, _TICKETS.c.order_id == _ORDERS.c.id)
    query = query.where(_ORDERS.c.event_id.in_(event_ids)).order_by(_ORDERS.c.id, _TICKETS.c.place)
    width = len(_ORDER_FIELDS)
    rows = session.execute(query.execution_options(yield_per=_PIECE))
    for _, same in groupby(rows, key=lambda row: row[0]):
        seats = [tuple(row) for row in same]
        tickets_now = tuple(TicketRecord(*seat[width:]) for seat in seats)
        yield OrderRecord(*(*seats[0][:width], tickets_now))


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


def renew_cursor(session: Session, group_id: str, epoch: str, position: int) -> None:
    """Put a group's cursor under a new epoch; a drain of the one before moves it no more."""
    session.execute(update(Cursor).where(Cursor.group_id == group_id).values(epoch=epoch, position=position))


def drop_set_aside(session: Session, group_id: str, positions: Collection[int]) -> None:
    """Take entries out of what was set aside: their orders have been recorded since."""
    mended = (SetAside.group_id == group_id, SetAside.position.in_(positions))
    session.execute(delete(SetAside).where(*mended))
