"""What was sold of an event, and when: the figures staff watch."""

from typing import NamedTuple

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
