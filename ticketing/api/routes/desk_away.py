"""A desk without the network: what it loads before, sends afterwards, and what did not fit."""

from starlette.responses import Response

from ticketing.api import away_views, schemas
from ticketing.api.bodies import read_number
from ticketing.api.calls import Call, Calls, json_response
from ticketing.api.contract import Operation
from ticketing.errors import Code, invalid
from ticketing.services.desk import DESK_ROLES
from ticketing.services.desk_away import READERS
from ticketing.services.event_access import WRITERS

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/desk/offline",
        summary="What a desk may need of its events while the network is away",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        gives=schemas.DeskList,
        codes=(Code.NOT_FOUND,),
        query=("events",),
    )
)
def load(call: Call[None]) -> Response:
    """`events`, separated by commas, or all whose tickets may be collected now; signed, and bounded."""
    services, wanted = call.front.services, call.query("events")
    made = services.desk_lists.make(call.caller, wanted.split(",") if wanted is not None else None)
    unsettled = services.away.unsettled(call.caller)
    view = away_views.list_view(made, services.seal, services.keyring.desk, unsettled)
    response = json_response(view, 200)
    signature = services.seal.sign_list(bytes(response.body))
    response.headers["desk-list-signature"] = away_views.base64url(signature)
    return response


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/offline/hand-overs",
        summary="Send what was handed over while the network was away",
        tag="desk",
        caller="staff",
        roles=DESK_ROLES,
        takes=schemas.AwaySending,
        gives=schemas.AwayTakings,
    )
)
def send(call: Call[schemas.AwaySending]) -> schemas.AwayTakings:
    """Each is booked once, however often it is sent; what does not fit is a conflict, kept and shown to staff."""
    hand_overs = [away_views.sent(one) for one in call.body.hand_overs]
    service = call.front.services.away
    taken = service.take(call.caller, call.body.device, hand_overs)
    return schemas.AwayTakings([away_views.taken_view(one) for one in taken], service.unsettled(call.caller))


@calls(
    Operation(
        method="GET",
        path="/api/v1/desk/conflicts",
        summary="Tickets that were handed over twice, and what else did not fit, newest first",
        tag="desk",
        caller="staff",
        roles=READERS,
        gives=schemas.DeskConflicts,
        query=("cursor", "settled"),
    )
)
def list_conflicts(call: Call[None]) -> schemas.DeskConflicts:
    """Of the events of one's own organisation and all below it; `settled` `true` or `false` for only these."""
    asked = call.query("settled")
    if asked not in (None, "true", "false"):
        raise invalid(("settled", "true or false"))
    settled = None if asked is None else asked == "true"
    found, following = call.front.services.away.conflicts(call.caller, call.query("cursor"), settled)
    return schemas.DeskConflicts([away_views.conflict_view(one) for one in found], following)


@calls(
    Operation(
        method="POST",
        path="/api/v1/desk/conflicts/{conflict_id}/settle",
        summary="Note that people have put a conflict right, and how",
        tag="desk",
        caller="staff",
        roles=WRITERS,
        takes=schemas.WithReason,
        gives=schemas.DeskConflict,
        codes=(Code.NOT_FOUND,),
    )
)
def settle(call: Call[schemas.WithReason]) -> schemas.DeskConflict:
    """It leaves the open ones; repeated, the first note stands."""
    conflict_id = read_number(call.path("conflict_id"))
    return away_views.conflict_view(
        call.front.services.away.settle(call.caller, conflict_id, call.body.reason)
    )
