"""What API tokens, webhooks and their messages look like over the wire."""

from typing import Any, cast

from ticketing.api import schemas
from ticketing.api.views import instant, instant_or_none
from ticketing.hooks.tables import WAITING, Delivery
from ticketing.services.token_rows import TokenRow
from ticketing.services.webhooks import EndpointRow


def token_view(row: TokenRow) -> schemas.ApiToken:
    """An API token without what opens anything."""
    return schemas.ApiToken(
        id=row.id,
        name=row.name,
        scopes=cast("tuple[schemas.TokenScope, ...]", row.scopes),
        organisation=row.organisation_id,
        organisation_name=row.organisation_name,
        made_by=row.maker,
        created_at=instant(row.created_at),
        expires_at=instant(row.expires_at),
        last_used_at=instant_or_none(row.used_at),
    )


def webhook_view(row: EndpointRow) -> schemas.Webhook:
    """A webhook without its secret."""
    return schemas.Webhook(
        id=row.id,
        url=row.url,
        events=cast("tuple[schemas.WebhookEvent, ...]", row.kinds),
        active=row.active,
        organisation=row.organisation_id,
        organisation_name=row.organisation_name,
        made_by=row.made_by,
        created_at=instant(row.created_at),
    )


def delivery_view(row: Delivery) -> schemas.Delivery:
    """A message to a webhook, and what became of it."""
    return schemas.Delivery(
        id=row.id,
        message_id=row.message_id,
        event=cast("schemas.WebhookEvent", row.kind),
        body=row.body,
        at=instant(row.at),
        state=cast("Any", row.state),
        attempts=row.attempts,
        next_at=instant(row.next_at) if row.state == WAITING else None,
        last_status=row.last_status,
        last_error=row.last_error,
        delivered_at=instant_or_none(row.delivered_at),
    )
