"""Goal: every unsafe setting of Redis or Valkey is named, alone, and the command that is printed with it mends it.

Method: a real server with a file of settings. One thing at a time is made unsafe as an operator, or bad luck,
would; the doctor must name just that; its command is run by a shell as it stands; the doctor must be content.
"""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.support.clinic import Clinic, valkey_of_ones_own
from tests.support.databases import SqliteDatabases
from tests.support.processes import descendants, wait_for
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Misconfigured
from ticketing.inventory.server import HIDDEN
from ticketing.services.doctor_redis import Console, look_at_inventory, look_at_queue

Spoil = Callable[["redis.Redis"], object]


@pytest.fixture
def clinic(tmp_path: Path, sqlite_databases: SqliteDatabases) -> Iterator[Clinic]:
    folder = tmp_path / "redis"
    folder.mkdir(mode=0o700)
    database_url = sqlite_databases.create()
    with valkey_of_ones_own(folder) as url:
        yield Clinic(tmp_path, url, database_url)
    sqlite_databases.drop(database_url)


@pytest.fixture
def server(clinic: Clinic) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(clinic.redis_url, decode_responses=True) as client:
        yield client


def config(name: str, value: str | int) -> Spoil:
    return lambda server: server.config_set(name, value)


def nearly_full(server: "redis.Redis") -> None:
    server.config_set("maxmemory", int(server.info("memory")["used_memory"]) * 11 // 10)


def break_the_child(server: "redis.Redis", command: str, status: str) -> None:
    """Kill the process that writes a file for the server, as a machine short of memory does."""
    server.config_set("rdb-key-save-delay", 10_000_000)
    server.set("a key", "so that there is something to write")
    (pid,) = [server.info("server")["process_id"]]
    assert wait_for(lambda: not descendants(pid), 5)
    server.bgsave() if command == "BGSAVE" else server.bgrewriteaof()
    assert wait_for(lambda: bool(descendants(pid)), 5)
    for child in descendants(pid):
        os.kill(child, signal.SIGKILL)
    assert wait_for(lambda: server.info("persistence")[status] == "err", 5)
    server.config_set("rdb-key-save-delay", 0)


def a_snapshot_fails(server: "redis.Redis") -> None:
    server.config_set("save", "3600 1")
    break_the_child(server, "BGSAVE", "rdb_last_bgsave_status")


def open_to_everybody(server: "redis.Redis") -> None:
    server.config_set("bind", "0.0.0.0")
    server.config_set("protected-mode", "no")


UNSAFE: dict[str, tuple[str, str, Spoil]] = {
    "forgets": ("redis appendonly", "no", config("appendonly", "no")),
    "syncs each second": ("redis appendfsync", "everysec", config("appendfsync", "everysec")),
    "syncs never": ("redis appendfsync", "no", config("appendfsync", "no")),
    "does not sync while it rewrites": (
        "redis no-appendfsync-on-rewrite", "yes", config("no-appendfsync-on-rewrite", "yes"),
    ),
    "does not start with a torn tail": ("redis aof-load-truncated", "no", config("aof-load-truncated", "no")),
    "evicts": ("redis maxmemory-policy", "allkeys-lru", config("maxmemory-policy", "allkeys-lru")),
    "evicts what expires": ("redis maxmemory-policy", "volatile-ttl", config("maxmemory-policy", "volatile-ttl")),
    "is nearly full": ("redis maxmemory", "MiB used of", nearly_full),
    "has no connection left": ("redis maxclients", "at most 2", config("maxclients", 2)),
    "waits for replicas": ("redis min-replicas-to-write", "1, 0 connected", config("min-replicas-to-write", 1)),
    "is a replica": ("redis replicas", "role slave", lambda server: server.replicaof("127.0.0.1", 1)),
    "is open": ("redis access", "open to who reaches 0.0.0.0", open_to_everybody),
    "cannot rewrite": (
        "redis aof_last_bgrewrite_status", "err",
        partial(break_the_child, command="BGREWRITEAOF", status="aof_last_bgrewrite_status"),
    ),
    "stops writing after a snapshot": ("redis snapshots", "the last failed (3600 1)", a_snapshot_fails),
}  # fmt: skip


def test_a_sound_server_is_called_sound(clinic: Clinic) -> None:
    assert clinic.wrong() == []


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_an_unsafe_server_is_named_and_its_command_mends_it(
    clinic: Clinic, server: "redis.Redis", unsafe: str
) -> None:
    name, found, spoil = UNSAFE[unsafe]
    spoil(server)
    (check,) = clinic.wrong()
    assert check.name == name
    assert found in check.found
    clinic.mend(check)
    assert wait_for(lambda: clinic.wrong() == [], 5)


def test_what_is_set_stays_set_when_the_server_starts_again(clinic: Clinic, server: "redis.Redis") -> None:
    server.config_set("appendfsync", "everysec")
    server.config_rewrite()
    (check,) = clinic.wrong()
    clinic.mend(check)
    assert "appendfsync always" in Path(str(server.info("server")["config_file"])).read_text()


def test_snapshots_alone_are_told_from_nothing_at_all(clinic: Clinic, server: "redis.Redis") -> None:
    server.config_set("appendonly", "no")
    server.config_set("save", "3600 1 300 100")
    (check,) = clinic.wrong()
    assert check.found == "no, only snapshots (3600 1 300 100)"


def test_a_server_open_to_other_machines_gets_a_password(clinic: Clinic, server: "redis.Redis") -> None:
    """Reached by another address of this machine, which the server takes for another machine's."""
    open_to_everybody(server)
    from_outside = clinic.redis_url.replace("127.0.0.1", "127.0.0.2")
    (check,) = clinic.wrong(redis_url=from_outside)
    password = clinic.mend(check).splitlines()[-1]
    assert len(password) >= 32
    assert clinic.wrong(redis_url=from_outside.replace("//", f"//:{password}@")) == []
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(from_outside).ping()


def test_a_password_in_the_address_is_not_printed(clinic: Clinic, server: "redis.Redis") -> None:
    server.config_set("requirepass", "hidden-from-the-report")
    server.auth("hidden-from-the-report")
    server.config_set("appendfsync", "everysec")
    url = clinic.redis_url.replace("//", "//:hidden-from-the-report@")
    (check,) = clinic.wrong(redis_url=url)
    assert "hidden-from-the-report" not in str(check)
    clinic.mend(check, {"TICKETING_REDIS_URL": url})
    assert clinic.wrong(redis_url=url) == []


def test_what_the_server_hides_counts_as_unsafe(clinic: Clinic, server: "redis.Redis") -> None:
    commands = ["+@all", "-config", "-acl"]
    server.acl_setuser(
        "hosted", enabled=True, passwords=["+word"], keys=["*"], channels=["*"], commands=commands
    )
    wrong = clinic.wrong(redis_url=clinic.redis_url.replace("//", "//hosted:word@"))
    assert {check.found for check in wrong} == {HIDDEN}
    assert "redis appendfsync" in {check.name for check in wrong}


def test_missing_replicas_are_named(clinic: Clinic) -> None:
    (check,) = clinic.wrong(replica_acks=1)
    assert (check.name, check.found) == ("redis replicas", "0 connected, 1 must have a confirm")
    assert clinic.wrong(replica_acks=int(check.command.rpartition("=")[2])) == []


def test_a_queue_of_its_own_is_looked_at(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> None:
    with valkey_of_ones_own(tmp_path_factory.mktemp("queue")) as url, redis.Redis.from_url(url) as queue:
        queue.config_set("appendfsync", "no")  # it holds nothing that cannot be lost
        assert clinic.wrong(queue_redis_url=url) == []
        queue.config_set("maxmemory-policy", "allkeys-lru")
        (check,) = clinic.wrong(queue_redis_url=url)
        assert check.name == "queue maxmemory-policy"
        clinic.mend(check)
        assert clinic.wrong(queue_redis_url=url) == []


def facts_of(clinic: Clinic, **changes: str) -> dict[str, str]:
    """What a real server says, and what this test's would say."""
    from ticketing.inventory.server import read_facts

    with redis.Redis.from_url(clinic.redis_url) as client:
        return read_facts(client) | changes


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("redis", {"version": "7.2.11"}),
        ("redis", {"server": "redis", "version": "6.2.20"}),
        (
            "redis aof_last_write_status",
            {"aof_last_write_status": "err"},
        ),  # under `always` the server ends instead
    ],
)
def test_what_no_server_here_can_be_brought_to_say_is_named(
    clinic: Clinic, name: str, changes: dict[str, str]
) -> None:
    console = Console(clinic.redis_url, "TICKETING_REDIS_URL", None)
    checks = look_at_inventory(facts_of(clinic, **changes), console, 0)
    assert [check.name for check in checks if not check.ok] == [name]


def test_a_cluster_is_no_queue(clinic: Clinic) -> None:
    console = Console(clinic.redis_url, "TICKETING_QUEUE_REDIS_URL", None)
    checks = look_at_queue(facts_of(clinic, cluster_enabled="1"), console)
    assert [check.name for check in checks if not check.ok] == ["queue"]


def test_the_bundled_server_is_mended_by_starting_it_again(clinic: Clinic) -> None:
    """It takes its settings from `ticketing up`, so whatever was changed since is gone."""
    bundled = EmbeddedValkey(clinic.data_dir)
    bundled.start()
    with redis.Redis.from_url(bundled.url) as client:
        client.config_set("appendfsync", "everysec")
    (check,) = clinic.wrong(redis_url=bundled.url, embedded=True)
    assert check.command.startswith(f"ticketing up --data-dir {clinic.data_dir}")
    bundled.stop()
    bundled.start()
    assert clinic.wrong(redis_url=bundled.url, embedded=True) == []
    bundled.stop()


def test_a_file_damaged_in_its_middle_points_to_the_rebuild(clinic: Clinic) -> None:
    bundled = EmbeddedValkey(clinic.data_dir)
    bundled.start()
    with redis.Redis.from_url(bundled.url) as client:
        for number in range(100):
            client.set(f"key {number}", "x" * 100)
    bundled.stop()
    (file,) = (bundled.folder / "appendonlydir").glob("*.incr.aof")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20] = b"?" * 20
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match="did not start"):
        bundled.start()
    (check,) = clinic.wrong(redis_url=bundled.url, embedded=True)
    assert check.name == "redis"
    assert "damaged in the middle" in check.mend
    assert "`ticketing rebuild`" in check.mend
    aside, _, start = check.command.partition(" && ")
    assert start == f"ticketing up --data-dir {clinic.data_dir}"
    os.system(aside)
    again = EmbeddedValkey(clinic.data_dir)
    again.start()
    assert clinic.wrong(redis_url=again.url, embedded=True) == []
    again.stop()
    assert list((clinic.data_dir / "valkey.damaged" / "appendonlydir").glob("*.incr.aof"))
