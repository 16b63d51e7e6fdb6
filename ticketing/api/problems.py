"""The one table from codes to HTTP, and the one shape of every error (RFC 9457).

A `Refusal` keeps its code and its facts; a `Failure` is 503 `unavailable`. Nothing else about an error
leaves the process: no traceback, no message of a library.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ticketing.errors import Code, Refusal

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_MS = 1_000
"""How long a client waits before it repeats what passes, unless a fact says more."""

_TABLE: dict[Code, tuple[int, str, str]] = {
    Code.IDEMPOTENCY_KEY_MISSING: (400, "Idempotency-Key missing", "Send an Idempotency-Key header."),
    Code.MALFORMED_REQUEST: (
        400,
        "Malformed request",
        "This is not a whole HTTP request, or its head is too large.",
    ),
    Code.MALFORMED_JSON: (400, "Malformed JSON", "The body is not a JSON document in UTF-8."),
    Code.UNAUTHENTICATED: (401, "Not signed in", "Sign in first: there is no session, or it has ended."),
    Code.BAD_CREDENTIALS: (401, "Wrong credentials", "The number or name and the secret do not match."),
    Code.SECOND_FACTOR_NEEDED: (
        401,
        "Second factor needed",
        "Send the `code` of the account's authenticator along; an account that has none sets one up first.",
    ),
    Code.CROSS_ORIGIN: (403, "Cross-origin request", "A change must come from our own pages."),
    Code.FORBIDDEN: (403, "Forbidden", "This session may not do that."),
    Code.CARD_BLOCKED: (403, "Card blocked", "This card is blocked; ask your union."),
    Code.NOT_ELIGIBLE: (403, "Not eligible", "This event is for members of other organisations."),
    Code.NOT_FOUND: (404, "Not found", "There is nothing here, or it belongs to somebody else."),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed", "The Allow header names the methods of this path."),
    Code.SALE_NOT_OPEN: (409, "Sale not open", "The sale has not opened yet."),
    Code.SALE_PAUSED: (409, "Sale paused", "The sale is paused; it may go on later."),
    Code.SALE_CLOSED: (409, "Sale closed", "The sale is over."),
    Code.CARD_LIMIT_EXCEEDED: (409, "Card limit exceeded", "That would be more than one card may take."),
    Code.SOLD_OUT: (409, "Sold out", "There are not enough tickets left; held ones may come back."),
    Code.HOLD_EXPIRED: (409, "Hold expired", "The time to confirm is over; the tickets went back."),
    Code.HOLD_RELEASED: (409, "Hold released", "The tickets of this hold were given back."),
    Code.HOLD_CONFIRMED: (409, "Hold confirmed", "This hold is an order already."),
    Code.ALREADY_COLLECTED: (409, "Already collected", "These tickets have been handed out."),
    Code.CAPACITY_IN_USE: (
        409,
        "Capacity in use",
        "More is sold or held; force it if you mean it.",
    ),
    Code.NOT_CANCELLABLE: (409, "Not cancellable", "This can no longer be cancelled or changed."),
    Code.PAYMENT_REQUIRED: (409, "Payment required", "It costs something, or cannot be paid this way here."),
    Code.SHIFT_OPEN: (409, "Shift open", "This clerk has a shift open at this desk; close it first."),
    Code.SHIFT_CLOSED: (409, "Shift closed", "This shift was closed before, with other counts."),
    Code.BODY_TOO_LARGE: (413, "Body too large", "The body is larger than this call takes."),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "Unsupported media type", "Send application/json in UTF-8."),
    Code.INVALID: (422, "Invalid request", "The members of `errors` name the wrong fields."),
    Code.IDEMPOTENCY_KEY_REUSED: (422, "Idempotency-Key reused", "This key was used for another wish."),
    Code.RATE_LIMITED: (429, "Too many requests", "Wait for the time in Retry-After."),
    Code.UNAVAILABLE: (503, "Unavailable", "A part of the engine does not answer; repeat with the same key."),
    Code.RECOVERING: (503, "Recovering", "This sale is being put right; nothing is lost."),
    Code.BACKLOG_FULL: (503, "Backlog full", "The books are behind; new holds wait for them."),
}

_PASSING = frozenset({Code.RATE_LIMITED, Code.UNAVAILABLE, Code.RECOVERING, Code.BACKLOG_FULL})
_CHALLENGED = frozenset({Code.UNAUTHENTICATED, Code.BAD_CREDENTIALS, Code.SECOND_FACTOR_NEEDED})

Problem = tuple[int, dict[str, str], bytes]
"""Status, headers, and the body's bytes."""


def status_of(code: Code) -> int:
    """The HTTP status of a code."""
    return _TABLE[code][0]


def title_of(code: Code) -> str:
    """A code in a few words, the same for every occurrence."""
    return _TABLE[code][1]


def problem(code: Code, facts: Mapping[str, Any] | None = None) -> Problem:
    """An error answer.

    `retry_after_ms` of the facts becomes `Retry-After`, `allow` becomes `Allow`, and times (`…_at`, in
    milliseconds) become RFC 3339; a `detail`
    replaces the usual one; all others stand in the body as they are.
    """
    facts = dict(facts or {})
    status, title, detail = _TABLE[code]
    headers = _headers(code, facts)
    body = {
        "type": f"urn:ticketing:problem:{code.value}",
        "title": title,
        "status": status,
        "detail": facts.pop("detail", detail),
        "code": code.value,
        **{name: _on_the_wire(name, value) for name, value in facts.items()},
    }
    return status, headers, msgspec.json.encode(body)


def refused(refusal: Refusal) -> Problem:
    """The error answer of a refusal."""
    return problem(refusal.code, refusal.facts)


def _headers(code: Code, facts: dict[str, Any]) -> dict[str, str]:
    headers = {"content-type": PROBLEM_JSON, "cache-control": "no-store"}
    retry_after_ms = facts.pop("retry_after_ms", RETRY_AFTER_MS)
    if code in _PASSING:
        headers["retry-after"] = str(max(1, -(-retry_after_ms // 1000)))
    if code in _CHALLENGED:
        headers["www-authenticate"] = "Bearer"
    if "allow" in facts:
        headers["allow"] = facts.pop("allow")
    return headers


def _on_the_wire(name: str, value: Any) -> Any:
    is_time = name.endswith("_at") and isinstance(value, int)
    return datetime.fromtimestamp(value / 1000, UTC) if is_time else value
