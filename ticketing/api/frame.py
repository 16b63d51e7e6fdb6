"""What stands around every answer that is not of the rush: the time, the safe headers, and a net under it all."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketing.api.bodies import ClientGone
from ticketing.api.problems import problem
from ticketing.api.tally import Tally
from ticketing.clock import ServerClock
from ticketing.errors import Code

CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For answers that say nothing themselves; pages bring one that lets them load their own style and script."""

HSTS = b"max-age=31536000"

_log = structlog.get_logger(__name__)


def safe_headers(*, secure: bool) -> dict[bytes, bytes]:
    """What every answer to a browser carries unless it has its own; `secure`: people reach us by HTTPS."""
    headers = {
        b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
    }
    return headers | ({b"strict-transport-security": HSTS} if secure else {})


class Frame:
    """An ASGI application around another one."""

    def __init__(self, inner: ASGIApp, clock: ServerClock, tally: Tally, *, secure: bool) -> None:
        """`secure` as for `safe_headers`."""
        self._inner = inner
        self._clock = clock
        self._tally = tally
        self._defaults = safe_headers(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        answer = _Answer(self, send)
        begun = time.perf_counter()
        try:
            await self._inner(scope, receive, answer.send)
        except ClientGone:
            return
        except Exception:  # noqa: BLE001 - the last net: what broke is logged, and no traceback leaves
            _log.exception("unexpected", path=scope["path"])
            if not answer.begun:
                await _unavailable(answer)
        self._tally.answered(_call_of(scope), answer.status, time.perf_counter() - begun)

    def complete(self, message: Message) -> Message:
        """The start of an answer with the headers that were missing."""
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        headers += [(name, value) for name, value in self._defaults.items() if name not in present]
        headers.append((b"server-time", b"%d" % self._clock.now_ms()))
        return {**message, "headers": headers}


class _Answer:
    def __init__(self, frame: Frame, send: Send) -> None:
        self._frame = frame
        self._send = send
        self.status = 0

    @property
    def begun(self) -> bool:
        return self.status != 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = self._frame.complete(message)
        await self._send(message)


async def _unavailable(answer: _Answer) -> None:
    status, headers, body = problem(Code.UNAVAILABLE)
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", b"%d" % len(body)))
    await answer.send({"type": "http.response.start", "status": status, "headers": pairs})
    await answer.send({"type": "http.response.body", "body": body})


def _call_of(scope: Scope) -> str:
    """The route's path, never the client's: what people type must not become metrics."""
    route = scope.get("route")
    return f"{scope['method']} {route.path}" if route is not None else "other"
