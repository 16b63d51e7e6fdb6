"""Processes that are killed, and processes that stand still."""

import signal

from tests.faults.kinds.scene import Scene, kind
from tests.faults.servers import POSTGRESQL, PostgresMachine


@kind("API killed")
def kill_api(scene: Scene) -> None:
    """`kill -9` in mid-answer; the supervisor starts another on the same socket."""
    scene.world.kill("api")


@kind("worker killed")
def kill_worker(scene: Scene) -> None:
    """`kill -9`, wherever it is."""
    scene.world.kill("worker")


@kind("Valkey killed")
def kill_valkey(scene: Scene) -> None:
    """`kill -9` between a write and its answer."""
    scene.world.kill("valkey")


@kind("PostgreSQL killed", POSTGRESQL)
def kill_postgresql(scene: Scene) -> None:
    """`kill -9` for the server and every backend; it comes back a little later."""
    machine = scene.world.sql
    assert isinstance(machine, PostgresMachine)
    machine.kill()
    scene.some_time(0.0, 1.0)
    machine.start()


@kind("power cut")
def cut_power(scene: Scene) -> None:
    """Everything is killed at once, and started again in some order."""
    world = scene.world
    names = list(world.children)
    scene.dice.shuffle(names)
    world.down.update(names)
    for name in names:
        world.kill(name)
    if isinstance(world.sql, PostgresMachine):
        world.sql.kill()
        world.sql.start()
    scene.dice.shuffle(names)
    for name in names:
        world.down.discard(name)
        scene.some_time(0.0, 0.2)


@kind("worker killed in a job")
def kill_worker_in_a_job(scene: Scene) -> None:
    """SQL keeps a drain waiting, and the worker is killed as it waits."""
    lock = scene.world.sql.lock()
    scene.some_time(0.3, 0.8)
    scene.world.kill("worker")
    lock.close()


@kind("API stopped")
def stop_api(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT a while later."""
    _stop(scene, "api")


@kind("worker stopped")
def stop_worker(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT a while later."""
    _stop(scene, "worker")


@kind("Valkey stopped")
def stop_valkey(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT a while later: it answers what nobody waits for any longer."""
    _stop(scene, "valkey")


@kind("PostgreSQL stopped", POSTGRESQL)
def stop_postgresql(scene: Scene) -> None:
    """SIGSTOP for the server and every backend, and SIGCONT a while later."""
    machine = scene.world.sql
    assert isinstance(machine, PostgresMachine)
    machine.hold_still()
    scene.some_time(0.3, 2.0)
    machine.go_on()


def _stop(scene: Scene, name: str) -> None:
    scene.world.signal(name, signal.SIGSTOP)
    # One time in eight longer than a client, or a command to Redis, waits.
    scene.some_time(5.5, 6.5) if scene.dice.random() < 0.12 else scene.some_time(0.3, 2.0)
    scene.world.signal(name, signal.SIGCONT)
