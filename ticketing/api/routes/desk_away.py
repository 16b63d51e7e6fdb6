"""A desk without the network: what it loads before."""

from starlette.responses import Response

from ticketing.api import away_views, schemas
from ticketing.api.calls import Call, Calls, json_response
from ticketing.api.contract import Operation
from ticketing.api.routes.desk import ROLES
from ticketing.errors import Code

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/desk/offline",
        summary="What a desk may need of its events while the network is away",
        tag="desk",
        caller="staff",
        roles=ROLES,
        gives=schemas.DeskList,
        codes=(Code.NOT_FOUND,),
        query=("events",),
    )
)
def load(call: Call[None]) -> Response:
    """`events`, separated by commas, or all whose tickets may be collected now; signed, and bounded."""
    services, wanted = call.front.services, call.query("events")
    made = services.desk_lists.make(call.caller, wanted.split(",") if wanted is not None else None)
    view = away_views.list_view(made, services.seal, services.keyring.desk)
    response = json_response(view, 200)
    signature = services.seal.sign_list(bytes(response.body))
    response.headers["desk-list-signature"] = away_views.base64url(signature)
    return response
