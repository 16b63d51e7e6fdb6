"""What staff send and see while they set up a campaign: copies, templates, tables of quotas."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import NO_CONTROLS_BUT_LINES, Answer, Instant, Note, OptionalLine, Request
from ticketing.api.schemas.health import FieldError

Pasted = Annotated[str, Meta(min_length=1, max_length=60_000, pattern=NO_CONTROLS_BUT_LINES)]


class CopyWish(Request):
    """A draft like an event, `days` later; `same_series` shares the limit over the series with it."""

    days: Annotated[int, Meta(ge=-3_660, le=3_660)]
    same_series: bool = False


class TemplateWish(Request):
    """A draft of a template, whose first showing starts then; its texts in a language."""

    template: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z_]+$")]
    starts_at: Instant
    title: OptionalLine = ""
    language: Literal["zh", "en"] = "zh"


class TemplateAnswer(Answer):
    """A template: its name, what its drafts are called, and how many quotas they have."""

    name: str
    title: dict[str, str]
    quotas: int


class Templates(Answer):
    """Every template."""

    templates: list[TemplateAnswer]


class RemarkAnswer(Answer):
    """One thing to look at before publishing; an `error` is refused, a `warning` is not."""

    level: Literal["error", "warning"]
    field: str
    reason: str


class CheckAnswer(Answer):
    """Everything to look at, errors first."""

    publishable: bool
    remarks: list[RemarkAnswer]


class QuotaTableWish(Request):
    """A pasted table of quotas. `replace` puts it in the place of a draft's quotas; `dry_run` only looks."""

    text: Pasted
    replace: bool = False
    dry_run: bool = False
    reason: Note = ""


class QuotaLine(Answer):
    """A line of the table as it was read, and what is wrong with it."""

    line: int
    name: str
    starts_at: datetime | None
    price: int
    face_price: int | None
    capacity: int
    per_card_limit: int | None
    withheld: int
    errors: list[FieldError]


class QuotaTableAnswer(Answer):
    """The table as it was read. `written` says whether the event has these quotas now."""

    written: bool
    lines: list[QuotaLine]
    errors: list[FieldError]
    unused_columns: list[str]
