"""Answers that are lost, connections that are cut, and servers that cannot be reached."""

from tests.faults.kinds.scene import Scene, kind
from tests.faults.proxy import Proxy
from tests.faults.servers import POSTGRESQL


@kind("answers of Valkey to the API lost")
def lose_answers_to_api(scene: Scene) -> None:
    """What was asked has happened, and the API never hears of it."""
    _lose(scene, scene.world.to_valkey["api"])


@kind("answers of Valkey to the worker lost")
def lose_answers_to_worker(scene: Scene) -> None:
    """The same with trims, sweeps and RQ's own commands."""
    _lose(scene, scene.world.to_valkey["worker"])


@kind("answers of SQL lost", POSTGRESQL)
def lose_answers_of_sql(scene: Scene) -> None:
    """A commit has happened, and the worker or the API never hears of it."""
    for proxy in scene.world.to_sql.values():
        proxy.losing = 0.1
    scene.some_time(0.5, 1.5)
    _calm(scene)


@kind("connections cut")
def cut_connections(scene: Scene) -> None:
    """Every connection at once, some times in a row."""
    for _ in range(scene.dice.randint(1, 4)):
        for proxy in scene.world.proxies:
            proxy.cut()
        scene.some_time(0.05, 0.4)


@kind("Valkey out of reach")
def refuse_valkey(scene: Scene) -> None:
    """Nobody can connect, for a second or two."""
    _refuse(scene, *scene.world.to_valkey.values())


@kind("Valkey out of the worker's reach")
def refuse_valkey_to_worker(scene: Scene) -> None:
    """The sale goes on while nobody drains it."""
    _refuse(scene, scene.world.to_valkey["worker"])


@kind("SQL out of reach", POSTGRESQL)
def refuse_sql(scene: Scene) -> None:
    """Nobody can connect, for some seconds; the sale goes on."""
    _refuse(scene, *scene.world.to_sql.values())


@kind("network frozen")
def freeze(scene: Scene) -> None:
    """Nothing passes, nobody is told, and then everything passes at once."""
    for proxy in scene.world.proxies:
        proxy.freeze()
    scene.some_time(0.3, 1.5)
    _calm(scene)


@kind("network slow")
def slow_down(scene: Scene) -> None:
    """Everything takes a tenth of a second longer, each way."""
    for proxy in scene.world.proxies:
        proxy.delay = scene.dice.uniform(0.01, 0.1)
    scene.some_time(0.5, 1.5)
    _calm(scene)


@kind("SQL locked")
def lock_sql(scene: Scene) -> None:
    """Somebody keeps the lock that drains wait for; the sale goes on."""
    lock = scene.world.sql.lock()
    scene.some_time(0.5, 3.0)
    lock.close()


def _lose(scene: Scene, proxy: Proxy) -> None:
    before = proxy.lost
    proxy.losing = scene.dice.uniform(0.05, 0.5)
    scene.some_time(0.4, 1.2)
    _calm(scene)
    assert proxy.lost > before, "an answer was lost"


def _refuse(scene: Scene, *proxies: Proxy) -> None:
    for proxy in proxies:
        proxy.refusing = True
        proxy.cut()
    scene.some_time(0.5, 2.5)
    _calm(scene)


def _calm(scene: Scene) -> None:
    for proxy in scene.world.proxies:
        proxy.calm()
