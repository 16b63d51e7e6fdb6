"""Builds the contract's objects of the desk. Pure functions."""

from msgspec import structs

from ticketing.api import schemas, views
from ticketing.orders.model import PickupRecord
from ticketing.services.desk import Sale
from ticketing.services.seals import Seal
from ticketing.services.swipes import Swiped


def swiped_view(swiped: Swiped, seal: Seal) -> schemas.Swiped:
    """Who stands at the desk, and what waits for them."""
    gone = swiped.handed_out
    return schemas.Swiped(
        member=views.holder_view(swiped.holder),
        orders=[views.order_view(order, seal) for order in swiped.orders],
        allowances=[one for events, ledger in swiped.ledgers for one in views.allowances(events, ledger)],
        handed_out=schemas.HandedOut(views.instant(gone.collected_at), gone.desk, gone.clerk)
        if gone
        else None,
        went_back=[
            schemas.WentBack(one.order_id, one.number, one.event_id, one.tickets, views.instant(one.at))
            for one in swiped.lapsed
        ],
        unfinished=list(swiped.unfinished),
    )


def sale_view(sale: Sale, seal: Seal) -> schemas.DeskSale:
    """What was sold at the desk."""
    return schemas.DeskSale(**structs.asdict(views.order_view(sale.order, seal)), pickup_id=sale.pickup_id)


def pickup_view(record: PickupRecord) -> schemas.Pickup:
    """Tickets handed over in one movement."""
    return schemas.Pickup(
        pickup_id=record.id,
        order_id=record.order_id,
        collected=list(record.ticket_codes),
        collected_at=views.instant(record.at),
        desk=record.desk,
        undone_at=views.instant_or_none(record.undone_at),
        given_back=_given_back(record),
        sale_void=record.is_sale and record.undone_at is not None,
    )


def _given_back(record: PickupRecord) -> schemas.GivenBack | None:
    if record.given_back_method is None or record.given_back_amount is None:
        return None
    return schemas.GivenBack(record.given_back_method, record.given_back_amount)


def pickup_as_made(record: PickupRecord) -> schemas.Pickup:
    """A hand-over as it was answered the first time, undone since or not: what a replay says again."""
    return pickup_view(
        structs.replace(record, undone_at=None, given_back_method=None, given_back_amount=None)
    )
