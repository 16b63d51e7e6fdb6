"""What was sold of an event, and when: the figures staff watch."""

from typing import Any, NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ticketing.orders.tables import COLLECTED, VOID, Order, Ticket


class QuotaSales(NamedTuple):
    """Tickets of a quota that SQL has: sold (not void), and of these collected."""

    sold: int
    collected: int


class SaleSecond(NamedTuple):
    """What was confirmed in the second that begins at `at` (ms), tickets cancelled since included."""

    at: int
    orders: int
    tickets: int


def sales_by_quota(session: Session, event_id: str) -> dict[str, QuotaSales]:
    """The sales of each quota of the event of which any ticket was ever sold."""
    sold = func.sum(case((Ticket.status != VOID, 1), else_=0))
    collected = func.sum(case((Ticket.status == COLLECTED, 1), else_=0))
    query = select(Ticket.quota_id, sold, collected).join(Order, Order.id == Ticket.order_id)
    rows = session.execute(query.where(Order.event_id == event_id).group_by(Ticket.quota_id))
    return {quota: QuotaSales(int(sold), int(collected)) for quota, sold, collected in rows}


def last_seconds(session: Session, event_id: str, count: int, since: int = 0) -> list[SaleSecond]:
    """The last `count` seconds from `since` (ms) on in which something was sold, oldest first."""
    second = (Order.confirmed_at - Order.confirmed_at % 1000).label("second")
    figures = (func.count(Order.id.distinct()), func.count(Ticket.code))
    query = select(second, *figures).join(Ticket, Ticket.order_id == Order.id)
    query = query.where(Order.event_id == event_id, Order.confirmed_at >= since)
    query = query.group_by(second).order_by(second.desc()).limit(count)
    return [SaleSecond(*row) for row in reversed(session.execute(query).all())]


def first_and_last(session: Session, event_id: str) -> tuple[int, int] | None:
    """When the first and the last ticket of an event was sold (ms)."""
    query = select(func.min(Order.confirmed_at), func.max(Order.confirmed_at))
    row: Any = session.execute(query.where(Order.event_id == event_id)).one()
    return None if row[0] is None else (row[0], row[1])


def sold_in_steps(session: Session, event_id: str, step: int, since: int, until: int) -> list[SaleSecond]:
    """What was confirmed from `since` to `until`, both included, in each step of so many ms; oldest first."""
    at = (Order.confirmed_at - (Order.confirmed_at - since) % step).label("at")
    query = select(at, func.count(Order.id.distinct()), func.count(Ticket.code))
    query = query.join(Ticket, Ticket.order_id == Order.id)
    query = query.where(Order.event_id == event_id, Order.confirmed_at.between(since, until))
    return [SaleSecond(*row) for row in session.execute(query.group_by(at).order_by(at))]


def tickets_ever(session: Session, event_id: str) -> int:
    """How many tickets of an event were ever sold, those cancelled since included."""
    query = select(func.count(Ticket.code)).join(Order, Order.id == Ticket.order_id)
    return session.scalar(query.where(Order.event_id == event_id)) or 0
