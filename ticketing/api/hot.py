"""The hot calls: the table that finds one by its path, the net under each, and the way in over ASGI.

A hot call is a plain function of a request whose body is there already. It gives its answer, or, when it must
ask Redis, a coroutine of it; so what is answered from memory costs neither a task nor a turn of the loop.
`lane.Lane` brings plain requests here past ASGI; `Dispatch` brings all others, and hands on what is no hot call.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, NamedTuple

import structlog
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from ticketing.api.answers import Answer, refused
from ticketing.api.bodies import HOT_BODY_BYTES_MAX, ClientGone, read_body
from ticketing.api.contract import Operation
from ticketing.api.tally import Tally
from ticketing.clock import ServerClock
from ticketing.errors import Code, Failure, Refusal

PREFIX = "/api/v1/"
NOTE_SECONDS = 1.0
_BODILESS = frozenset({204, 304})

_log = structlog.get_logger(__name__)

Given = Answer | Coroutine[Any, Any, Answer]
"""An answer, or what must be awaited for it."""


class Asked(Struct):
    """One request as a hot call sees it.

    `id` is the event's or hold's in its path; `peer` is who holds the other end of the connection, as
    (host, port), or None where the server cannot tell.
    """

    id: str
    headers: dict[bytes, bytes]
    body: bytes
    peer: tuple[str, int] | None


class HotCall(NamedTuple):
    """A call with its description."""

    operation: Operation
    handle: Callable[[Asked], Given]


class Found(NamedTuple):
    """What a path and a method lead to; `call` None: the path has other methods, which are named."""

    call: HotCall | None
    id: str
    methods: str
    name: str


class HotCalls:
    """Every hot call of a process by its path, and what catches whatever one of them raises."""

    def __init__(self, calls: Iterable[HotCall], clock: ServerClock, tally: Tally) -> None:
        self._clock = clock
        self._tally = tally
        self._noted_at = 0.0
        self._calls: dict[tuple[str, ...], dict[str, HotCall]] = {}
        for call in calls:
            methods = self._calls.setdefault(_shape(call.operation.path)[0], {})
            methods[call.operation.method] = call

    def find(self, method: str, path: str) -> Found | None:
        """What a request is for; None when its path is none of ours."""
        if not path.startswith(PREFIX):
            return None
        shape, id_ = _shape(path)
        methods = self._calls.get(shape)
        if methods is None or not id_:
            return None
        call = methods.get(method)
        name = f"{method} {call.operation.path}" if call else "other"
        return Found(call, id_, ", ".join(methods), name)

    def answer(self, found: Found, asked: Asked) -> Given:
        """What the call gives; whatever it raises has become an answer."""
        try:
            if found.call is None:
                return refused(Refusal(Code.METHOD_NOT_ALLOWED, allow=found.methods))
            given = found.call.handle(asked)
        except Exception as error:  # noqa: BLE001 - the last net
            return self.explain(error, found)
        return given if isinstance(given, Answer) else self._in_time(given, found)

    def explain(self, error: Exception, found: Found) -> Answer:
        """The answer to what was raised: what broke is logged, and no traceback leaves."""
        if isinstance(error, Refusal):
            return refused(error)
        if isinstance(error, Failure):
            self._note(error)
        else:
            _log.error("unexpected", call=found.name, exc_info=error)
        return refused(Refusal(Code.UNAVAILABLE))

    def answered(self, found: Found, answer: Answer, begun: float) -> None:
        """Count an answer that has left; `begun` is by `time.perf_counter`."""
        self._tally.answered(found.name, answer.status, time.perf_counter() - begun)

    def headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        """All headers of an answer."""
        headers = [*answer.headers, (b"server-time", b"%d" % self._clock.now_ms())]
        if answer.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        return headers

    def varying_lines(self, answer: Answer) -> bytes:
        """Those of the headers that are another time for every answer, as they go over the wire."""
        if answer.status in _BODILESS:
            return b"server-time: %d\r\n" % self._clock.now_ms()
        return b"server-time: %d\r\ncontent-length: %d\r\n" % (self._clock.now_ms(), len(answer.body))

    async def _in_time(self, given: Awaitable[Answer], found: Found) -> Answer:
        try:
            return await given
        except Exception as error:  # noqa: BLE001 - as above
            return self.explain(error, found)

    def _note(self, failure: Failure) -> None:
        # While Redis is away every request fails alike; a line a second says as much as thousands.
        now = time.monotonic()
        if now - self._noted_at >= NOTE_SECONDS:
            self._noted_at = now
            _log.warning("unavailable", error=str(failure), cause=repr(failure.__cause__))


class Dispatch:
    """An ASGI application that answers the hot calls and hands on all else."""

    def __init__(self, hot: HotCalls, onward: ASGIApp) -> None:
        self.hot = hot
        self._onward = onward

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a hot call; anything else is the next application's. A HEAD is a GET whose body stays here."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        found = self.hot.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._onward(scope, receive, send)
            return
        begun = time.perf_counter()
        try:
            answer = await self._answer(found, scope, receive)
        except ClientGone:
            return
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": self.hot.headers(answer)}
        )
        await send({"type": "http.response.body", "body": answer.body})
        self.hot.answered(found, answer, begun)

    async def _answer(self, found: Found, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        takes_body = found.call is not None and found.call.operation.takes is not None
        try:
            body = await read_body(receive, headers, HOT_BODY_BYTES_MAX) if takes_body else b""
        except Refusal as refusal:
            return refused(refusal)
        given = self.hot.answer(found, Asked(found.id, headers, body, scope.get("client")))
        return given if isinstance(given, Answer) else await given


def _shape(path: str) -> tuple[tuple[str, ...], str]:
    """A path without its id, and the id: `/api/v1/events/x/holds` is (("events", "holds"), "x")."""
    kind, _, rest = path.removeprefix(PREFIX).partition("/")
    id_, slash, tail = rest.partition("/")
    return ((kind, tail) if slash else (kind,)), id_
