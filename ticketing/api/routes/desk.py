"""The desk: see what waits for whoever stands there, hand it over once, take a mistake back, sell."""

from starlette.responses import Response

from ticketing.api import desk_views, schemas
from ticketing.api.calls import Call, Calls, keyed_response
from ticketing.api.contract import Operation
from ticketing.api.slip_views import slip_view
from ticketing.errors import Code, invalid
from ticketing.services.desk import DESK_ROLES

calls = Calls()


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/swipes",
        summary="Who holds this card, ticket or order, and what waits for them",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        in_turn=True,
        takes=schemas.Swipe,
        gives=schemas.Swiped,
        codes=(Code.NOT_FOUND, Code.CARD_BLOCKED),
    )
)
def swipe(call: Call[schemas.Swipe]) -> schemas.Swiped:
    """Exactly one of `card_number`, `code` and `number`."""
    wish = call.body
    found = call.front.services.desk.swipe(call.caller, wish.card_number, wish.code, wish.number)
    return desk_views.swiped_view(found, call.front.services.seal)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/pickups",
        summary="Hand tickets of an order over, once",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.PickupWish,
        gives=schemas.Pickup,
        keyed=True,
        replays=True,
        codes=(Code.NOT_FOUND, Code.PAYMENT_REQUIRED, Code.ALREADY_COLLECTED, Code.RECOVERING),
    )
)
def pick_up(call: Call[schemas.PickupWish]) -> Response:
    """All tickets that are left when none are named; all or none of those that are."""
    wish = call.body
    made = call.front.services.desk.pick_up(
        call.caller,
        call.idempotency_key,
        wish.order_id,
        wish.ticket_codes,
        wish.desk,
        wish.payment.method if wish.payment else None,
    )
    return keyed_response(desk_views.pickup_as_made(made), 200, replayed=made.replayed)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/pickups/{pickup_id}/undo",
        summary="Take a hand-over or a sale back within 60 s",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.WithReason,
        gives=schemas.Pickup,
        codes=(Code.NOT_FOUND, Code.NOT_CANCELLABLE),
    )
)
def undo(call: Call[schemas.WithReason]) -> schemas.Pickup:
    """Tickets of a hand-over can be handed out again, and what was paid with them is due again; a sale is void."""
    record = call.front.services.desk.undo(call.caller, call.path("pickup_id"), call.body.reason)
    return desk_views.pickup_view(record)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/pickups/{pickup_id}/print",
        summary="The receipt and the tickets of a hand-over, to print",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        gives=schemas.Slip,
        codes=(Code.NOT_FOUND,),
    )
)
def print_slip(call: Call[None]) -> schemas.Slip:
    """Each call counts as a print, and is in the audit trail; all but the first are copies."""
    services = call.front.services
    return slip_view(services.slips.make(call.caller, call.path("pickup_id")), services.seal)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/sales",
        summary="Sell at the desk, collected at once",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.SaleWish,
        gives=schemas.DeskSale,
        status=201,
        keyed=True,
        replays=True,
        codes=(
            Code.NOT_FOUND,
            Code.RECOVERING,
            Code.BACKLOG_FULL,
            Code.CARD_BLOCKED,
            Code.SALE_NOT_OPEN,
            Code.SALE_PAUSED,
            Code.SALE_CLOSED,
            Code.NOT_ELIGIBLE,
            Code.CARD_LIMIT_EXCEEDED,
            Code.SOLD_OUT,
            Code.HOLD_EXPIRED,
            Code.HOLD_RELEASED,
            Code.ALREADY_COLLECTED,
            Code.PAYMENT_REQUIRED,
        ),
    )
)
def sell(call: Call[schemas.SaleWish]) -> Response:
    """From the same stock and under the same limits as online."""
    wish = call.body
    if len({item.quota_id for item in wish.items}) < len(wish.items):
        raise invalid(("items", "a quota may be named at most once"))
    sale = call.front.services.desk.sell(
        call.caller,
        call.idempotency_key,
        wish.card_number,
        wish.event_id,
        [(item.quota_id, item.quantity) for item in wish.items],
        wish.payment.method,
        wish.desk,
    )
    return keyed_response(desk_views.sale_view(sale, call.front.services.seal), 201, replayed=sale.replayed)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/quotas/{quota_id}/give-back",
        summary="Give what is kept of a quota for the desk back to the web",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.WithReason,
        gives=schemas.Share,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def give_back(call: Call[schemas.WithReason]) -> schemas.Share:
    """All of it; repeated, it stays so."""
    quota_id = call.path("quota_id")
    counts = call.front.services.desk_share.give_back(call.caller, quota_id, call.body.reason)
    return schemas.Share(quota_id, counts.withheld, counts.available)
