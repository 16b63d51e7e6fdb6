"""Voiding what an event had sold and nobody shall collect: many orders a statement, because it may have 100,000."""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ticketing.orders.model import OrderRecord
from ticketing.orders.tables import (
    CANCELLED,
    DUE,
    ISSUED,
    NOT_NEEDED,
    PAID,
    REFUND_DUE,
    TO_WEB,
    VOID,
    Order,
    Return,
    Ticket,
)


class Voided(Struct, frozen=True):
    """One order of which tickets are void now; bit i-1 of `places` is the ticket at place i."""

    order_id: str
    places: int


class Piece(Struct, frozen=True):
    """What one piece voided. It `is_last` when no more was left to look at: hand-overs meanwhile may make it small."""

    voided: list[Voided]
    is_last: bool


def voided_of(order: OrderRecord, codes: Collection[str]) -> Voided:
    """What the voiding of these tickets of an order comes to."""
    return Voided(order.id, sum(ticket.bit for ticket in order.tickets if ticket.code in codes))


def void_event(
    session: Session,
    event_id: str,
    orders_max: int,
    reason: str,
    at: int,
    *,
    confirmed_by: int | None = None,
    goes_to: str = TO_WEB,
) -> Piece:
    """Void what is still to be collected of at most so many orders, and put it on the way back to Redis.

    With `confirmed_by` only of orders that were confirmed until then.
    """
    waiting = select(Ticket.code).where(Ticket.order_id == Order.id, Ticket.status == ISSUED).exists()
    mine = select(Order.id).where(Order.event_id == event_id, waiting)
    if confirmed_by is not None:
        mine = mine.where(Order.confirmed_at <= confirmed_by)
    mine = mine.order_by(Order.id).limit(orders_max).with_for_update()
    chosen = session.scalars(mine).all()
    voided = _void_tickets(session, chosen)
    for each in voided:
        session.add(Return(order_id=each.order_id, places=each.places, goes_to=goes_to, reason=reason, at=at))
    _settle(session, [each.order_id for each in voided])
    return Piece(voided, len(chosen) < orders_max)


def is_left(session: Session, event_id: str) -> bool:
    """Whether a ticket of the event is still to be collected."""
    mine = select(Ticket.code).join(Order, Order.id == Ticket.order_id)
    return (
        session.scalar(mine.where(Order.event_id == event_id, Ticket.status == ISSUED).limit(1)) is not None
    )


def refund_event(session: Session, event_id: str) -> None:
    """Whatever was paid for a cancelled event is to be paid back, for tickets that were collected as well."""
    paid = (Order.event_id == event_id, Order.payment_status == PAID)
    session.execute(update(Order).where(*paid).values(payment_status=REFUND_DUE))


def _void_tickets(session: Session, order_ids: Collection[str]) -> list[Voided]:
    issued = (Ticket.order_id.in_(order_ids), Ticket.status == ISSUED)
    places: dict[str, int] = {}
    changed = update(Ticket).where(*issued).values(status=VOID).returning(Ticket.order_id, Ticket.place)
    for order_id, place in session.execute(changed):
        places[order_id] = places.get(order_id, 0) | 1 << (place - 1)
    return [Voided(*each) for each in sorted(places.items())]


def _settle(session: Session, order_ids: Collection[str]) -> None:
    """Orders without a ticket are cancelled, and nothing is due for them; what was paid for a void one is paid back."""
    standing = select(Ticket.code).where(Ticket.order_id == Order.id, Ticket.status != VOID).exists()
    empty = (Order.id.in_(order_ids), ~standing)
    session.execute(update(Order).where(*empty).values(status=CANCELLED))
    unpaid = (Order.id.in_(order_ids), Order.status == CANCELLED, Order.payment_status == DUE)
    session.execute(update(Order).where(*unpaid).values(payment_status=NOT_NEEDED))
    priced = select(Ticket.code).where(Ticket.order_id == Order.id, Ticket.status == VOID, Ticket.price > 0)
    paid = (Order.id.in_(order_ids), Order.payment_status == PAID, priced.exists())
    session.execute(update(Order).where(*paid).values(payment_status=REFUND_DUE))
