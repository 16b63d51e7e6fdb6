"""Goal: what is written at once arrives whole and in order, whatever the socket takes.

Method: a pair of sockets, the one end read by hand; a full socket must hand the rest to the transport.
"""

import asyncio
import os
import socket

import pytest

from ticketing.outlet import Outlet

LONG = bytes(range(256)) * 40_000


async def _transport() -> tuple[asyncio.Transport, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    return transport, theirs


async def test_a_short_text_is_there_before_the_loop_turns() -> None:
    transport, theirs = await _transport()
    Outlet(transport).write(b"now")
    assert theirs.recv(100) == b"now"
    transport.close()
    theirs.close()


async def test_control_the_transport_alone_may_wait_but_what_is_long_comes_whole_and_in_order() -> None:
    transport, theirs = await _transport()
    outlet = Outlet(transport)
    for piece in (LONG, b"second", b"third"):
        outlet.write(piece)
    assert transport.get_write_buffer_size() > 0  # the socket was full: the rest waits in the transport
    loop = asyncio.get_running_loop()
    read = b""
    while len(read) < len(LONG) + 11:
        read += await loop.sock_recv(theirs, 1 << 20)
    assert read == LONG + b"secondthird"
    transport.close()
    theirs.close()


@pytest.mark.filterwarnings("ignore:.*socket.send")
async def test_a_client_that_left_is_the_transports_business() -> None:
    transport, theirs = await _transport()
    theirs.close()
    Outlet(transport).write(b"lost")
    await asyncio.sleep(0)
    transport.close()


async def test_after_its_end_nothing_is_written_to_whoever_has_the_number_now() -> None:
    transport, theirs = await _transport()
    outlet, ours = Outlet(transport), transport.get_extra_info("socket")
    number, (reader, writer) = ours.fileno(), os.pipe()
    transport.close()
    await asyncio.sleep(0.01)
    assert ours.fileno() != number
    theirs.close()
    os.dup2(writer, number)  # the next connection would be given this number
    outlet.write(b"somebody else's answer")
    for other in (writer, number):
        os.close(other)
    assert os.read(reader, 100) == b""
    os.close(reader)
