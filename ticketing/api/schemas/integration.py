"""What other programs are given: API tokens, and webhooks."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import NO_CONTROLS, Answer, DeskName, Id, Request

TokenScope = Literal[
    "events:read",
    "orders:read",
    "stats:read",
    "reports:read",
    "trail:read",
    "cards:write",
    "cards:import",
    "webhooks:replay",
]


class NewApiToken(Request):
    """A token to make for `days`; without `organisation` it reaches as far as its maker does."""

    name: DeskName
    scopes: Annotated[tuple[TokenScope, ...], Meta(min_length=1, max_length=8)]
    days: Annotated[int, Meta(ge=1, le=730)] = 365
    organisation: Id | None = None


class ApiToken(Answer):
    """A token without what opens anything; `last_used_at` is known to a minute."""

    id: str
    name: str
    scopes: tuple[TokenScope, ...]
    organisation: str
    organisation_name: str
    made_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ApiTokens(Answer):
    """Tokens, newest first."""

    tokens: list[ApiToken]


class MadeApiToken(Answer):
    """A new token: `token` is shown this once."""

    token: str
    details: ApiToken


WebhookEvent = Literal["order.confirmed", "order.cancelled", "order.collected", "event.sold_out"]


class NewWebhook(Request):
    """An address to tell; https, or http on the same machine. Without `organisation` it hears as much as its maker."""

    url: Annotated[str, Meta(min_length=1, max_length=500, pattern=NO_CONTROLS)]
    events: Annotated[tuple[WebhookEvent, ...], Meta(min_length=1, max_length=4)]
    organisation: Id | None = None


class Webhook(Answer):
    """A webhook without its secret."""

    id: str
    url: str
    events: tuple[WebhookEvent, ...]
    active: bool
    organisation: str
    organisation_name: str
    made_by: str
    created_at: datetime


class Webhooks(Answer):
    """Webhooks, newest first."""

    webhooks: list[Webhook]


class MadeWebhook(Answer):
    """A new webhook: `secret` is shown this once."""

    secret: str
    details: Webhook


class Delivery(Answer):
    """A message and what became of it; `next_at` while it waits."""

    id: int
    message_id: str
    event: WebhookEvent
    body: str
    at: datetime
    state: Literal["waiting", "delivered", "given_up"]
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str | None
    delivered_at: datetime | None


class Deliveries(Answer):
    """Messages, newest first."""

    deliveries: list[Delivery]


class Replayed(Answer):
    """How many messages will be told again."""

    messages: int
