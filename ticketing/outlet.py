"""Writing to a socket now, not at the end of the event loop's turn.

A loop collects what a turn has written and sends it when the turn is over. In a rush a turn is long: the
server at the other end would idle until the last request of the turn is read, and this process after that.
"""

import os
from asyncio import WriteTransport


def write_at_once(transport: WriteTransport, data: bytes) -> None:
    """Write to a stream transport: at once what the socket takes, the rest in the loop's own time.

    Errors are left to the transport, which tells its protocol of them.
    """
    sent = 0 if transport.get_write_buffer_size() else _write(transport, data)
    if sent < len(data):
        transport.write(data[sent:])


def _write(transport: WriteTransport, data: bytes) -> int:
    socket = transport.get_extra_info("socket")
    if socket is None or transport.get_extra_info("sslcontext") is not None:
        return 0  # what goes over the wire is not what we were given
    try:
        return os.write(socket.fileno(), data)
    except OSError:
        return 0
