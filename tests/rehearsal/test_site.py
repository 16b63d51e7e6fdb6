"""Goal: a rehearsal never touches real tickets.

Method: settings of real servers in the environment must be out of sight of a throw-away instance and back
afterwards; a running instance is taken only when it says that it is a rehearsal. The control is one that does.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ticketing.errors import Misconfigured, StoreUnavailable
from ticketing.rehearsal import site
from ticketing.rehearsal.site import Site, SiteFailed, running
from ticketing.settings import Settings

REAL = {
    "TICKETING_DATABASE_URL": "postgresql://real.example/tickets",
    "TICKETING_REDIS_URL": "redis://real.example",
    "TICKETING_QUEUE_REDIS_URL": "redis://real.example/1",
    "TICKETING_SECRET_KEY": "the real secret",
}


@contextmanager
def answering(status: int, body: Any) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, *_: object) -> None:
            """Be quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, database_url="sqlite://", secret_key=SecretStr("a secret that only tests use")
    )


def test_real_servers_are_out_of_sight_and_back_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**REAL, "TICKETING_BACKLOG_MAX": "7"}.items():
        monkeypatch.setenv(name, value)
    with site.own_servers_only():
        assert not set(REAL) & set(os.environ)
        assert os.environ["TICKETING_BACKLOG_MAX"] == "7"
    assert {name: os.environ[name] for name in REAL} == REAL


def test_every_setting_that_names_a_server_is_put_aside() -> None:
    named = {f"TICKETING_{field.upper()}" for field in Settings.model_fields if field.endswith("_url")}
    assert named <= set(site._OF_OTHERS)
    assert "TICKETING_SECRET_KEY" in site._OF_OTHERS


def test_an_instance_marked_as_a_rehearsal_is_taken(settings: Settings) -> None:
    with answering(200, {"status": "ok", "rehearsal": True}) as base_url:
        assert running(f"{base_url}/", settings).base_url == base_url


@pytest.mark.parametrize("state", [{"status": "ok", "rehearsal": False}, {"status": "ok"}])
def test_any_other_instance_is_refused(settings: Settings, state: dict[str, Any]) -> None:
    with answering(200, state) as base_url, pytest.raises(Misconfigured, match="real tickets"):
        running(base_url, settings)


def test_settings_of_no_instance_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--data-dir"):
        running("http://127.0.0.1:9", Settings(data_dir=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_an_instance_that_does_not_answer_is_a_failure(settings: Settings) -> None:
    with pytest.raises(StoreUnavailable):
        running("http://127.0.0.1:9", settings)


def test_a_refused_call_says_why(settings: Settings) -> None:
    problem = {"code": "capacity_in_use", "detail": "12 are sold or held"}
    with answering(409, problem) as base_url, pytest.raises(SiteFailed, match="409: 12 are sold or held"):
        Site(base_url, settings).call("GET", "/api/v1/events")
