"""Goal: the bundled server loses nothing acknowledged, has one owner per directory, and starts on its files again.

Method: a real server, written to and killed with SIGKILL; files damaged on purpose; a second owner.
"""

import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.processes import is_alive, kill, wait_for
from ticketing.embedded.lock import DirectoryLock
from ticketing.embedded.valkey import EmbeddedValkey, address_file
from ticketing.errors import Misconfigured


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    started = EmbeddedValkey(tmp_path)
    started.start()
    yield started
    started.stop()


def _pid(server: EmbeddedValkey) -> int:
    assert server.child.pid is not None
    return server.child.pid


def test_its_settings_lose_nothing(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        found = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "port", "save")
    assert found == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
    }


def test_only_this_user_may_reach_it(server: EmbeddedValkey) -> None:
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_killed_it_is_back_within_two_seconds_on_the_same_files(server: EmbeddedValkey) -> None:
    said: list[str] = []
    first = _pid(server)
    with redis.Redis.from_url(server.url) as client:
        for number in range(100):
            client.set(f"acknowledged:{number}", number)
    kill(first)
    began = time.monotonic()
    assert wait_for(lambda: not is_alive(first), 1)

    def is_back() -> bool:
        server.revive(said.append)
        return server.answers()

    assert wait_for(is_back, 2)
    assert time.monotonic() - began < 2
    assert _pid(server) != first
    assert len(said) == 1
    assert said[0].startswith("the bundled Valkey was ended by SIGKILL; starting it again")
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 100


def test_control_without_an_append_only_file_the_kill_loses_everything(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    command = list(server.child.command)
    command[command.index("--appendonly") + 1] = "no"
    server.child.command = command
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("acknowledged", 1)
    kill(_pid(server))
    assert wait_for(lambda: server.child.pid is None, 1)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0
    server.stop()


def test_a_start_is_waited_for_no_longer_than_wanted(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.child.command = ["sleep", "60"]  # as one that loads a large file
    wanted_until = time.monotonic() + 0.2
    server.start(lambda: time.monotonic() > wanted_until)
    assert time.monotonic() - wanted_until < 2
    assert not server.answers()
    pid = _pid(server)
    server.stop()
    assert not is_alive(pid)


def test_a_clean_stop_leaves_no_process(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    pid = _pid(server)
    server.stop()
    assert not is_alive(pid)


def test_a_torn_tail_loads(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "whole")
        client.set("torn", "x" * 100)
    server.stop()
    newest = _append_only_file(server)
    newest.write_bytes(newest.read_bytes()[:-30])
    server.start()
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert client.get("kept") == "whole"
        assert client.get("torn") is None


def test_damage_in_the_middle_is_never_mended_in_silence(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url) as client:
        for number in range(100):
            client.set(f"key:{number}", "x" * 50)
    server.stop()
    newest = _append_only_file(server)
    text = bytearray(newest.read_bytes())
    text[len(text) // 2 : len(text) // 2 + 200] = b"?" * 200
    newest.write_bytes(text)
    with pytest.raises(Misconfigured, match="did not start"):
        server.start()
    assert server.child.pid is None


def test_a_path_too_long_for_a_socket_moves_only_the_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    server = EmbeddedValkey(deep)
    server.start()
    try:
        assert not server.socket.is_relative_to(deep)
        assert address_file(deep).read_text() == server.url
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
    finally:
        server.stop()


def test_a_second_owner_is_refused_in_one_line(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path), pytest.raises(Misconfigured) as refused, DirectoryLock(tmp_path):
        pass
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_lock_lasts_as_long_as_the_server(tmp_path: Path) -> None:
    """The owner is gone and the server still runs, as for a moment after a `kill -9`: nobody may come in."""
    with DirectoryLock(tmp_path) as lock:
        server = EmbeddedValkey(tmp_path, lock.fd)
        server.start()
    with pytest.raises(Misconfigured), DirectoryLock(tmp_path):
        pass
    server.stop()
    with DirectoryLock(tmp_path):
        pass


def test_control_a_server_without_the_lock_lets_a_second_one_in(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        server = EmbeddedValkey(tmp_path)
        server.start()
    with DirectoryLock(tmp_path):
        assert server.child.pid is not None
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_it_dies_with_its_killed_owner(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from ticketing.embedded.valkey import EmbeddedValkey\n"
        "server = EmbeddedValkey(Path(sys.argv[1])); server.start()\n"
        "print(server.child.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    kill(owner.pid)
    owner.wait()
    owner.stdout.close()
    assert wait_for(lambda: not is_alive(pid), 1)


def _append_only_file(server: EmbeddedValkey) -> Path:
    return max((server.folder / "appendonlydir").glob("*.incr.aof"), key=lambda file: file.stat().st_mtime)
