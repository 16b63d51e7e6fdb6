"""Kinds of faults, by what is harmed; importing this makes them known."""

from tests.faults.kinds import deaths, network, storage, upkeep
from tests.faults.kinds.scene import KINDS, Kind, Scene

__all__ = ["KINDS", "Kind", "Scene", "deaths", "network", "storage", "upkeep"]


def kinds_of(database: str) -> list[Kind]:
    """Every kind there is with this database."""
    return [kind for kind in KINDS.values() if database in kind.databases]
