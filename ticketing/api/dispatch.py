"""The short way in: the calls of the rush, answered before any framework is asked.

A request's path finds its call, the call gives an answer, the answer is two ASGI messages. Everything that
is not one of these calls goes on to the FastAPI application.
"""

import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from ticketing.api.answers import Answer, refused
from ticketing.api.bodies import ClientGone
from ticketing.api.contract import Operation
from ticketing.api.tally import Tally
from ticketing.clock import ServerClock
from ticketing.errors import Code, Failure, Refusal

PREFIX = "/api/v1/"
NOTE_SECONDS = 1.0
_BODILESS = frozenset({204, 304})

_log = structlog.get_logger(__name__)


class Asked(Struct):
    """One request as a hot call sees it; `id` is the event's or hold's in its path."""

    id: str
    headers: dict[bytes, bytes]
    scope: Scope
    receive: Receive


HotCall = tuple[Operation, Callable[[Asked], Awaitable[Answer]]]
Shape = tuple[str, ...]


class Dispatch:
    """An ASGI application that answers the hot calls and hands on all else."""

    def __init__(self, calls: Iterable[HotCall], onward: ASGIApp, clock: ServerClock, tally: Tally) -> None:
        self._onward = onward
        self._clock = clock
        self._tally = tally
        self._noted_at = 0.0
        self._calls: dict[Shape, dict[str, HotCall]] = {}
        for operation, handle in calls:
            methods = self._calls.setdefault(_shape(operation.path)[0], {})
            methods[operation.method] = (operation, handle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a hot call; anything else is the next application's. A HEAD is a GET whose body stays here."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            shape, id_ = _shape(scope["path"])
            methods = self._calls.get(shape)
            if methods is not None and id_:
                await self._serve(methods, Asked(id_, dict(scope["headers"]), scope, receive), send)
                return
        await self._onward(scope, receive, send)

    async def _serve(self, methods: dict[str, HotCall], asked: Asked, send: Send) -> None:
        begun = time.perf_counter()
        call = methods.get(asked.scope["method"])
        try:
            answer = await self._answer(call, methods, asked)
        except ClientGone:
            return
        await self._send(answer, send)
        name = f"{call[0].method} {call[0].path}" if call else "other"
        self._tally.answered(name, answer.status, time.perf_counter() - begun)

    async def _answer(self, call: HotCall | None, methods: dict[str, HotCall], asked: Asked) -> Answer:
        try:
            if call is None:
                return refused(Refusal(Code.METHOD_NOT_ALLOWED, allow=", ".join(methods)))
            return await call[1](asked)
        except Refusal as refusal:
            return refused(refusal)
        except Failure as failure:
            self._note(failure)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - the last net: what broke is logged, and no traceback leaves
            _log.exception("unexpected", path=asked.scope["path"])
        return refused(Refusal(Code.UNAVAILABLE))

    def _note(self, failure: Failure) -> None:
        # While Redis is away every request fails alike; a line a second says as much as thousands.
        now = time.monotonic()
        if now - self._noted_at >= NOTE_SECONDS:
            self._noted_at = now
            _log.warning("unavailable", error=str(failure), cause=repr(failure.__cause__))

    async def _send(self, answer: Answer, send: Send) -> None:
        headers = [*answer.headers, (b"server-time", b"%d" % self._clock.now_ms())]
        if answer.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def _shape(path: str) -> tuple[Shape, str]:
    """A path without its id, and the id: `/api/v1/events/x/holds` is (("events", "holds"), "x")."""
    kind, _, rest = path.removeprefix(PREFIX).partition("/")
    id_, slash, tail = rest.partition("/")
    return ((kind, tail) if slash else (kind,)), id_
