"""Taking back what a desk did a moment ago: a hand-over, or a whole sale.

A hand-over undone leaves an order whose tickets wait, or are voided by the worker when the event was called off
meanwhile; what was paid with it is due again. A sale undone leaves nothing: its tickets are void and go back to where
they came from, the desk's share first, and the clerk hands the money back. Both are one transaction of SQL; Redis hears
of the tickets after it, by a return that heals.
"""

from collections.abc import Collection

from sqlalchemy.orm import Session

from ticketing.catalogue import repository as catalogue
from ticketing.errors import Code, Refusal
from ticketing.orders import repository as orders
from ticketing.orders import till
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.tables import DUE, NOT_NEEDED, PAID, REFUND_DUE, REFUNDED, TO_ORIGIN
from ticketing.orders.voiding import voided_of
from ticketing.services import trail, webhook_outbox
from ticketing.services.orders import PAY_AT_DESK
from ticketing.services.tokens import Claims

UNDO_MS = 60_000
"""How long a hand-over or a sale can be taken back."""

SALE_UNDONE = "the sale at the desk was undone"
"""The reason of the returns."""


def take_back(
    session: Session, clerk: Claims, order: OrderRecord, record: PickupRecord, reason: str, now: int
) -> None:
    """Undo a hand-over or sale that stands, of an order that the caller has locked.

    Raises `Refusal` NOT_CANCELLABLE when it is too late.
    """
    if now - record.at > UNDO_MS:
        raise Refusal(Code.NOT_CANCELLABLE)
    if not orders.undo_pickup(session, record.id, clerk.id, reason, now):
        return  # another clerk was quicker
    undone = (
        _void_sale(session, order, record.ticket_codes, now)
        if record.is_sale
        else _make_due_again(session, order)
    )
    catalogue.void_late(session, order.event_id)
    shift = till.joins_for_undo(session, record.id, clerk.id, order.currency)
    till.note_undo(session, record.id, shift, undone)
    detail: dict[str, object] = {
        "pickup": record.id,
        "tickets": list(record.ticket_codes),
        "reason": reason,
        "given_back": undone[1] if undone else None,
    }
    action = "order.undo_sale" if record.is_sale else "order.undo_pick_up"
    trail.record(session, now, clerk.actor, action, f"order:{order.id}", detail)


def _make_due_again(session: Session, order: OrderRecord) -> tuple[str, int] | None:
    """How and how much, when with this undo all that was handed over against the payment is taken back."""
    if order.payment_method != PAY_AT_DESK or orders.has_standing_pickup(session, order.id):
        return None
    return till.paid_with(session, order.id) if orders.change_payment(session, order.id, PAID, DUE) else None


def _void_sale(
    session: Session, order: OrderRecord, codes: Collection[str], now: int
) -> tuple[str, int] | None:
    """The sale never was; how and how much the clerk hands back, also when the event was called off since.

    Nothing, when it was never finished and nobody had paid.
    """
    if orders.void_tickets(session, order, codes, SALE_UNDONE, now, TO_ORIGIN):
        webhook_outbox.cancelled(session, order.event_id, [voided_of(order, codes)], now)
    paid = till.paid_with(session, order.id)
    after = REFUNDED if paid else NOT_NEEDED
    settled = any(orders.change_payment(session, order.id, state, after) for state in (PAID, REFUND_DUE))
    return paid if settled else None
