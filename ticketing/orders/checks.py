"""What the audit asks of the orders' room: sums to compare with Redis, and rows that must not be.

Times are milliseconds; every function reads in the session of one snapshot.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from ticketing.orders.tables import COLLECTED, VOID, Order, Pickup, Return, Ticket


class RecordedOrder(NamedTuple):
    """An order as the audit compares it with its hold."""

    id: str
    member_id: int
    position: int
    tickets: int


def recorded_orders(session: Session, event_ids: Sequence[str]) -> Iterator[RecordedOrder]:
    """Every order of these events, with how many tickets it has."""
    query = select(Order.id, Order.member_id, Order.position, func.count(Ticket.code))
    query = query.outerjoin(Ticket, Ticket.order_id == Order.id).where(Order.event_id.in_(event_ids))
    for row in session.execute(query.group_by(Order.id)):
        yield RecordedOrder(*row)


def tickets_up_to(session: Session, event_ids: Sequence[str], position: int) -> dict[str, int]:
    """Tickets by quota, void ones too, of orders up to this place in their group's log."""
    query = select(Ticket.quota_id, func.count()).join(Order, Order.id == Ticket.order_id)
    query = query.where(Order.event_id.in_(event_ids), Order.position <= position)
    return dict(session.execute(query.group_by(Ticket.quota_id)).all())


def void_tickets(session: Session, event_ids: Sequence[str]) -> dict[str, int]:
    """Void tickets by quota: those that Redis has back, and those on their way."""
    query = select(Ticket.quota_id, func.count()).join(Order, Order.id == Ticket.order_id)
    query = query.where(Order.event_id.in_(event_ids), Ticket.status == VOID)
    return dict(session.execute(query.group_by(Ticket.quota_id)).all())


def tickets_on_their_way_back(session: Session, event_ids: Sequence[str]) -> dict[str, int]:
    """Void tickets by quota that Redis was not yet seen to have."""
    query = select(Ticket.quota_id, Ticket.place, Return.places).join(
        Return, Return.order_id == Ticket.order_id
    )
    query = query.join(Order, Order.id == Ticket.order_id)
    query = query.where(Order.event_id.in_(event_ids), Return.restocked_at.is_(None))
    counts: dict[str, int] = {}
    for quota_id, place, places in session.execute(query):
        counts[quota_id] = counts.get(quota_id, 0) + (places >> (place - 1) & 1)
    return counts


def numbers_given_twice(session: Session) -> Sequence[str]:
    """Order numbers that two orders share."""
    query = select(Order.number).group_by(Order.number).having(func.count() > 1)
    return session.scalars(query).all()


def orders_that_do_not_add_up(session: Session) -> Sequence[str]:
    """Orders without tickets, or whose amount is not the sum of their tickets' prices."""
    total = func.coalesce(func.sum(Ticket.price), 0)
    query = select(Order.id).outerjoin(Ticket, Ticket.order_id == Order.id).group_by(Order.id, Order.amount)
    return session.scalars(query.having(or_(func.count(Ticket.code) == 0, total != Order.amount))).all()


def tickets_collected_without_a_pickup(session: Session) -> Sequence[str]:
    """Tickets said to be handed out, by no hand-over that stands."""
    query = select(Ticket.code).outerjoin(Pickup, Pickup.id == Ticket.pickup_id)
    missing = or_(Pickup.id.is_(None), Pickup.undone_at.is_not(None), Pickup.order_id != Ticket.order_id)
    return session.scalars(query.where(Ticket.status == COLLECTED, missing)).all()


def pickups_without_their_tickets(session: Session) -> Sequence[str]:
    """Hand-overs that stand although their tickets are not, or not all, collected by them."""
    collected = func.count(Ticket.code)
    query = select(Pickup.id, Pickup.ticket_codes, collected).group_by(Pickup.id, Pickup.order_id)
    of_it = (Ticket.pickup_id == Pickup.id) & (Ticket.status == COLLECTED)
    query = query.outerjoin(Ticket, of_it).where(Pickup.undone_at.is_(None))
    return [pickup_id for pickup_id, codes, count in session.execute(query) if len(codes) != count]


def count(session: Session) -> tuple[int, int]:
    """How many orders, and how many tickets that are not void, SQL has."""
    orders = session.scalar(select(func.count()).select_from(Order)) or 0
    return orders, session.scalar(select(func.count()).where(Ticket.status != VOID)) or 0


def any_order(session: Session) -> tuple[str, str] | None:
    """Id and number of some order, for comparing with the secret at hand."""
    row = session.execute(select(Order.id, Order.number).limit(1)).one_or_none()
    return None if row is None else (row.id, row.number)
