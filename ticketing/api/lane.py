"""The lane: plain requests for a hot call are answered from the parser's callbacks, past ASGI.

uvicorn makes a scope, a cycle, an event, a task and two messages for each request. In the minute in which
everything is decided nearly all requests are of six calls, small, and on connections that stay; for them this
protocol keeps the parser's own pieces, asks the call, and writes the bytes. Whatever is not plain (another
path, an escape in it, chunks, an upgrade, a second request before the first answer, a client that does not
read) takes uvicorn's way, to the same calls by `hot.Dispatch`.
"""

import re
import time
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from ticketing.api.answers import Answer, Header
from ticketing.api.bodies import HOT_BODY_BYTES_MAX
from ticketing.api.hot import Asked, Found, HotCalls
from ticketing.api.patience import PatientProtocol
from ticketing.outlet import write_at_once

_HEADS_KEPT = 4_096
_PLAIN = re.compile(rb"[-.\w/]+(\?[-.\w=&]*)?").fullmatch


class Lane(PatientProtocol):
    """uvicorn's protocol with a lane for the hot calls; `lane_to` says to which."""

    hot: HotCalls
    cycle: Any  # an `Errand`, or uvicorn's own

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Keep the parser's pieces; the scope waits until somebody needs one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.expect()

    def on_headers_complete(self) -> None:
        """Begin an errand in the lane, or let uvicorn begin a cycle."""
        found = self._find()
        if found is None:
            self._leave()
            super().on_headers_complete()
        else:
            self.cycle = Errand(found)
            self.expect_body()

    def on_body(self, body: bytes) -> None:
        """Collect it; its length was declared and is bounded."""
        if isinstance(self.cycle, Errand):
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, now or when Redis has."""
        errand = self.cycle
        if not isinstance(errand, Errand):
            super().on_message_complete()
            return
        self.expect_nothing()
        given = self.hot.answer(errand.found, errand.asked(self.url, dict(self.headers), self.client))
        if isinstance(given, Answer):
            self._write(errand, given)
        elif given is None:
            self._hand_over()
        else:
            task = self.loop.create_task(self._await(errand, given))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    # Which way

    def _find(self) -> Found | None:
        """The call of a plain request."""
        if self.cycle is not None and not self.cycle.response_complete:
            return None
        if not _PLAIN(self.url) or self.expect_100_continue or self.flow.write_paused:
            return None
        parser = self.parser
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive() or parser.should_upgrade():
            return None
        found = self.hot.find(parser.get_method().decode(), self.url.partition(b"?")[0].decode())
        return found if found and found.call and self._has_plain_body() else None

    def _has_plain_body(self) -> bool:
        for name, value in self.headers:
            if name == b"transfer-encoding":
                return False
            if name == b"content-length" and not (value.isdigit() and int(value) <= HOT_BODY_BYTES_MAX):
                return False
        return True

    def _hand_over(self) -> None:
        """Let uvicorn begin a cycle after all; its call takes no body, and the parser still knows the request."""
        self.cycle = None
        self._leave()
        super().on_headers_complete()
        super().on_message_complete()

    def _leave(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # in place: the scope has the same list

    # The answer

    async def _await(self, errand: "Errand", given: Any) -> None:
        self._write(errand, await given)

    def _write(self, errand: "Errand", answer: Answer) -> None:
        errand.response_complete = True
        if not self.transport.is_closing():
            write_at_once(self.transport, self._bytes_of(errand, answer))
            if not errand.keep_alive:
                self.transport.close()
        self.hot.answered(errand.found, answer, errand.begun)
        self.on_response_complete()

    def _bytes_of(self, errand: "Errand", answer: Answer) -> bytes:
        head = _head(answer.status, answer.headers)
        dated = _lines(tuple(self.server_state.default_headers))
        own = self.hot.varying_lines(answer)
        ending = b"\r\n" if errand.keep_alive else b"connection: close\r\n\r\n"
        return b"".join((head, dated, own, ending, answer.body))


class Errand:
    """One request in the lane. It has what uvicorn's protocol asks of a cycle: it may be told that the client left."""

    __slots__ = ("begun", "body", "disconnected", "found", "keep_alive", "message_event", "response_complete")

    response_started = False  # an answer leaves in one piece

    def __init__(self, found: Found) -> None:
        self.found = found
        self.body = b""
        self.begun = time.perf_counter()
        self.response_complete = False
        self.keep_alive = True
        self.disconnected = False
        self.message_event = _NOBODY_WAITS

    def asked(self, url: bytes, headers: dict[bytes, bytes], peer: tuple[str, int] | None) -> Asked:
        """The request for its call."""
        return Asked(self.found.id, url.partition(b"?")[2], headers, self.body, peer)


class _Unheard:
    def set(self) -> None:
        """What uvicorn calls to wake a reader of the body; an errand has none."""


_NOBODY_WAITS = _Unheard()


def lane_to(hot: HotCalls) -> type[PatientProtocol]:
    """The protocol for `uvicorn.Config(http=...)` whose lane leads to these calls."""
    return type("Lane", (Lane,), {"hot": hot})


@lru_cache(maxsize=_HEADS_KEPT)
def _head(status: int, headers: tuple[Header, ...]) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode()) + _lines(headers)


@lru_cache(maxsize=8)
def _lines(headers: tuple[Header, ...]) -> bytes:
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)
