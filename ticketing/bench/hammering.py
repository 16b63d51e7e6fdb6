"""Lets the light client of `loadtests/hammer.py` loose: its orders, its report, and the requests it sends."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from ticketing.bench.arena import ArenaFailed
from ticketing.rehearsal.crowd import link_package

CONNECTIONS = 64
PATIENCE_SECONDS = 60.0
"""How long beyond its time a client may take."""


class Order(Struct, frozen=True):
    """As `loadtests.hammer.Order`."""

    host: str
    port: int
    requests: str
    seconds: float
    connections: int = CONNECTIONS
    chain: int = 1
    rate: float = 0.0
    once: bool = True


class Report(Struct, frozen=True):
    """As `loadtests.hammer.Report`."""

    answers: int
    seconds: float
    statuses: dict[str, int]
    cpu_share: float
    p50: float
    p95: float
    p99: float
    bytes_read: int
    exhausted: bool

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def start(directory: Path, order: Order) -> "subprocess.Popen[bytes]":
    """Start a client; `finish` waits for it."""
    link_package(directory)
    client = subprocess.Popen(
        [sys.executable, "-P", "-m", "loadtests.hammer"],
        env={"PYTHONPATH": str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdin is not None
    client.stdin.write(msgspec.json.encode(order))
    client.stdin.close()
    client.stdin = None
    return client


def finish(client: "subprocess.Popen[bytes]", order: Order, expected: str) -> Report:
    """What a client reports. Raises `ArenaFailed` unless every answer was of the status `expected`."""
    try:
        out, _ = client.communicate(timeout=order.seconds + PATIENCE_SECONDS)
    except BaseException:
        client.kill()
        client.wait()
        raise
    if client.returncode != 0:
        raise ArenaFailed("the load client broke off")
    report = msgspec.json.decode(out, type=Report)
    if set(report.statuses) != set(expected.split()):
        raise ArenaFailed(f"expected answers of {expected} only, got {report.statuses}")
    return report


def hammer(directory: Path, order: Order, expected: str) -> Report:
    """Run one client to its end."""
    return finish(start(directory, order), order, expected)


def write_requests(path: Path, requests: Iterable[bytes]) -> str:
    """Put requests in a file for the client; its path."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "big"))
            file.write(request)
    return str(path)


def get(path: str, token: str = "") -> bytes:
    """A GET as a phone's library sends it."""
    return _request("GET", path, token, b"", "")


def post(path: str, token: str, body: bytes, key: str = "") -> bytes:
    """A POST with a JSON body."""
    return _request("POST", path, token, body, key)


def _request(method: str, path: str, token: str, body: bytes, key: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: tickets.example", "accept-encoding: gzip"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    if key:
        lines.append(f"idempotency-key: {key}")
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
