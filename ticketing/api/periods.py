"""Times in an address: `since` and `until`, for a report the last 31 days unless they say otherwise."""

from datetime import datetime

from ticketing.api.calls import Call
from ticketing.api.views import millis
from ticketing.clock import DAY_MS
from ticketing.errors import invalid

PERIOD_QUERY = ("since", "until")
_USUAL_DAYS = 31


def period_of(call: Call[None]) -> tuple[int, int]:
    """The time in milliseconds. Raises the refusal `invalid`."""
    until = time_of(call, "until") or call.front.services.clock.now_ms() + 1
    since = time_of(call, "since")
    return until - _USUAL_DAYS * DAY_MS if since is None else since, until


def time_of(call: Call[None], name: str) -> int | None:
    """A time of the query in milliseconds, None for none. Raises the refusal `invalid`."""
    text = call.query(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        return millis(at)
    except (ValueError, OverflowError) as error:
        raise invalid((name, "must be a time such as 2026-05-01T00:00:00Z")) from error
