"""The numbers of events while somebody watches: read once a second for each event, and shared by all who do.

A reader runs while it has watchers, and ends after the read under way. Who watches waits for the next numbers, never
for a server; one that is slow misses some and gets the latest. A stream ends with its session, with its reach, and
before the process does: an open one would hold up a shutdown until the server loses patience.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
import structlog
from fastapi.sse import EventSourceResponse, format_sse_event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import Response

from ticketing.api import schemas
from ticketing.api.auth import Gate
from ticketing.api.stats_views import watched_view
from ticketing.clock import ServerClock
from ticketing.errors import Code, Failure, Refusal, StoreUnavailable
from ticketing.inventory.presence import Presence
from ticketing.services.stats import EventStats, StatsService
from ticketing.services.tokens import Claims

READ_SECONDS = 1.0
READING_SHARE = 10
"""A reader rests ten times as long as it read, so that a large sale's numbers never take more than that of a core."""

ALIVE_SECONDS = 10.0
"""The same numbers are sent again after so long: a network that is cut shows, and nothing in between hangs up."""

CHECK_SECONDS = 0.5
STREAM_SECONDS_MAX = 600
"""Then a stream ends and the browser asks anew, which is when its session is renewed."""

WATCHERS_MAX = 200
"""Streams of one process."""

WATCHERS_OF_ONE_MAX = 10
"""Streams of one person in one process."""

RETRY_MS = 2_000

_HEADERS = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}  # the second: nginx must not keep them back

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class Shown(NamedTuple):
    """Numbers as they are sent: the first read is number 1, and one that says the same has the same number.

    `path` is the place in the tree of the organisation they belong to.
    """

    number: int
    at: float
    path: str
    stats: schemas.WatchedStats


class Writing(NamedTuple):
    """What a kind of watcher is sent of new numbers; those of one kind share the text."""

    kind: str
    write: Callable[[schemas.WatchedStats], str]


IN_JSON = Writing("json", lambda stats: _encode(stats).decode())
"""The numbers as programs read them."""


class Reader:
    """One event's numbers, read for all who watch it here."""

    def __init__(self, event_id: str, stats: StatsService, presence: Presence) -> None:
        self.names: Counter[str] = Counter()
        self.shown: Shown | None = None
        self.failure: Refusal | None = None
        self._event_id = event_id
        self._stats = stats
        self._presence = presence
        self._before: EventStats | None = None
        self._watching: list[str] = []
        self._texts: dict[str, str] = {}
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()

    async def news(self, seconds: float) -> None:
        """Wait for other numbers, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def text(self, shown: Shown, writing: Writing) -> str:
        """The latest numbers as this kind of watcher reads them."""
        if writing.kind not in self._texts:
            self._texts[writing.kind] = writing.write(shown.stats)
        return self._texts[writing.kind]

    async def run(self) -> None:
        """Read until `stop`."""
        while not self._stopping.is_set():
            begun = time.monotonic()
            await self._read()
            spent = time.monotonic() - begun
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._stopping.wait(), max(READ_SECONDS - spent, READING_SHARE * spent)
                )

    def stop(self) -> None:
        """End after the read under way: its thread goes on whatever becomes of this task."""
        self._stopping.set()

    async def _read(self) -> None:
        try:
            stats = await asyncio.to_thread(self._stats.watched, self._event_id, self._before)
            await self._note(stats.as_of)
        except Refusal as refusal:
            self.failure = refusal
        except (DBAPIError, PoolTimeout, Failure):
            self.failure = Refusal(Code.UNAVAILABLE)
        except Exception:  # noqa: BLE001 - a reader that ended would leave its watchers with old numbers
            _log.exception("live_numbers_failed", event_id=self._event_id)
            self.failure = Refusal(Code.UNAVAILABLE)
        else:
            self.failure, self._before = None, stats
            self._show(stats)
        self.tell()

    async def _note(self, now_ms: int) -> None:
        """Ask who else watches; while Redis is away, those of this process do."""
        try:
            self._watching = await self._presence.note(self._event_id, self.names, now_ms)
        except StoreUnavailable:
            self._watching = sorted(self.names)

    def _show(self, stats: EventStats) -> None:
        view, known = watched_view(stats, self._watching), self.shown
        now = time.monotonic()
        if known is not None and now - known.at < ALIVE_SECONDS and _same(known.stats, view):
            return
        self.shown = Shown(known.number + 1 if known else 1, now, stats.books.path, view)
        self._texts = {}

    def tell(self) -> None:
        """Wake everybody who waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()


class Live:
    """The readers of one process, and who watches them."""

    def __init__(self, stats: StatsService, presence: Presence, gate: Gate, clock: ServerClock) -> None:
        self._stats = stats
        self._clock = clock
        self._presence = presence
        self._gate = gate
        self._readers: dict[str, Reader] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self._closing = False

    def close(self) -> None:
        """Let every stream end now, and take no other."""
        self._closing = True
        for reader in self._readers.values():
            reader.tell()

    async def settle(self) -> None:
        """End every reader, and wait for the reads under way."""
        for reader in self._readers.values():
            reader.stop()
        await asyncio.gather(*self._reading)

    async def watching(self, event_id: str) -> list[str]:
        """Who watches an event now, in any process; nobody while Redis is away."""
        try:
            return await self._presence.note(event_id, (), self._clock.now_ms())
        except StoreUnavailable:
            return []

    def watch(self, staff: Claims, event_id: str, writing: Writing) -> Response:
        """Server-sent events of an event that this staff member may see, to the browser that asked for them.

        Every message is whole, so who comes back need not say what it had. Raises `Refusal` RATE_LIMITED when too
        many watch, UNAVAILABLE while the process ends.
        """
        self._require_room(staff)
        return EventSourceResponse(self._stream(staff, event_id, writing), headers=_HEADERS)

    def _require_room(self, staff: Claims) -> None:
        if self._closing:
            raise Refusal(Code.UNAVAILABLE)
        names = Counter[str]()
        for reader in self._readers.values():
            names.update(reader.names)
        if names.total() >= WATCHERS_MAX or names[_name(staff)] >= WATCHERS_OF_ONE_MAX:
            raise Refusal(Code.RATE_LIMITED, retry_after_ms=5_000)

    async def _stream(self, staff: Claims, event_id: str, writing: Writing) -> AsyncIterator[bytes]:
        reader = self._join(_name(staff), event_id)
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            async for message in self._messages(reader, staff, writing):
                yield message
        finally:
            self._leave(reader, _name(staff), event_id)

    async def _messages(self, reader: Reader, staff: Claims, writing: Writing) -> AsyncIterator[bytes]:
        seen, said, until = 0, False, time.monotonic() + STREAM_SECONDS_MAX
        while not self._closing and time.monotonic() < until:
            shown, failure = reader.shown, reader.failure
            code = self._gate.ended(staff) or _out_of_reach(staff, shown) or _is_gone(failure)
            if code is not None:
                yield _event("end", code)
                return
            if failure is not None:
                if not said:
                    yield _event("away", failure.code)
                seen, said = 0, True
            elif shown is not None and shown.number > seen:
                seen, said = shown.number, False
                yield format_sse_event(data_str=reader.text(shown, writing))
            await reader.news(CHECK_SECONDS)

    def _join(self, name: str, event_id: str) -> Reader:
        if event_id not in self._readers:
            self._readers[event_id] = self._start(event_id)
        reader = self._readers[event_id]
        reader.names[name] += 1
        return reader

    def _start(self, event_id: str) -> Reader:
        reader = Reader(event_id, self._stats, self._presence)
        task = asyncio.create_task(reader.run())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        return reader

    def _leave(self, reader: Reader, name: str, event_id: str) -> None:
        reader.names[name] -= 1
        reader.names += Counter()  # drops who is not there any more
        if not reader.names:
            self._readers.pop(event_id).stop()


def _name(staff: Claims) -> str:
    """Who is shown as watching: a program is not its maker."""
    return staff.name if staff.scopes is None else staff.actor


def _same(one: schemas.WatchedStats, other: schemas.WatchedStats) -> bool:
    """Whether they differ in nothing but the time of the reading."""
    return msgspec.structs.replace(one, as_of=other.as_of) == other


def _out_of_reach(staff: Claims, shown: Shown | None) -> Code | None:
    return Code.NOT_FOUND if shown is not None and not staff.covers(shown.path) else None


def _is_gone(failure: Refusal | None) -> Code | None:
    return failure.code if failure is not None and failure.code is Code.NOT_FOUND else None


def _event(name: str, code: Code) -> bytes:
    return format_sse_event(event=name, data_str=_encode({"code": code}).decode())
