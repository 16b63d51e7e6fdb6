"""Webhooks: set up by managers and admins for their own organisation and below, with a log and a replay."""

from ticketing.api import integration_views as views
from ticketing.api import schemas
from ticketing.api.bodies import read_number
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code
from ticketing.services.event_access import WRITERS
from ticketing.services.webhooks import EndpointWish

calls = Calls()

_PATH = "/api/v1/staff/webhooks"
_ONE = f"{_PATH}/{{webhook_id}}"
_LOG = f"{_ONE}/deliveries"


@calls(
    Operation(
        method="GET",
        path=_PATH,
        summary="The webhooks of the staff's part of the tree",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Webhooks,
    )
)
def webhooks(call: Call[None]) -> schemas.Webhooks:
    """Newest first; never a secret."""
    listed = call.front.services.webhooks.listed(call.caller)
    return schemas.Webhooks([views.webhook_view(row) for row in listed])


@calls(
    Operation(
        method="POST",
        path=_PATH,
        summary="Set up a webhook",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewWebhook,
        gives=schemas.MadeWebhook,
        status=201,
    )
)
def make(call: Call[schemas.NewWebhook]) -> schemas.MadeWebhook:
    """`secret` signs what it is told, by Standard Webhooks; it is shown this once."""
    body = call.body
    wish = EndpointWish(body.url, body.events, body.organisation)
    secret, row = call.front.services.webhooks.create(call.caller, wish)
    return schemas.MadeWebhook(secret=secret, details=views.webhook_view(row))


@calls(
    Operation(
        method="DELETE",
        path=_ONE,
        summary="Remove a webhook",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def remove(call: Call[None]) -> None:
    """It is told nothing any more, also of what happened before."""
    call.front.services.webhooks.remove(call.caller, call.path("webhook_id"))


@calls(
    Operation(
        method="POST",
        path=f"{_ONE}/pause",
        summary="Pause a webhook",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def pause(call: Call[None]) -> None:
    """What happens meanwhile is not told; what waits already is told when it goes on."""
    call.front.services.webhooks.set_active(call.caller, call.path("webhook_id"), active=False)


@calls(
    Operation(
        method="POST",
        path=f"{_ONE}/resume",
        summary="Let a webhook go on",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def resume(call: Call[None]) -> None:
    """The other way round."""
    call.front.services.webhooks.set_active(call.caller, call.path("webhook_id"), active=True)


@calls(
    Operation(
        method="GET",
        path=_LOG,
        summary="What a webhook was told",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Deliveries,
        codes=(Code.NOT_FOUND,),
    )
)
def log(call: Call[None]) -> schemas.Deliveries:
    """The newest hundred, with what the receiver answered; what is done is kept for thirty days."""
    _, deliveries = call.front.services.webhooks.log(call.caller, call.path("webhook_id"))
    return schemas.Deliveries([views.delivery_view(row) for row in deliveries])


@calls(
    Operation(
        method="POST",
        path=f"{_LOG}/{{delivery_id}}/replay",
        summary="Tell a webhook something again",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Replayed,
        codes=(Code.NOT_FOUND,),
    )
)
def replay(call: Call[None]) -> schemas.Replayed:
    """With the same `webhook-id`, by which the receiver knows it again."""
    delivery = read_number(call.path("delivery_id"))
    return schemas.Replayed(
        call.front.services.webhooks.replay(call.caller, call.path("webhook_id"), delivery)
    )


@calls(
    Operation(
        method="POST",
        path=f"{_ONE}/replay",
        summary="Tell a webhook all again that was given up",
        tag="integration",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Replayed,
        codes=(Code.NOT_FOUND,),
    )
)
def replay_given_up(call: Call[None]) -> schemas.Replayed:
    """After a receiver was down for longer than a day."""
    return schemas.Replayed(call.front.services.webhooks.replay(call.caller, call.path("webhook_id")))
