"""More tickets for a quota: what staff send and see."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import Answer, Capacity, Instant, Reason, Request


class WavePlanWish(Request):
    """So many tickets at this time."""

    at: Instant
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class RaiseWish(Request):
    """So many tickets at once, and waves at their times."""

    reason: Reason
    now: Capacity = 0
    waves: Annotated[tuple[WavePlanWish, ...], Meta(max_length=20)] = ()


class WaveAnswer(Answer):
    """Tickets that come, or came, at a time. `by` is who planned them."""

    id: str
    quota_id: str
    at: datetime
    quantity: int
    state: Literal["waiting", "releasing", "released", "cancelled"]
    reason: str
    by: str
    settled_at: datetime | None


class Waves(Answer):
    """Every wave of an event, by its time."""

    waves: list[WaveAnswer]
