"""The hot calls: the table that finds one by its path, the net under each, and the way in over ASGI.

A hot call is a plain function of a request whose body is there already. It gives its answer, or, when it must
ask Redis, a coroutine of it; so what is answered from memory costs neither a task nor a turn of the loop. A page
gives None for the few requests that want more than it knows. `lane.Lane` brings plain requests here past ASGI;
`Dispatch` brings all others, and hands on what is no hot call.
"""

import re
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
_PLAIN_TARGET = re.compile(rb"(%b|/)(\w+)/([-.\w]+)(?:/(\w+))?(?:\?([-.\w=&]*))?" % PREFIX.encode()).fullmatch

_log = structlog.get_logger(__name__)

Given = Answer | Coroutine[Any, Any, Answer]
"""An answer, or what must be awaited for it."""

Path = tuple[str, ...]


class Asked(Struct):
    """One request as a hot call sees it.

    `id` is the event's or hold's in its path, `query` what stands behind the question mark; `peer` is who holds
    the other end of the connection, as (host, port), or None where the server cannot tell.
    """

    id: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    peer: tuple[str, int] | None


def in_json(refusal: Refusal, _asked: Asked) -> Answer:
    """A refusal as programs read it."""
    return refused(refusal)


@dataclass(frozen=True)
class HotCall:
    """A call with its description, and how it says a refusal.

    It gives None for what the applications further in have to answer, which a call that takes a body cannot. Its
    coroutine may be run without a task: what needs one, such as a time limit, it must give one.
    """

    operation: Operation
    handle: Callable[[Asked], Given | None]
    say: Callable[[Refusal, Asked], Answer] = in_json

    @cached_property
    def name(self) -> str:
        """As the counters name it."""
        return f"{self.operation.method} {self.operation.path}"


class HotCalls:
    """Every hot call of a process by its path, and what catches whatever one of them raises."""

    def __init__(self, calls: Iterable[HotCall], clock: ServerClock, tally: Tally) -> None:
        self._clock = clock
        self._tally = tally
        self._noted_at = 0.0
        self._calls: dict[Path, dict[str, HotCall]] = {}
        self._plain: dict[tuple[bytes, ...], HotCall] = {}
        for call in calls:
            shape, _ = _shape(call.operation.path)
            self._calls.setdefault(shape, {})[call.operation.method] = call
            self._plain[(call.operation.method.encode(), *(part.encode() for part in shape))] = call

    def find(self, method: str, path: str) -> tuple[HotCall | None, str, str] | None:
        """The call for a request, the id in its path, and which methods the path has.

        Without a call the path has other methods. None when it is none of ours, or a page that takes forms elsewhere.
        """
        shape, id_ = _shape(path)
        methods = self._calls.get(shape)
        if methods is None or not id_:
            return None
        call = methods.get(method)
        if call is None and not path.startswith(PREFIX):
            return None
        return call, id_, ", ".join(methods)

    def find_plain(self, method: bytes, target: bytes) -> tuple[HotCall, str, bytes] | None:
        """The call for a request without an escape in its target, the id, and the query; None for any other."""
        plain = _PLAIN_TARGET(target)
        if plain is None:
            return None
        root, kind, id_, tail, query = plain.groups(b"")
        call = self._plain.get((method, root, kind, tail) if tail else (method, root, kind))
        return (call, id_.decode(), query) if call else None

    def begin(self, call: HotCall, asked: Asked) -> Given | None:
        """What the call gives; whatever it raises at once has become an answer."""
        try:
            return call.handle(asked)
        except Exception as error:  # noqa: BLE001 - the last net
            return self.explain(error, call, asked)

    def answered(self, name: str, status: int, begun: float) -> None:
        """Count an answer that has left; `begun` is by `time.perf_counter`."""
        self._tally.answered(name, status, time.perf_counter() - begun)

    def headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        """All headers of an answer."""
        now_ms = self._clock.now_ms()
        headers = [*answer.headers, (b"server-time", b"%d" % now_ms)]
        if answer.is_page:
            headers.append((b"server-timing", b"now;dur=%d" % now_ms))
        if answer.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        return headers

    def varying_lines(self, answer: Answer) -> bytes:
        """Those of the headers that are another time for every answer, as they go over the wire."""
        now_ms = self._clock.now_ms()
        if answer.status in _BODILESS:
            lines = b"server-time: %d\r\n" % now_ms
        else:
            lines = b"server-time: %d\r\ncontent-length: %d\r\n" % (now_ms, len(answer.body))
        return lines + b"server-timing: now;dur=%d\r\n" % now_ms if answer.is_page else lines

    def explain(self, error: BaseException, call: HotCall, asked: Asked) -> Answer:
        """The answer to what was raised: what broke is logged, and no traceback leaves."""
        if isinstance(error, Refusal):
            return call.say(error, asked)
        if isinstance(error, Failure):
            self._note(error)
        else:
            _log.error("unexpected", call=call.operation.path, exc_info=error)
        return call.say(Refusal(Code.UNAVAILABLE), asked)

    def _note(self, failure: Failure) -> None:
        # While Redis is away every request fails alike; a line a second says as much as thousands.
        now = time.monotonic()
        if now - self._noted_at >= NOTE_SECONDS:
            self._noted_at = now
            _log.warning("unavailable", error=str(failure), cause=repr(failure.__cause__))


class Dispatch:
    """An ASGI application that answers the hot calls and hands on all else."""

    def __init__(self, hot: HotCalls, onward: ASGIApp, farewell: Callable[[], None]) -> None:
        """`farewell` is what the server calls before it waits for the answers under way."""
        self.hot = hot
        self.farewell = farewell
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
        call, id_, methods = found
        try:
            answer = await self._answer(call, id_, methods, scope, receive)
        except ClientGone:
            return
        if answer is None:
            await self._onward(scope, receive, send)
            return
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": self.hot.headers(answer)}
        )
        await send({"type": "http.response.body", "body": answer.body})
        self.hot.answered(call.name if call else "other", answer.status, begun)

    async def _answer(
        self, call: HotCall | None, id_: str, methods: str, scope: Scope, receive: Receive
    ) -> Answer | None:
        if call is None:
            return refused(Refusal(Code.METHOD_NOT_ALLOWED, allow=methods))
        headers = dict(scope["headers"])
        takes_body = call.operation.takes is not None
        try:
            body = await read_body(receive, headers, HOT_BODY_BYTES_MAX) if takes_body else b""
        except Refusal as refusal:
            return refused(refusal)
        asked = Asked(id_, scope["query_string"], headers, body, scope.get("client"))
        given = self.hot.begin(call, asked)
        if given is None or isinstance(given, Answer):
            return given
        try:
            return await given
        except Exception as error:  # noqa: BLE001 - the last net
            return self.hot.explain(error, call, asked)


def _shape(path: str) -> tuple[Path, str]:
    """A path without its id, and the id: `/api/v1/events/x/holds` is (("/api/v1/", "events", "holds"), "x")."""
    root = PREFIX if path.startswith(PREFIX) else "/"
    kind, _, rest = path[len(root) :].partition("/")
    id_, slash, tail = rest.partition("/")
    return ((root, kind, tail) if slash else (root, kind)), id_
