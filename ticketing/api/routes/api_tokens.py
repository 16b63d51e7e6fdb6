"""API tokens: made, listed and revoked by managers and admins, for their own organisation and below."""

from ticketing.api import integration_views as views
from ticketing.api import schemas
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code
from ticketing.services.api_tokens import TokenWish
from ticketing.services.event_access import WRITERS

calls = Calls()

_PATH = "/api/v1/staff/tokens"


@calls(
    Operation(
        method="GET",
        path=_PATH,
        summary="The API tokens of the staff's part of the tree",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        gives=schemas.ApiTokens,
    )
)
def tokens(call: Call[None]) -> schemas.ApiTokens:
    """Those that were not revoked, newest first; never what opens anything."""
    listed = call.front.services.api_tokens.listed(call.caller)
    return schemas.ApiTokens([views.token_view(row) for row in listed])


@calls(
    Operation(
        method="POST",
        path=_PATH,
        summary="Make an API token",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewApiToken,
        gives=schemas.MadeApiToken,
        status=201,
    )
)
def make(call: Call[schemas.NewApiToken]) -> schemas.MadeApiToken:
    """`token` is shown this once, and goes into `Authorization: Bearer`."""
    body = call.body
    wish = TokenWish(body.name, body.scopes, body.days, body.organisation)
    token, row = call.front.services.api_tokens.create(call.caller, wish)
    return schemas.MadeApiToken(token=token, details=views.token_view(row))


@calls(
    Operation(
        method="DELETE",
        path=f"{_PATH}/{{token_id}}",
        summary="Revoke an API token",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def revoke(call: Call[None]) -> None:
    """It opens nothing after at most two seconds, in every process."""
    call.front.services.api_tokens.revoke(call.caller, call.path("token_id"))
