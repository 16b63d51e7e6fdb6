"""Sales at a desk whose money no till counts: the desk died after Redis had sold, before SQL had the hand-over.

It needs no note: a sale that was finished, or undone, left a hand-over with what was paid. Only callers commit.
"""

from sqlalchemy import Select, literal_column, select
from sqlalchemy.orm import Session

from ticketing.orders import repository
from ticketing.orders.model import OrderRecord
from ticketing.orders.tables import DESK, PAID, REFUND_DUE, Order, Pickup

# As the index has it: a parameter would not find it.
_AT_A_DESK = Order.channel == literal_column(f"'{DESK}'")
_COUNTED = select(Pickup.id).where(Pickup.order_id == Order.id, Pickup.payment_amount.is_not(None)).exists()
_UNFINISHED = (_AT_A_DESK, Order.amount > 0, Order.payment_status.in_((PAID, REFUND_DUE)), ~_COUNTED)


def sales(session: Session, since: int, until: int, events: Select[str] | None = None) -> list[OrderRecord]:
    """The unfinished sales of a time, of these events or of all, oldest first."""
    query = select(Order.id).where(*_UNFINISHED, Order.confirmed_at >= since, Order.confirmed_at < until)
    if events is not None:
        query = query.where(Order.event_id.in_(events))
    found = repository.by_ids(session, session.scalars(query).all())
    return sorted(found, key=lambda order: (order.confirmed_at, order.number))


def is_unfinished(session: Session, order: OrderRecord) -> bool:
    """Whether this order is one; SQL is asked only about those of desks."""
    query = select(Order.id).where(Order.id == order.id, *_UNFINISHED)
    return order.channel == DESK and session.scalar(query) is not None
