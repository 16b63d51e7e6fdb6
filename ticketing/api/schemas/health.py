"""Health, and the one shape of every error."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from ticketing.api.schemas.base import Answer


class Health(Answer):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Readiness(Answer):
    """Whether this process can decide holds; `degraded` names what is not well.

    That is any of `redis`, `sql`, `recovering` (those groups) and `backlog` (undrained log entries).
    """

    ready: bool
    degraded: list[str]
    recovering: list[str]
    backlog: int
    rehearsal: bool


class FieldError(Answer):
    """One field that is wrong, and why."""

    field: str
    reason: str


class Problem(Answer):
    """RFC 9457. `code` is one of the closed list; a code's own facts stand beside it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | UnsetType = UNSET
    opens_at: datetime | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    used: int | UnsetType = UNSET
    quota_id: str | UnsetType = UNSET
    available: int | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    collected_at: datetime | UnsetType = UNSET
    desk: str | UnsetType = UNSET
    clerk: str | UnsetType = UNSET
