"""What other programs are given: API tokens."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import Answer, DeskName, Id, Request

TokenScope = Literal["events:read", "orders:read", "stats:read", "reports:read", "cards:write"]


class NewApiToken(Request):
    """A token to make for `days`; without `organisation` it reaches as far as its maker does."""

    name: DeskName
    scopes: Annotated[tuple[TokenScope, ...], Meta(min_length=1, max_length=5)]
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
