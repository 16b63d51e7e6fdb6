"""The bounds of what clients send, and the two bases of every struct.

Requests refuse unknown fields, and every text in them is bounded and free of control characters; msgspec
checks all of that while it decodes, and writes the same bounds into the OpenAPI document.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

QUOTAS_MAX = 200
NO_CONTROLS = r"^(?![\s\S]*[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069])"
NO_CONTROLS_BUT_LINES = (
    r"^(?![\s\S]*[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069])"
)

Id = Annotated[str, Meta(min_length=1, max_length=80, pattern=NO_CONTROLS)]
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROLS)]
DeskName = Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_CONTROLS)]
QrText = Annotated[str, Meta(min_length=1, max_length=300, pattern=NO_CONTROLS)]
OptionalLine = Annotated[str, Meta(max_length=200, pattern=NO_CONTROLS)]
Text = Annotated[str, Meta(max_length=5_000, pattern=NO_CONTROLS_BUT_LINES)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=NO_CONTROLS)]
Note = Annotated[str, Meta(max_length=500, pattern=NO_CONTROLS_BUT_LINES)]
CardNumber = Annotated[str, Meta(min_length=1, max_length=40, pattern=NO_CONTROLS)]
Secret = Annotated[str, Meta(min_length=1, max_length=128, pattern=NO_CONTROLS)]
Method = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[a-z0-9_]+$")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
Instant = Annotated[datetime, Meta(tz=True)]
Price = Annotated[int, Meta(ge=0, le=100_000_000)]
Capacity = Annotated[int, Meta(ge=0, le=1_000_000)]
Limit = Annotated[int, Meta(ge=1, le=1_000)]
HoldSeconds = Annotated[int, Meta(ge=1, le=3_600)]

Status = Literal["scheduled", "open", "paused", "sold_out", "closed", "recovering", "cancelled"]
Uncollected = Literal["keep", "web", "desk"]
StaffStatus = Literal["draft", "scheduled", "open", "paused", "sold_out", "closed", "recovering", "cancelled"]
EventKind = Literal["cinema", "carnival", "exhibition", "theatre", "class", "other"]
HoldStatus = Literal["held", "confirmed", "released", "expired"]
OrderStatus = Literal["confirmed", "cancelled"]
PaymentStatus = Literal["not_needed", "due", "paid", "refund_due", "refunded"]
TicketStatus = Literal["issued", "collected", "void"]
Scope = Literal["quota", "event", "group"]
Role = Literal["manager", "clerk", "auditor", "admin"]


class Request(Struct, forbid_unknown_fields=True):
    """Base of what clients send: unknown fields are refused."""


class Answer(Struct):
    """Base of what we send."""
