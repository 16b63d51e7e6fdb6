"""What a kind of fault is given, and the list of all kinds."""

import random
from collections.abc import Callable
from typing import NamedTuple

from tests.faults.records import Records
from tests.faults.servers import POSTGRESQL, SQLITE
from tests.faults.world import World

BOTH = (SQLITE, POSTGRESQL)


class Scene(NamedTuple):
    """Where it happens, to whom, and the dice that say how exactly."""

    world: World
    records: Records
    dice: random.Random

    def some_time(self, least: float, most: float) -> None:
        """Let time pass, as much as the dice say."""
        self.world.pass_time(self.dice.uniform(least, most))


class Kind(NamedTuple):
    """A kind of fault. `strike` does the harm and ends it; whatever comes afterwards is recovery."""

    name: str
    strike: Callable[[Scene], None]
    databases: tuple[str, ...]
    forgets: bool
    """A server went back or forgot: a person has to rebuild."""


KINDS: dict[str, Kind] = {}
"""Every kind by name, in the order they are written down."""


def kind(
    name: str, *databases: str, forgets: bool = False
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Make a function a kind of fault; without databases it is one for both."""

    def named(strike: Callable[[Scene], None]) -> Callable[[Scene], None]:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, strike, databases or BOTH, forgets)
        return strike

    return named
