"""A real receiver of webhooks, on a port of its own: what it answers, and how slowly, is the test's to say."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from standardwebhooks import Webhook


class Receiver:
    """Keeps every message whose signature is right; `secret` is known once the endpoint is made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.secret = ""
        self.status = 200
        self.holds = False
        self.let_go = Event()
        self.came = Event()
        self.got: list[tuple[str, Any]] = []
        self.forged = 0

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """What is answered."""
        self.came.set()
        if self.holds:
            self.let_go.wait(30)
        try:
            message = Webhook(self.secret).verify(body, headers)
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            self.forged += 1
            return 401
        if self.status == 200:
            self.got.append((headers["webhook-id"], message))
        return self.status


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = opened.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if status == 302:
                self.send_header("location", opened.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    opened = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield opened
    opened.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that answers at once."""
    with receiving() as opened:
        yield opened


@pytest.fixture
def slow() -> Iterator[Receiver]:
    """One that answers when it is let go."""
    with receiving() as opened:
        opened.holds = True
        yield opened
