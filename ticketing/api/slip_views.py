"""Builds what a desk prints from what `services` return."""

from typing import Any

from ticketing.api import schemas
from ticketing.api.views import instant, instant_or_none, masked_name
from ticketing.catalogue.tables import Quota
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.services.seals import Seal
from ticketing.services.slips import Slip


def slip_view(slip: Slip, seal: Seal) -> schemas.Slip:
    """A hand-over as it is printed."""
    quotas = {quota.id: quota for quota in slip.event.quotas}
    method: Any = slip.pickup.payment_method
    return schemas.Slip(
        pickup_id=slip.pickup.id,
        copy=slip.copy,
        organisation=slip.organisation,
        title=slip.event.title,
        venue=slip.event.venue,
        starts_at=instant(slip.event.starts_at),
        order_number=slip.order.number,
        name_masked=masked_name(slip.member),
        currency=slip.order.currency,
        amount=slip.pickup.payment_amount or 0,
        method=method,
        desk=slip.pickup.desk,
        clerk=slip.clerk,
        collected_at=instant(slip.pickup.at),
        tickets=[_ticket(slip.order, ticket, quotas[ticket.quota_id], seal) for ticket in slip.tickets],
    )


def _ticket(order: OrderRecord, ticket: TicketRecord, quota: Quota, seal: Seal) -> schemas.SlipTicket:
    return schemas.SlipTicket(
        code=ticket.code,
        qr=seal.qr(order, ticket),
        quota=quota.name,
        starts_at=instant_or_none(quota.starts_at),
        price=ticket.price,
        face_price=quota.face_price,
    )
