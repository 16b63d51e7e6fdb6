"""What a member has to do with which events: for telling them what became of these."""

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from ticketing.orders.tables import VOID, Order, Return, Ticket


class Stake(Struct, frozen=True):
    """A member has tickets of a quota since then, or had them when they were voided for `void_reason`."""

    event_id: str
    quota_id: str
    since: int


def of_member(session: Session, member_id: int, void_reason: str) -> list[Stake]:
    """Every quota of which the member has tickets, or lost them for this reason; `since` is the first order's time."""
    voided = select(Return.id).where(Return.order_id == Order.id, Return.reason == void_reason).exists()
    query = select(Order.event_id, Ticket.quota_id, func.min(Order.confirmed_at))
    query = query.join(Ticket, Ticket.order_id == Order.id)
    query = query.where(Order.member_id == member_id, or_(Ticket.status != VOID, voided))
    return [Stake(*row) for row in session.execute(query.group_by(Order.event_id, Ticket.quota_id))]
