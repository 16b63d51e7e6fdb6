"""Voiding what a cancelled event had sold: many orders a statement, because an event may have 100,000."""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ticketing.orders.tables import (
    CANCELLED,
    DUE,
    ISSUED,
    NOT_NEEDED,
    PAID,
    REFUND_DUE,
    VOID,
    Order,
    Return,
    Ticket,
)


class Voided(Struct, frozen=True):
    """One order of which tickets are void now; bit i-1 of `places` is the ticket at place i."""

    order_id: str
    places: int


def void_event(session: Session, event_id: str, orders_max: int, reason: str, at: int) -> list[Voided]:
    """Void what is still to be collected of at most so many orders, and put it on the way back to Redis."""
    waiting = select(Ticket.code).where(Ticket.order_id == Order.id, Ticket.status == ISSUED).exists()
    mine = select(Order.id).where(Order.event_id == event_id, waiting).order_by(Order.id).limit(orders_max)
    voided = _void_tickets(session, session.scalars(mine.with_for_update()).all())
    for each in voided:
        session.add(Return(order_id=each.order_id, places=each.places, reason=reason, at=at))
    _settle(session, [each.order_id for each in voided])
    return voided


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
    """Orders without a ticket are cancelled; of these nothing is due any more."""
    standing = select(Ticket.code).where(Ticket.order_id == Order.id, Ticket.status != VOID).exists()
    empty = (Order.id.in_(order_ids), ~standing)
    session.execute(update(Order).where(*empty).values(status=CANCELLED))
    unpaid = (Order.id.in_(order_ids), Order.status == CANCELLED, Order.payment_status == DUE)
    session.execute(update(Order).where(*unpaid).values(payment_status=NOT_NEEDED))
