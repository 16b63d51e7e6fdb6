"""Goal: `ticketing up` keeps every part alive, has one owner per directory, and ends without a trace.

Method: the real command; its parts are killed one by one with SIGKILL while we ask it questions from outside.
"""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import redis

from tests.support.command import (
    READY_SECONDS,
    STOP_SECONDS,
    RunningInstance,
    environment,
    running,
    ticketing,
)
from tests.support.processes import descendants, is_alive, kill, wait_for
from ticketing.bootstrap import build
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.embedded.direct import open_directly
from ticketing.embedded.instance import resolve
from ticketing.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstance]:
    with running("up", tmp_path_factory.mktemp("up") / "data") as instance:
        yield instance


def _status(instance: RunningInstance) -> int:
    try:
        with open_directly(f"{instance.base_url}/readyz", 2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _is_back(instance: RunningInstance) -> bool:
    return wait_for(lambda: _status(instance) == 200, 2)


@pytest.mark.parametrize(("word", "name"), [("api", "API process 1"), ("worker", "worker 1")])
def test_a_killed_part_is_back_within_two_seconds_and_it_is_said(
    up: RunningInstance, word: str, name: str
) -> None:
    first = up.part(word)
    kill(first)
    assert wait_for(lambda: first not in descendants(up.process.pid), 2)
    assert wait_for(lambda: f"{name} was ended by SIGKILL; starting it again" in up.said(), 2)
    assert up.part(word) != first
    assert wait_for(lambda: _status(up) == 200, READY_SECONDS), (
        "started in time; ready when the machine lets it"
    )


def test_a_killed_server_is_back_within_two_seconds_and_the_api_goes_on_by_itself(
    up: RunningInstance,
) -> None:
    api, first = up.part("api"), up.part("valkey-server")
    kill(first)
    assert wait_for(lambda: "the bundled Valkey was ended by SIGKILL; starting it again" in up.said(), 2)
    assert _is_back(up)
    assert up.part("valkey-server") != first
    assert up.part("api") == api, "the API waited; it was not started again"


def test_an_output_that_takes_nothing_ends_nothing(tmp_path: Path) -> None:
    """Its log may be on the disk that is full, and that is when Valkey has to be started again."""
    data_dir = tmp_path / "data"
    command = [sys.executable, "-P", "-m", "ticketing", "up", "--data-dir", str(data_dir), "--port", "0"]
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(command, stdout=full, stderr=full, env=environment())
    instance = RunningInstance(process, data_dir, tmp_path / "no-log")
    try:
        assert wait_for((data_dir / "api.url").exists, READY_SECONDS)
        first = instance.part("valkey-server")
        kill(first)
        assert wait_for(lambda: first not in descendants(process.pid), 2)
        assert wait_for(lambda: _status(instance) == 200, READY_SECONDS)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def test_a_second_one_on_the_same_directory_refuses_in_one_line(up: RunningInstance) -> None:
    second = ticketing("up", "--data-dir", str(up.data_dir), "--port", "0")
    assert second.returncode == 2
    assert second.stdout == ""
    assert second.stderr.count("\n") == 1
    assert f"{up.data_dir} is in use by another `ticketing up`" in second.stderr
    assert _status(up) == 200


def test_a_taken_port_is_refused_in_one_line_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = ticketing("up", "--data-dir", str(tmp_path / "data"), "--port", port)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"ticketing: cannot listen on 127.0.0.1 port {port}: Address already in use; choose another --port\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stop_takes_less_than_ten_seconds_and_leaves_no_process(tmp_path: Path, number: int) -> None:
    with running("up", tmp_path / "data", ["--api-processes", "2", "--workers", "2"]) as instance:
        parts = descendants(instance.process.pid)
        assert len(parts) >= 5, "a server, two APIs, two workers"
        assert instance.stop(number) < STOP_SECONDS
        assert instance.process.returncode == 0
        assert not any(is_alive(pid) for pid in parts)
        assert instance.said().splitlines()[-2:] == ["Stopping", "Stopped"]
        assert not (instance.data_dir / "api.url").exists()


def test_a_stop_while_the_server_loads_is_heard(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ticketing.embedded.supervisor import Plan, supervise\n"
        "from ticketing.embedded.valkey import EmbeddedValkey\n"
        "from ticketing.settings import Settings\n"
        "EmbeddedValkey._command = lambda self: ['sleep', '60']\n"
        "supervise(Settings(data_dir=Path(sys.argv[1])), Plan(port=0), print)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert wait_for(lambda: bool(descendants(process.pid)), 10)
    parts = descendants(process.pid)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=2 * STOP_SECONDS)[0] == "Stopping\nStopped\n"
    assert time.monotonic() - began < STOP_SECONDS
    assert process.returncode == 0
    assert not any(is_alive(pid) for pid in parts)


def test_a_stop_during_the_preparation_is_heard(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from ticketing.embedded.supervisor import Plan, supervise\n"
        "from ticketing.settings import Settings\n"
        "def prepare(settings, base_url):\n"
        "    print('preparing', flush=True)\n"
        "    asyncio.run(asyncio.sleep(60))\n"
        "supervise(Settings(data_dir=Path(sys.argv[1])), Plan(port=0), print, prepare)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline() == "preparing\n"
    parts = descendants(process.pid)
    process.terminate()
    assert process.communicate(timeout=STOP_SECONDS)[0] == "Stopping\nStopped\n"
    assert process.returncode == 0
    assert len(parts) == 1, "the server alone: nothing had started that uses it"
    assert not any(is_alive(pid) for pid in parts)


def test_an_open_connection_does_not_hold_the_stop_up(tmp_path: Path) -> None:
    with running("up", tmp_path / "data") as instance:
        host, _, port = instance.base_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            time.sleep(0.2)
            assert instance.stop() < STOP_SECONDS


def test_killed_it_takes_every_part_with_it(tmp_path: Path) -> None:
    with running("up", tmp_path / "data") as instance:
        parts = descendants(instance.process.pid)
        assert len(parts) >= 3
        kill(instance.process.pid)
        instance.process.wait()
        assert wait_for(lambda: not any(is_alive(pid) for pid in parts), 2)
    with running("up", tmp_path / "data") as again:
        assert _status(again) == 200, "the directory is free again, and its files are whole"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_with_urls_it_uses_those_servers_and_starts_none(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    settings = {
        "TICKETING_REDIS_URL": redis_url,
        "TICKETING_DATABASE_URL": database_url,
        "TICKETING_SECRET_KEY": "s" * 32,
    }
    with running("up", tmp_path / "data", settings=settings) as instance:
        assert _status(instance) == 200
        parts = descendants(instance.process.pid)
        assert {instance.part("api"), instance.part("worker")} == parts
        assert not {"ticketing.sqlite3", "secret.key", "valkey"} & {
            path.name for path in instance.data_dir.iterdir()
        }
        assert instance.stop() < STOP_SECONDS
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping(), "a server that is not ours stays"


def test_with_urls_and_no_secret_it_refuses_in_one_line(redis_url: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "ticketing",
        "up",
        "--data-dir",
        str(tmp_path / "data"),
        "--port",
        "0",
    ]
    refused = subprocess.run(
        command, capture_output=True, text=True, env=environment() | {"TICKETING_REDIS_URL": redis_url}
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("ticketing: TICKETING_SECRET_KEY is not set")


def test_an_open_stream_ends_before_the_stop_and_does_not_hold_it_up(tmp_path: Path) -> None:
    with running("up", tmp_path / "data") as instance:
        path, headers = _watched_event(instance)
        client = httpx2.Client(base_url=instance.base_url, trust_env=False, timeout=30)
        with client, client.stream("GET", path, headers=headers) as answer:
            lines = answer.iter_lines()
            assert any(line.startswith("data: ") for line in lines)
            seconds = instance.stop()
            for _ in lines:  # one that is cut off, as the server does when it loses patience, raises
                pass
        assert seconds < STOP_SECONDS


def _watched_event(instance: RunningInstance) -> tuple[str, dict[str, str]]:
    """The stream of an event on sale, and a session that may watch it."""
    services = build(resolve(Settings(data_dir=instance.data_dir)))
    try:
        now = services.keeper.now_ms()
        services.staff.add_root("district", "区总工会")
        password = services.staff.add_staff("wang", "manager", "district")
        token, claims = services.accounts.login_staff("wang", password, "203.0.113.1")
        draft = EventDraft(
            title="五元看大片",
            starts_at=now + 3_600_000,
            opens_at=now,
            closes_at=now + 3_600_000,
            quotas=(QuotaDraft(name="1", capacity=5),),
        )
        event_id = services.catalogue.create_event(claims, draft)
        services.catalogue.publish(claims, event_id)
    finally:
        services.close()
    return f"/api/v1/staff/events/{event_id}/stream", {"authorization": f"Bearer {token}"}
