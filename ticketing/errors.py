"""The two families of errors, never mixed.

A `Refusal` is expected: the rules said no, and it carries one `Code` of the closed list.
A `Failure` is not: something broke, and it always chains its cause.
Neither knows HTTP; `ticketing.api.problems` gives codes their status and words.
"""

from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every refusal and failure a client can be told, in the contract's words."""

    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_JSON = "malformed_json"
    UNAUTHENTICATED = "unauthenticated"
    BAD_CREDENTIALS = "bad_credentials"
    SECOND_FACTOR_NEEDED = "second_factor_needed"
    CROSS_ORIGIN = "cross_origin"
    FORBIDDEN = "forbidden"
    CARD_BLOCKED = "card_blocked"
    NOT_ELIGIBLE = "not_eligible"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SALE_NOT_OPEN = "sale_not_open"
    SALE_PAUSED = "sale_paused"
    SALE_CLOSED = "sale_closed"
    CARD_LIMIT_EXCEEDED = "card_limit_exceeded"
    SOLD_OUT = "sold_out"
    HOLD_EXPIRED = "hold_expired"
    HOLD_RELEASED = "hold_released"
    HOLD_CONFIRMED = "hold_confirmed"
    ALREADY_COLLECTED = "already_collected"
    CAPACITY_IN_USE = "capacity_in_use"
    NOT_CANCELLABLE = "not_cancellable"
    PAYMENT_REQUIRED = "payment_required"
    SHIFT_OPEN = "shift_open"
    SHIFT_CLOSED = "shift_closed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    RECOVERING = "recovering"
    BACKLOG_FULL = "backlog_full"


class TicketingError(Exception):
    """Base of everything this package raises on purpose."""


class Refusal(TicketingError):
    """The rules said no.

    `facts` are the extra members the contract gives a code, such as `opens_at`, `limit` or
    `retry_after_ms`. The hot path returns refusals instead of raising them: a sold-out rush is
    nearly all refusals, and a return costs a tenth of a raise.
    """

    def __init__(self, code: Code, **facts: Any) -> None:
        super().__init__(code.value)
        self.code = code
        self.facts = facts


def invalid(*errors: tuple[str, str]) -> Refusal:
    """The refusal of a request whose fields are wrong: (field, reason) for each."""
    return Refusal(Code.INVALID, errors=[{"field": field, "reason": reason} for field, reason in errors])


class Failure(TicketingError):
    """Something broke; raise it `from` its cause."""


class StoreUnavailable(Failure):
    """Redis or SQL did not answer; whether the act happened is unknown, so repeat it with the same id."""


class Misconfigured(Failure):
    """A setting is missing or unsafe; the message says which and what to do."""
