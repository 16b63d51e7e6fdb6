"""Goal: what speaks to an instance of ours reaches it, whatever proxy the environment names.

Method: a small server on the loopback, and a proxy in the environment that nobody answers on. The control asks as
Python does by default.
"""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from ticketing.embedded import supervisor
from ticketing.embedded.direct import open_directly
from ticketing.rehearsal.site import Site
from ticketing.settings import Settings

NOBODY = "http://127.0.0.1:9"


class Well(BaseHTTPRequestHandler):
    """Answers every question with an empty object."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_request(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def base_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that answers, in an environment with a proxy that does not."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    with HTTPServer(("127.0.0.1", 0), Well) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_control_by_default_python_asks_the_proxy(base_url: str) -> None:
    asking_anew = urllib.request.build_opener()
    with pytest.raises(urllib.error.URLError):
        asking_anew.open(base_url, timeout=2)


def test_we_do_not(base_url: str) -> None:
    with open_directly(base_url, 2) as answer:
        assert answer.status == 200


def test_up_sees_that_its_api_is_ready(base_url: str) -> None:
    assert supervisor._readiness(base_url) == 200


def test_a_rehearsal_reaches_its_instance(base_url: str) -> None:
    settings = Settings(database_url="sqlite://", secret_key=SecretStr("a secret that only tests use"))
    assert Site(base_url, settings).call("GET", "/readyz") == {}
