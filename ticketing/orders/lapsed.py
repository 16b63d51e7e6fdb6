"""Tickets that went back because of a rule and not of a wish: what their members, and clerks, are told."""

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.orders.tables import Order, Return


class Lapsed(Struct, frozen=True):
    """So many tickets of an order went back then."""

    order_id: str
    number: str
    event_id: str
    tickets: int
    at: int


def of_member(session: Session, member_id: int, reason: str, since: int) -> list[Lapsed]:
    """What of a member's tickets went back for this reason since then, newest first."""
    columns = (Order.id, Order.number, Order.event_id, Return.places, Return.at)
    query = select(*columns).join(Return, Return.order_id == Order.id)
    query = query.where(Order.member_id == member_id, Return.reason == reason, Return.at >= since)
    rows = session.execute(query.order_by(Return.at.desc(), Return.id.desc()))
    return [
        Lapsed(id_, number, event_id, places.bit_count(), at) for id_, number, event_id, places, at in rows
    ]
