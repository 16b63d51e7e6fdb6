"""The lane: plain requests for a hot call are answered from the parser's callbacks, past ASGI.

uvicorn makes a scope, a cycle, an event, a task and two messages for each request. In the minute in which
everything is decided nearly all requests are of six calls, small, and on connections that stay; for them this
protocol keeps the parser's own pieces, asks the call, and writes the bytes. Whatever is not plain (another
path, an escape in it, chunks, an upgrade, a second request before the first answer, a client that does not
read) takes uvicorn's way, to the same calls by `hot.Dispatch`.
"""

import asyncio
import time
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from ticketing.api.answers import Answer, Header
from ticketing.api.bodies import HOT_BODY_BYTES_MAX
from ticketing.api.hot import Asked, HotCall, HotCalls
from ticketing.api.patience import PatientProtocol
from ticketing.outlet import Outlet
from ticketing.promise import continue_after

_HEADS_KEPT = 4_096
_OFF_THE_LANE = (b"transfer-encoding", b"expect", b"upgrade")


class Lane(PatientProtocol):
    """uvicorn's protocol with a lane for the hot calls; `lane_to` says to which."""

    hot: HotCalls
    cycle: Any  # an `Errand`, or uvicorn's own
    outlet: Outlet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Know how to answer."""
        super().connection_made(transport)
        self.outlet = Outlet(transport)

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Keep the parser's pieces; the scope waits until somebody needs one."""
        self.url = b""
        self.headers = []
        self.awaits = "head"

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin an errand in the lane, or let uvicorn begin a cycle."""
        errand = self._errand(dict(self.headers))
        if errand is None:
            self._leave()
            super().on_headers_complete()
        else:
            self.cycle = errand
            self.awaits = "body"

    def on_body(self, body: bytes) -> None:
        """Collect it; its length was declared and is bounded."""
        if type(self.cycle) is Errand:
            self.cycle.asked.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, now or when Redis has."""
        errand = self.cycle
        if type(errand) is not Errand:
            super().on_message_complete()
            return
        self.awaits = self._noted = None
        given = self.hot.begin(errand.call, errand.asked)
        if type(given) is Answer:
            self.answer(errand, given)
        elif given is None:
            self._hand_over()
        else:
            errand.story = given
            errand.go_on()

    # Which way

    def _errand(self, headers: dict[bytes, bytes]) -> "Errand | None":
        """The errand of a plain request."""
        if (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        parser = self.parser
        if not parser.should_keep_alive() or parser.get_http_version() != "1.1":
            return None
        found = self.hot.find_plain(parser.get_method(), self.url)
        if found is None or not _has_plain_body(headers):
            return None
        call, id_, query = found
        return Errand(self, call, Asked(id_, query, headers, b"", self.client), time.perf_counter())

    def _hand_over(self) -> None:
        """Let uvicorn begin a cycle after all; its call takes no body, and the parser still knows the request."""
        self.cycle = None
        self._leave()
        super().on_headers_complete()
        super().on_message_complete()

    def _leave(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)

    # The answer

    def answer(self, errand: "Errand", answer: Answer) -> None:
        """Send the answer, if its client is still there, and be ready for the next request."""
        errand.response_complete = True
        self.outlet.write(self._bytes_of(errand, answer))
        if not errand.keep_alive:
            self.transport.close()
        self.hot.answered(errand.call.name, answer.status, errand.begun)
        self.on_response_complete()

    def _bytes_of(self, errand: "Errand", answer: Answer) -> bytes:
        head = _head(answer.status, answer.headers)
        dated = _lines(tuple(self.server_state.default_headers))
        own = self.hot.varying_lines(answer)
        ending = b"\r\n" if errand.keep_alive else b"connection: close\r\n\r\n"
        return b"".join((head, dated, own, ending, answer.body))


class Errand(Struct, eq=False):
    """One request in the lane. It has what uvicorn's protocol asks of a cycle: it may be told that the client left."""

    lane: Lane
    call: HotCall
    asked: Asked
    begun: float  # by `time.perf_counter`
    story: Any = None  # the call's coroutine, where it must wait
    keep_alive: bool = True
    response_complete: bool = False
    disconnected: bool = False

    @property
    def response_started(self) -> bool:
        """Never alone: an answer leaves in one piece."""
        return False

    @property
    def message_event(self) -> "_Unheard":
        """What uvicorn wakes a reader of the body by; an errand has none."""
        return _NOBODY_WAITS

    def go_on(self) -> None:
        """Run the call until it waits, or has its answer."""
        try:
            awaited = self.story.send(None)
        except StopIteration as end:
            answer = end.value
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the last net
            answer = self.lane.hot.explain(error, self.call, self.asked)
        else:
            continue_after(awaited, self.go_on)
            return
        self.lane.answer(self, answer)


class _Unheard:
    def set(self) -> None:
        """Wake nobody."""


_NOBODY_WAITS = _Unheard()


def lane_to(hot: HotCalls) -> type[PatientProtocol]:
    """The protocol for `uvicorn.Config(http=...)` whose lane leads to these calls."""
    return type("Lane", (Lane,), {"hot": hot})


def _has_plain_body(headers: dict[bytes, bytes]) -> bool:
    """Whether the body, if there is one, comes at once and is small; the parser has refused two lengths."""
    for name in _OFF_THE_LANE:
        if name in headers:
            return False
    length = headers.get(b"content-length")
    return length is None or (length.isdigit() and int(length) <= HOT_BODY_BYTES_MAX)


@lru_cache(maxsize=_HEADS_KEPT)
def _head(status: int, headers: tuple[Header, ...]) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode()) + _lines(headers)


@lru_cache(maxsize=8)
def _lines(headers: tuple[Header, ...]) -> bytes:
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)
