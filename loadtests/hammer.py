"""A light client for measuring: many keep-alive connections, requests made beforehand, one loop over epoll.

`python -m loadtests.hammer` reads a JSON order on stdin and prints a JSON report. It does nothing for a request
but send bytes, find the end of the answer and read the clock, so that what is measured is the server; its own
share of a core is in the report.

The file of requests holds each with its length before it (4 bytes, big-endian). A connection takes `chain` of
them at a time and sends each when the one before is answered: a hold and its confirm are a chain of two.
"""

import os
import select
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import msgspec
from msgspec import Struct

_READ_BYTES = 65_536
_LENGTH = struct.Struct(">I")


class Order(Struct, frozen=True):
    """What to do. `rate` is requests a second over all connections; 0: as many as there can be.

    With `once` the requests end when the file does; otherwise it is begun again.
    """

    host: str
    port: int
    requests: str
    seconds: float
    connections: int = 64
    chain: int = 1
    rate: float = 0.0
    once: bool = True


class Report(Struct, frozen=True):
    """What came of it. Latencies are in milliseconds; with a `rate` from when the request was due, not sent."""

    answers: int
    seconds: float
    statuses: dict[str, int]
    cpu_share: float
    p50: float
    p95: float
    p99: float
    bytes_read: int
    exhausted: bool


class Line:
    """One connection, and the chain it is at."""

    __slots__ = ("buffer", "chain", "due", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.buffer = b""
        self.chain: list[bytes] = []
        self.due = 0.0


class Hammer:
    """Runs one order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        chains = list(_chains(order))
        self._requests = iter(chains) if order.once else cycle(chains)
        self._statuses: Counter[bytes] = Counter()
        self._latencies: list[float] = []
        self._bytes_read = 0
        self._is_over = False
        self._exhausted = False
        self._slot = 0

    def run(self) -> Report:
        """Send until the time is over or nothing is left, and wait for the last answers."""
        lines = {line.sock.fileno(): line for line in self._connect()}
        try:
            with select.epoll() as poll:
                for number in lines:
                    poll.register(number, select.EPOLLIN)
                return self._strike(lines, poll)
        finally:
            for line in lines.values():
                line.sock.close()

    def _strike(self, lines: dict[int, Line], poll: select.epoll) -> Report:
        began, cpu = time.perf_counter(), time.process_time()
        self._began, self._until = began, began + self._order.seconds
        idle: list[Line] = list(lines.values())
        busy = 0
        while True:
            waiting = [line for line in idle if not self._send_if_due(line)]
            busy += len(idle) - len(waiting)
            idle = [line for line in waiting if line.chain or not self._is_over]
            if busy == 0 and not idle:
                break
            for number, _ in poll.poll(self._patience(idle)):
                line = lines[number]
                if self._read(line) and (self._order.rate or not self._send(line, time.perf_counter())):
                    idle.append(line)
                    busy -= 1
        return self._report(time.perf_counter() - began, time.process_time() - cpu)

    def _connect(self) -> Iterator[Line]:
        for _ in range(self._order.connections):
            yield Line((self._order.host, self._order.port))

    def _send_if_due(self, line: Line) -> bool:
        """Send the line's next request if it should leave by now."""
        now = time.perf_counter()
        if not self._order.rate:
            return self._send(line, now)
        due = self._began + self._slot / self._order.rate
        if due > now or not self._send(line, due):
            return False
        self._slot += 1
        return True

    def _send(self, line: Line, due: float) -> bool:
        """Send the line's next request, if there is one."""
        if not line.chain:
            if due >= self._until or self._is_over:
                self._is_over = True
                return False
            chain = next(self._requests, None)
            if chain is None:
                self._is_over = self._exhausted = True
                return False
            line.chain = list(chain)
        line.due = due
        line.sock.send(line.chain.pop(0))
        return True

    def _patience(self, idle: list[Line]) -> float:
        if not idle or not self._order.rate:
            return 1.0
        return max(0.0, self._began + self._slot / self._order.rate - time.perf_counter())

    def _read(self, line: Line) -> bool:
        """Read what there is; whether the answer is complete."""
        piece = line.sock.recv(_READ_BYTES)
        if not piece:
            raise ConnectionError("the server closed a connection")
        data = line.buffer + piece
        if not _is_whole(data):
            line.buffer = data
            return False
        self._latencies.append(time.perf_counter() - line.due)
        self._statuses[data[9:12]] += 1
        self._bytes_read += len(data)
        line.buffer = b""
        return True

    def _report(self, seconds: float, cpu: float) -> Report:
        ordered = sorted(self._latencies)
        return Report(
            answers=len(ordered),
            seconds=seconds,
            statuses={status.decode(): count for status, count in self._statuses.items()},
            cpu_share=cpu / seconds,
            p50=_quantile(ordered, 0.50),
            p95=_quantile(ordered, 0.95),
            p99=_quantile(ordered, 0.99),
            bytes_read=self._bytes_read,
            exhausted=self._exhausted,
        )


def _chains(order: Order) -> Iterator[tuple[bytes, ...]]:
    """The requests of the file in chains; a last one that is not whole is left out."""
    data = Path(order.requests).read_bytes()
    place = 0
    chain: tuple[bytes, ...] = ()
    while place < len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size + length
        chain += (data[place - length : place],)
        if len(chain) == order.chain:
            yield chain
            chain = ()


def _is_whole(data: bytes) -> bool:
    """Whether the head and the body that it declares are there; 204 and 304 have none."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    place = data.find(b"content-length: ", 0, head)
    if place < 0:
        return True
    length = int(data[place + 16 : data.find(b"\r", place)])
    return len(data) >= head + 4 + length


def _quantile(ordered: list[float], share: float) -> float:
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main() -> None:
    """Do the order on stdin."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    os.write(sys.stdout.fileno(), msgspec.json.encode(Hammer(order).run()) + b"\n")


if __name__ == "__main__":
    main()
