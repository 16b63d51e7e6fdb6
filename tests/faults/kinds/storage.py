"""Disks that are full, memory that is used up, and files that are torn, gone or old."""

import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import redis
from sqlalchemy import select

from tests.faults.kinds.scene import Scene, kind
from tests.faults.records import Restore
from tests.faults.servers import SQLITE, SqliteFile
from tests.faults.world import World
from ticketing.database import reading
from ticketing.errors import StoreUnavailable
from ticketing.orders.tables import COLLECTED, Ticket

_FELT_SECONDS_MAX = 20.0
_TORN = b"*4\r\n$4\r\nHSET\r\n$9\r\nticketing\r\n$40\r\nabc"


@kind("Valkey's disk full")
def fill_disk_of_valkey(scene: Scene) -> None:
    """Its file may not grow, so a write comes out short, and so does the next after every start until there is room."""
    world = scene.world
    size = max(file.stat().st_size for file in _appended(world).glob("*.aof"))
    room = size + scene.dice.randint(1_000, 8_000)
    world.down.add("valkey")
    for _ in range(scene.dice.randint(1, 2)):
        _let_files_grow_to(room, world.pid("valkey"))
        world.wait_for(lambda: world.children["valkey"].pid is None, _FELT_SECONDS_MAX)
        assert world.children["valkey"].pid is None, "a full disk ends Valkey"
        world.children["valkey"].start()
    world.down.discard("valkey")


@kind("Valkey out of memory")
def use_up_memory(scene: Scene) -> None:
    """Holds are refused as unavailable; confirms go through, and so does the drain, though RQ's queue takes nothing."""
    world = scene.world
    with redis.Redis.from_url(world.valkey.url) as client:
        client.config_set("maxmemory", 1)
        try:
            scene.some_time(0.5, 1.5)
            assert world.wait_for(lambda: _backlog(world) == 0, 10), (
                "nothing is drained while memory is used up"
            )
        finally:
            client.config_set("maxmemory", 0)


@kind("SQL's disk full", SQLITE)
def fill_disk_of_sqlite(scene: Scene) -> None:
    """Neither process can make SQLite's files longer; the sale goes on."""
    world = scene.world
    assert isinstance(world.sql, SqliteFile)
    sizes = [file.stat().st_size for file in world.folder.glob(f"{world.sql.file.name}*")]
    pids = [world.pid(name) for name in ("api", "worker")]
    for pid in pids:
        _let_files_grow_to(max(sizes) // 2, pid)
    scene.some_time(0.5, 2.0)
    for pid in pids:
        _let_files_grow_to(resource.RLIM_INFINITY, pid)


@kind("append-only file torn")
def tear_file(scene: Scene) -> None:
    """Half a command at its end, as a power cut leaves it."""

    def tear() -> None:
        newest = max(_appended(scene.world).glob("*.incr.aof"), key=lambda file: file.stat().st_mtime)
        with newest.open("ab") as file:
            file.write(_TORN[: scene.dice.randint(1, len(_TORN))])

    _while_valkey_is_down(scene.world, tear)


@kind("Valkey wiped", forgets=True)
def wipe_valkey(scene: Scene) -> None:
    """Its files are gone; what SQL has is all there is."""
    _drain_what_was_sold(scene.world)
    _while_valkey_is_down(scene.world, lambda: shutil.rmtree(_appended(scene.world)))
    scene.world.to_valkey["api"].calm()


@kind("old files of Valkey restored", forgets=True)
def restore_old_valkey(scene: Scene) -> None:
    """It wakes up in the past, and every process remembers more."""
    world = scene.world
    old = world.folder / "old-valkey"
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(_appended(world), old)
    scene.some_time(0.3, 1.5)

    def put_back() -> None:
        shutil.rmtree(_appended(world))
        shutil.copytree(old, _appended(world))

    _drain_what_was_sold(world)
    _while_valkey_is_down(world, put_back)
    world.to_valkey["api"].calm()


@kind("old copy of SQL restored", forgets=True)
def restore_old_sql(scene: Scene) -> None:
    """Everything is stopped, SQL put back, and all of it started; Redis has what SQL lacks."""
    world = scene.world
    old = world.folder / "old-sql"
    _remove(old)
    copied_at = time.monotonic()
    world.sql.copy(old)
    scene.some_time(0.3, 1.5)
    world.down.update(("api", "worker"))
    world.kill("api")
    world.kill("worker")
    world.services.engine.dispose()
    world.sql.put_back(old)
    with reading(world.services.sessions) as session:
        collected = frozenset(session.scalars(select(Ticket.code).where(Ticket.status == COLLECTED)))
    scene.records.restores.append(Restore(copied_at, time.monotonic(), collected))
    world.down.clear()


def _drain_what_was_sold(world: World) -> None:
    """Nobody sells on, and SQL takes what was sold: an order that is only in files that are lost, is lost."""
    api = world.to_valkey["api"]
    api.refusing = True
    api.cut()
    assert world.wait_for(lambda: _backlog(world) == 0, 30), "the drain goes on"


def _while_valkey_is_down(world: World, act: Callable[[], object]) -> None:
    world.down.add("valkey")
    world.kill("valkey")
    act()
    world.down.discard("valkey")


def _backlog(world: World) -> int | None:
    try:
        state = world.services.keeper.state(world.event)
    except StoreUnavailable:
        return None
    return None if state is None else state.backlog


def _appended(world: World) -> Path:
    return world.valkey.folder / "appendonlydir"


def _let_files_grow_to(size: int, pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
