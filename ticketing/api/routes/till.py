"""The till: a clerk's shift opens and closes with its totals, and the finance office reads them all."""

from starlette.responses import Response

from ticketing.api import desk_views, schemas, till_views
from ticketing.api.calls import Call, Calls, keyed_response
from ticketing.api.contract import Operation
from ticketing.api.downloads import add_downloads
from ticketing.api.periods import PERIOD_QUERY, period_of
from ticketing.errors import Code
from ticketing.services.desk import DESK_ROLES
from ticketing.services.event_access import READERS
from ticketing.services.till import TillReport
from ticketing.services.till_export import till_table

SHIFTS = "/api/v1/desk/shifts"
REPORT = "/api/v1/staff/till"

calls = Calls()


@calls(
    Operation(
        method="POST",
        path=SHIFTS,
        summary="Open a shift with the cash that is in the drawer",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.ShiftWish,
        gives=schemas.Shift,
        status=201,
        keyed=True,
        replays=True,
        codes=(Code.SHIFT_OPEN,),
    )
)
def open_shift(call: Call[schemas.ShiftWish]) -> Response:
    """A clerk has one shift open at a desk at most."""
    wish = call.body
    opened = call.front.services.till.open(
        call.caller, call.idempotency_key, wish.desk, wish.opening_cash, wish.currency
    )
    return keyed_response(till_views.shift_view(opened), 201, replayed=opened.replayed)


@calls(
    Operation(
        method="GET",
        path=SHIFTS,
        summary="The caller's open shifts and latest closed ones",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        gives=schemas.Shifts,
    )
)
def my_shifts(call: Call[None]) -> schemas.Shifts:
    """Open ones first."""
    return schemas.Shifts([till_views.shift_view(one) for one in call.front.services.till.mine(call.caller)])


@calls(
    Operation(
        method="GET",
        path=f"{SHIFTS}/{{shift_id}}",
        summary="A shift with its totals by event and way of payment",
        tag="desk",
        caller="staff",
        gives=schemas.Shift,
        codes=(Code.NOT_FOUND,),
    )
)
def show_shift(call: Call[None]) -> schemas.Shift:
    """One's own, or as finance those of one's organisation and below."""
    return till_views.shift_view(call.front.services.till.shift(call.caller, call.path("shift_id")))


@calls(
    Operation(
        method="POST",
        path=f"{SHIFTS}/{{shift_id}}/close",
        summary="Close a shift with what was counted, once",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.ShiftClosing,
        gives=schemas.Shift,
        codes=(Code.NOT_FOUND, Code.SHIFT_CLOSED),
    )
)
def close_shift(call: Call[schemas.ShiftClosing]) -> schemas.Shift:
    """Repeated with the same counts: the same answer. A difference needs a remark."""
    wish, till = call.body, call.front.services.till
    shift_id = call.path("shift_id")
    closed = till.close(call.caller, shift_id, wish.counted_cash, wish.counted_card, wish.remark.strip())
    return till_views.shift_view(closed)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/sales/{order_id}/finish",
        summary="Finish a sale that broke off: count its money, hand out what waits",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.Finishing,
        gives=schemas.Pickup,
        codes=(Code.NOT_FOUND, Code.HOLD_RELEASED, Code.RECOVERING),
    )
)
def finish_sale(call: Call[schemas.Finishing]) -> schemas.Pickup:
    """For the clerk who sold it, and for managers; repeated, the same answer."""
    finished = call.front.services.unfinished.finish(call.caller, call.path("order_id"), call.body.desk)
    return desk_views.pickup_view(finished)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/sales/{order_id}/undo",
        summary="Undo a sale that broke off, with its money given back or never taken",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.SaleUndo,
        gives=schemas.Pickup,
        codes=(Code.NOT_FOUND, Code.ALREADY_COLLECTED, Code.NOT_CANCELLABLE, Code.RECOVERING),
    )
)
def undo_sale(call: Call[schemas.SaleUndo]) -> schemas.Pickup:
    """For the clerk who sold it, and for managers; not when somebody has handed out tickets of it."""
    wish, order_id = call.body, call.path("order_id")
    undone = call.front.services.unfinished.undo(
        call.caller, order_id, wish.desk, wish.reason, paid=wish.paid
    )
    return desk_views.pickup_view(undone)


@calls(
    Operation(
        method="GET",
        path=REPORT,
        summary="The shifts opened in a time, and what no shift counted in it",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.TillReport,
        query=PERIOD_QUERY,
    )
)
def report(call: Call[None]) -> schemas.TillReport:
    """Of the caller's organisation and below; the last 31 days unless `since` and `until` say otherwise."""
    return till_views.report_view(_report(call))


add_downloads(
    calls,
    Operation(
        method="GET",
        path=REPORT,
        summary="One line for each sum of the tills",
        tag="staff",
        caller="staff",
        roles=READERS,
        query=PERIOD_QUERY,
    ),
    lambda call: ("till", till_table(_report(call))),
)


def _report(call: Call[None]) -> TillReport:
    since, until = period_of(call)
    return call.front.services.till.report(call.caller, since, until)
