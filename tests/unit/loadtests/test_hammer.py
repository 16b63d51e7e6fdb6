"""Goal: the light client sends every request once, waits for whole answers, keeps a pace, and hides no delay.

Method: a server of the test's own on a thread, which answers in pieces, slowly, or not at all.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadtests.hammer import Hammer, Order

ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello"

Pieces = list[bytes | None]


class Server:
    """Answers each message of a connection in pieces, and hangs up at None; notes what it was sent."""

    def __init__(self, answer: Callable[[bytes], Pieces]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.port = self._listener.getsockname()[1]
        self.seen: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client:
            while request := client.recv(65_536):
                self.seen.append(request)
                for piece in self._answer(request):
                    if piece is None:
                        return
                    client.sendall(piece)
                    time.sleep(0.001)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[bytes], Pieces]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def requests(tmp_path: Path, number: int) -> str:
    path = tmp_path / "requests"
    texts = [b"request %d" % n for n in range(number)]
    path.write_bytes(b"".join(len(text).to_bytes(4, "big") + text for text in texts))
    return str(path)


def test_each_request_is_sent_once_and_answers_in_pieces_are_put_together(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve(lambda _: [ANSWER[:10], ANSWER[10:-2], ANSWER[-2:]])
    report = Hammer(Order("127.0.0.1", server.port, requests(tmp_path, 50), 30.0, connections=4)).run()
    assert (report.answers, report.statuses, report.exhausted) == (50, {"201": 50}, True)
    assert sorted(server.seen) == sorted(b"request %d" % n for n in range(50))
    assert report.bytes_read == 50 * len(ANSWER)


def test_a_chain_stays_on_its_connection_and_in_its_order(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve(lambda _: [ANSWER])
    order = Order("127.0.0.1", server.port, requests(tmp_path, 40), 30.0, connections=1, chain=2)
    assert Hammer(order).run().answers == 40
    assert server.seen == [b"request %d" % n for n in range(40)]


def test_a_pace_is_kept_and_a_stall_is_charged_to_all_that_were_due(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    stalled = threading.Event()

    def answer(_: bytes) -> Pieces:
        if not stalled.is_set():
            stalled.set()
            time.sleep(0.5)
        return [ANSWER]

    server = serve(answer)
    order = Order("127.0.0.1", server.port, requests(tmp_path, 100), 30.0, connections=1, rate=200.0)
    report = Hammer(order).run()
    assert report.seconds >= 99 / 200
    assert report.p50 > 100  # the first answer alone took 500 ms; those behind it were due all the while


@pytest.mark.parametrize(
    "answer", [lambda _: [None], lambda _: [ANSWER[:20], None]], ids=["at once", "half-way"]
)
def test_a_server_that_hangs_up_is_an_error_and_no_figure(
    serve: Callable[..., Server], tmp_path: Path, answer: Callable[[bytes], Pieces]
) -> None:
    server = serve(answer)
    with pytest.raises(ConnectionError):
        Hammer(Order("127.0.0.1", server.port, requests(tmp_path, 5), 30.0, connections=1)).run()
