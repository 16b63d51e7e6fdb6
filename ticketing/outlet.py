"""Writing to a socket now, not at the end of the event loop's turn.

A loop collects what a turn has written and sends it when the turn is over. In a rush a turn is long: the
server at the other end would idle until the last request of the turn is read, and this process after that.
"""

import os
from asyncio import WriteTransport

_NO_SOCKET = -1


class Outlet:
    """Writes to one stream transport."""

    __slots__ = ("_number", "_transport")

    def __init__(self, transport: WriteTransport) -> None:
        self._transport = transport
        socket = transport.get_extra_info("socket")
        # Over TLS what goes over the wire is not what we are given.
        plain = socket is not None and transport.get_extra_info("sslcontext") is None
        self._number: int = socket.fileno() if plain else _NO_SOCKET

    def write(self, data: bytes) -> None:
        """Write: at once what the socket takes, the rest in the loop's own time; nothing once the transport closes.

        Errors are left to the transport, which tells its protocol of them.
        """
        transport = self._transport
        if transport.is_closing():
            return  # the number may be another socket's by now
        sent = 0
        if self._number != _NO_SOCKET and not transport.get_write_buffer_size():
            try:
                sent = os.write(self._number, data)
            except OSError:
                sent = 0
        if sent < len(data):
            transport.write(data[sent:])
