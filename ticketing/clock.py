"""Time as Redis tells it.

Every answer of the inventory carries Redis' time. A process keeps the offset between that and its
own monotonic clock, so a wall clock an hour off, or one that steps, changes neither countdowns nor
sessions. All times in this package are integer milliseconds since the Unix epoch.
"""

import time
from datetime import UTC, datetime, timedelta, timezone

MINUTE_MS = 60_000
DAY_MS = 24 * 3_600_000

ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of every time shown or typed, and of every day and month that is counted. A fixed offset: no summer time
since 1991, no zone files needed."""


class ServerClock:
    """Redis' time, carried forward by the monotonic clock between answers."""

    def __init__(self) -> None:
        self._offset_ms = int(time.time() * 1000) - _monotonic_ms()

    def observe(self, server_ms: int) -> None:
        """Take the time of an answer that has just arrived."""
        self._offset_ms = server_ms - _monotonic_ms()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, by Redis' clock."""
        return time.monotonic_ns() // 1_000_000 + self._offset_ms


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def to_rfc3339(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, e.g. `2026-05-01T01:00:00.000Z`."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
