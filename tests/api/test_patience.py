"""Goal: clients that are slow, endless or no HTTP at all are let go, and cost the others nothing.

Method: a real instance with short patience, and raw connections that send piece by piece. The control is the same
instance with long patience, on which a slow client stays.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import RunningInstance, running
from ticketing.api.bodies import BODY_BYTES_MAX
from ticketing.api.patience import Patience

pytestmark = pytest.mark.slow

HEAD = (
    b"POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 29\r\n"
)
BODY = b'{"card_number":"1","pin":"2"}'
FORM = b"POST /login HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\ncontent-length: 29\r\n"
FORM += b"content-type: application/x-www-form-urlencoded\r\n"
PATIENCE = {"TICKETING_REQUEST_HEAD_SECONDS": "1", "TICKETING_REQUEST_BODY_SECONDS": "2"}
BETWEEN_SECONDS = Patience(0, 0).another
LOOKS_SECONDS = 4.0
"""How much longer than its patience a busy server may take to look."""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstance]:
    with running("up", tmp_path_factory.mktemp("patience") / "data", settings=PATIENCE) as up:
        yield up


@contextmanager
def connected(instance: RunningInstance) -> Iterator[socket.socket]:
    port = int(instance.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        yield line


def seconds_until_let_go(line: socket.socket, drop: bytes, at_most: float) -> float | None:
    """How long a client that sends one byte every 0.2 s is listened to; None when it still is at the end."""
    began = time.monotonic()
    line.settimeout(0.2)
    while time.monotonic() - began < at_most:
        try:
            line.sendall(drop)
            if line.recv(1_000) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began
    return None


def answer_to(line: socket.socket) -> tuple[int, str]:
    """Status and code of the next answer."""
    text = b""
    while b"}" not in text:  # head and body may come apart
        text += line.recv(100_000) or b"}"
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)["code"]


@pytest.mark.parametrize("drop", [b"", b"x", b"\r\n"], ids=["silent", "header", "empty lines"])
def test_who_does_not_finish_a_head_is_let_go(instance: RunningInstance, drop: bytes) -> None:
    with connected(instance) as line:
        if drop == b"x":
            line.sendall(HEAD)
        seconds = seconds_until_let_go(line, drop, 1 + LOOKS_SECONDS)
    assert seconds is not None
    assert seconds > 0.9


@pytest.mark.parametrize("head", [HEAD, FORM], ids=["json", "form"])
def test_who_does_not_finish_a_body_is_let_go_and_nothing_broke(
    instance: RunningInstance, head: bytes
) -> None:
    with connected(instance) as line:
        line.sendall(head + b"\r\n")
        seconds = seconds_until_let_go(line, b" ", 2 + LOOKS_SECONDS)
    assert seconds is not None
    assert seconds > 1.9, "a body has a time of its own"
    assert "Traceback" not in instance.said()


def test_who_was_answered_before_the_end_of_its_body_is_let_go_as_well(instance: RunningInstance) -> None:
    size = BODY_BYTES_MAX + 1
    head = b"POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with connected(instance) as line:
        line.sendall(head + b"content-length: %d\r\n\r\n" % size)
        assert answer_to(line) == (413, "body_too_large")
        line.sendall(b"x" * size)
        assert seconds_until_let_go(line, b"", BETWEEN_SECONDS + LOOKS_SECONDS) is not None


def test_who_is_slow_but_in_time_is_answered(instance: RunningInstance) -> None:
    with connected(instance) as line:
        for piece in (HEAD[:20], HEAD[20:] + b"\r\n", BODY[:10], BODY[10:]):
            line.sendall(piece)
            time.sleep(0.4)
        assert answer_to(line) == (401, "bad_credentials")
        time.sleep(1.5)
        line.sendall(HEAD + b"\r\n" + BODY)
        assert answer_to(line) == (401, "bad_credentials"), "time begins anew with each request"


def test_slow_clients_cost_the_others_nothing(instance: RunningInstance) -> None:
    with connected(instance) as slow, connected(instance) as quick:
        slow.sendall(HEAD)
        quick.sendall(HEAD + b"\r\n" + BODY)
        assert answer_to(quick)[0] == 401


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01 hello\r\n\r\n", b"GET ?x HTTP/1.1\r\n\r\n", HEAD + b"no colon\r\n\r\n", b"x: y\r\n" * 9],
    ids=["TLS", "no path", "header", "headers alone"],
)
def test_what_is_no_http_is_a_problem_like_any_other(instance: RunningInstance, sent: bytes) -> None:
    with connected(instance) as line:
        line.sendall(sent)
        assert answer_to(line) == (400, "malformed_request")
        assert line.recv(1) == b"", "and the end"


def test_a_head_is_bounded(instance: RunningInstance) -> None:
    with connected(instance) as line:
        line.sendall(HEAD)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            line.sendall(b"x-more: %b\r\n" % (b"y" * 4_000) * 20_000)


def test_nonsense_after_a_request_does_not_break_its_answer(instance: RunningInstance) -> None:
    for _ in range(30):
        with connected(instance) as line:
            line.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n\x00\x01 nonsense\r\n\r\n")
            while line.recv(100_000):
                pass
    assert "Traceback" not in instance.said()


def test_control_with_long_patience_a_slow_client_stays(tmp_path: Path) -> None:
    long = dict.fromkeys(PATIENCE, "600")
    with running("up", tmp_path / "data", settings=long) as up, connected(up) as line:
        line.sendall(HEAD)
        assert seconds_until_let_go(line, b"x", 1 + LOOKS_SECONDS) is None
