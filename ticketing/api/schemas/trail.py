"""The audit trail as staff read it."""

from datetime import datetime
from typing import Any

from ticketing.api.schemas.base import Answer


class TrailEntry(Answer):
    """One act: `actor` is `staff:USERNAME`, `member` or `system`, `subject` `kind:id`, `name` what people call it.

    `event_id` and `organisation` say where it belonged when it was done.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    name: str | None
    event_id: str | None
    organisation: str | None
    detail: dict[str, Any]


class Trail(Answer):
    """Acts, newest first; `next_cursor` asks for the following ones."""

    entries: list[TrailEntry]
    next_cursor: str | None
