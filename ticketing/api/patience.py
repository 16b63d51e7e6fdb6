"""Patience with clients has an end: one that does not send its request in time, or sends no HTTP, is let go.

uvicorn waits for ever for the rest of a request, and keeps as many headers as it is sent; a few thousand clients that
send a byte a minute would take every connection of a process. The server looks once a second at who is being waited
for, so a request that comes in one piece costs no timer.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ticketing.api.problems import problem
from ticketing.errors import Code

HEAD_BYTES_MAX = 65_536
"""The largest request line and headers together; a piece that the network brings at once may be larger."""

PIECE_BYTES = 1_048_576
"""A large body may take the body's time for each so many bytes of it."""

_LOOK_EVERY = 10
"""Ticks of uvicorn's server between two looks, 0.1 s each."""


Awaited = Literal["head", "body", "another"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a client has for the head of a request, for (each piece of) its body, and between two."""

    head: float
    body: float
    another: float = 5.0


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol that knows what it waits for from its client, and since when.

    A subclass that answers the parser's callbacks itself sets `awaits` in their place.
    """

    awaits: Awaited | None = "head"
    """What the client is to send next; None while it is us who answer."""

    _since = 0.0
    _noted: Awaited | None = None  # what it was when `_since` was taken
    _bytes = 0
    _waits = 0  # how often it was taken

    def let_go_if_slow(self, patience: Patience) -> None:
        """Close the connection when the client has had its time; not while it is us who do not read."""
        if self.awaits is None or self.transport.is_closing():
            return
        now = self.loop.time()
        if self.flow.read_paused:
            self._since = now
        elif now - self._since > getattr(patience, self.awaits):
            self.transport.close()

    def _wait(self) -> None:
        """Wait for something else from now on."""
        self._noted, self._bytes, self._since = self.awaits, 0, self.loop.time()
        self._waits += 1

    # The transport's and the parser's callbacks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that connects is to say something."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, up to the bound of a head."""
        begun = self._waits
        super().data_received(data)
        if self.awaits is None or self.transport.is_closing():
            return
        if self.awaits != self._noted:
            self._wait()
        if self._waits != begun:
            return  # the piece may hold whole requests; only what comes after it is of this one alone
        self._bytes += len(data)
        if self.awaits != "body" and self._bytes > HEAD_BYTES_MAX:
            self.send_400_response("head too large")
        elif self._bytes > PIECE_BYTES:
            self._wait()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        super().on_message_begin()
        self.awaits = "head"

    def on_headers_complete(self) -> None:
        """The head is whole."""
        super().on_headers_complete()
        self.awaits = "body"

    def on_message_complete(self) -> None:
        """The body is whole."""
        super().on_message_complete()
        if self.cycle.response_complete:  # it was answered without its body
            self._wait_for_another()
        else:
            self.awaits = self._noted = None

    def on_response_complete(self) -> None:
        """Wait for the next request, which may be here already.

        uvicorn sets a timer for each answer; here the server's look at every connection finds who stays silent.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.awaits is None:
            self._wait_for_another()

    def _wait_for_another(self) -> None:
        self.awaits = "another"
        self._wait()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.transport = _Writer(self.transport)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as a problem like any other, and hang up.

        An answer that is under way ends there, without a second one in the middle of it.
        """
        under_way = bool(self.cycle) and not self.cycle.response_complete
        if under_way:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not (under_way and self.cycle.response_started):
            self.transport.write(self._malformed())
        self.transport.close()

    def _malformed(self) -> bytes:
        status, headers, body = problem(Code.MALFORMED_REQUEST)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        pairs += [*self.server_state.default_headers, (b"connection", b"close")]
        pairs.append((b"content-length", b"%d" % len(body)))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
        return b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body)


class _Writer:
    """A transport to answer to: what is written after its end goes nowhere.

    A client may leave between two steps of an answer, before the protocol is told; uvloop's transport raises then.
    """

    __slots__ = ("_transport", "close", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.close = transport.close
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write while somebody is there."""
        if not self._transport.is_closing():
            self._transport.write(data)


class PatientServer(uvicorn.Server):
    """uvicorn's server that lets go of slow clients, and of those whose answer has no end when it is to stop."""

    def __init__(self, config: uvicorn.Config, patience: Patience, farewell: Callable[[], None]) -> None:
        """`farewell` ends the answers that would go on for ever."""
        super().__init__(config)
        self._patience = patience
        self._farewell = farewell

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and wait for the answers under way."""
        self._farewell()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look at every connection now and then."""
        if counter % _LOOK_EVERY == 0:
            for connection in list(self.server_state.connections):
                assert isinstance(connection, PatientProtocol)
                connection.let_go_if_slow(self._patience)
        return await super().on_tick(counter)
