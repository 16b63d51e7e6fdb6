"""Clocks that jump, what is done twice at once, and what is forgotten without harm."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.faults.kinds.scene import Scene, kind
from tests.faults.world import REBUILD_SECONDS, World
from ticketing.errors import StoreUnavailable
from ticketing.queue.worker import drain_of

HOUR_MS = 3_600_000


@kind("machine's clock jumps")
def jump_machines_clock(scene: Scene) -> None:
    """The API and the worker are hours off, and then right again."""
    scene.world.clocks.set(machine=scene.dice.choice((-25 * HOUR_MS, -HOUR_MS, HOUR_MS, 25 * HOUR_MS)))
    scene.some_time(0.5, 1.5)
    scene.world.clocks.set()


@kind("Redis' clock steps")
def step_redis_clock(scene: Scene) -> None:
    """Back, or forward by less than a hold lives; and then to the truth again."""
    scene.world.clocks.set(redis=scene.dice.choice((-HOUR_MS, -10_000, 10_000, 300_000)))
    scene.some_time(0.5, 1.5)
    scene.world.clocks.set()


@kind("two drains at once")
def drain_twice(scene: Scene) -> None:
    """Another process drains the same group as fast as it can."""
    over = threading.Event()

    def drain() -> None:
        ours = drain_of(scene.world.services)
        while not over.wait(0.005):
            ours.run(scene.world.event)

    other = threading.Thread(target=drain)
    other.start()
    scene.some_time(0.5, 1.5)
    over.set()
    other.join()


@kind("scripts and queue forgotten")
def forget_scripts_and_queue(scene: Scene) -> None:
    """Valkey drops its scripts, and RQ's keys and the bells are deleted."""
    with redis.Redis.from_url(scene.world.valkey.url) as client:
        for _ in range(scene.dice.randint(1, 4)):
            client.script_flush()
            for key in (*client.scan_iter("rq:*"), *client.scan_iter("ticketing:bell:*")):
                client.delete(key)
            scene.some_time(0.05, 0.3)


@kind("rebuilt in mid-sale")
def rebuild_in_mid_sale(scene: Scene) -> None:
    """Somebody rebuilds though nothing is wrong: holds are void, and nothing else happens."""
    with _noted(scene):
        report = scene.world.rebuild(scene.world.event)
    assert report["ok"], f"a rebuild of a sound sale finds nothing: {report}"


@kind("rebuild killed and repeated")
def kill_rebuild(scene: Scene) -> None:
    """`kill -9` once the sale is fenced; the next one does all of it."""
    world = scene.world
    command = [sys.executable, "-P", "-m", "ticketing", "rebuild", world.event]
    with _noted(scene):
        first = subprocess.Popen(
            command, env=world.operators(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        world.wait_for(lambda: _is_fenced(world) or first.poll() is not None, REBUILD_SECONDS)
        time.sleep(scene.dice.uniform(0.0, 0.1))
        if first.poll() is None:
            os.kill(first.pid, signal.SIGKILL)
        first.wait()
        report = world.rebuild(world.event)
    assert report["ok"], f"a rebuild that is repeated finds nothing: {report}"


@contextmanager
def _noted(scene: Scene) -> Iterator[None]:
    began = time.monotonic()
    yield
    scene.records.rebuilds.append((began, time.monotonic()))


def _is_fenced(world: World) -> bool:
    try:
        state = world.services.keeper.state(world.event)
    except StoreUnavailable:
        return False
    return state is not None and state.fenced_by is not None
