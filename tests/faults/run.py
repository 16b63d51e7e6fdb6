"""Schedules of faults from a seed, and a chapter: a world of its own in which one schedule happens."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.faults.clients import Crowd
from tests.faults.judge import Violation, judge
from tests.faults.kinds import KINDS, Kind, Scene, kinds_of
from tests.faults.records import Records
from tests.faults.world import World

RECOVERED_SECONDS_MAX = 120.0
"""How long after a fault's end nobody may buy; most of it is for a machine that is busy with other things."""

IDLE_SECONDS_MAX = 150.0
SETTLED_SECONDS_MAX = 60.0


class Fault(NamedTuple):
    """One fault of a schedule: its kind, how long people buy before it, and the seed of its dice."""

    kind: Kind
    lead: float
    seed: int


class Outcome(NamedTuple):
    """What came of a fault: seconds until somebody bought again, and until SQL had everything."""

    kind: str
    recovered: float
    settled: float
    violations: list[Violation]


class Chapter(NamedTuple):
    """Which schedule, and over which database."""

    seed: int
    faults: int
    database: str


Tell = Callable[[Outcome], object]


def schedule(chapter: Chapter) -> Iterator[Fault]:
    """The faults of a chapter: every kind once in an order by chance, then all again."""
    dice = random.Random(f"{chapter.seed}/{chapter.database}")
    deck: list[Kind] = []
    for _ in range(chapter.faults):
        if not deck:
            deck = kinds_of(chapter.database)
            dice.shuffle(deck)
        yield Fault(deck.pop(), dice.uniform(0.2, 0.8), dice.getrandbits(32))


def play(
    folder: Path,
    chapter: Chapter,
    records: Records,
    tell: Tell,
    faults: Iterable[Fault] | None = None,
    tampering: str = "",
) -> None:
    """Let it happen, and judge after every fault. Ends early when something was lost, doubled or never came back."""
    with (
        World(folder, chapter.database, chapter.seed, tampering) as world,
        Crowd(world, records, chapter.seed) as crowd,
    ):
        for fault in faults or schedule(chapter):
            outcome = happen(world, crowd, fault)
            tell(outcome)
            if outcome.violations:
                break


def happen(world: World, crowd: Crowd, fault: Fault) -> Outcome:
    """One fault in a sale, its recovery, and the judgement."""
    records = crowd.records
    crowd.play()
    world.pass_time(fault.lead)
    violations = []
    try:
        fault.kind.strike(Scene(world, records, random.Random(fault.seed)))
    except AssertionError as broken:
        violations.append(Violation("promise", str(broken)))
        world.calm()
    ended = time.monotonic()
    wait = partial(_tended, world, records, forgets=fault.kind.forgets)
    came_back = wait(lambda: records.last_confirm > ended and world.is_whole(), RECOVERED_SECONDS_MAX)
    recovered = records.first_confirm_after(ended) - ended
    crowd.rest()
    is_idle = wait(lambda: crowd.is_idle, IDLE_SECONDS_MAX)
    rested = time.monotonic()
    is_settled = wait(world.is_settled, SETTLED_SECONDS_MAX)
    settled = time.monotonic() - rested
    violations += [Violation("lost", f"never answered: {text}") for text in crowd.unanswered]
    for holds, text in (
        (came_back, "nobody could buy again"),
        (is_idle, "clients wait"),
        (is_settled, "SQL waits"),
    ):
        if not holds:
            violations.append(Violation("stuck", text, world.said()))
    if is_idle:
        violations += judge(world, records)
    return Outcome(fault.kind.name, recovered, settled, violations)


def _tended(
    world: World, records: Records, what: Callable[[], bool], seconds: float, *, forgets: bool
) -> bool:
    """Wait for it; meanwhile what has forgotten is rebuilt, as an operator does once the sale says so."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        world.pass_time(0.05)
        if forgets and world.is_recovering():
            began = time.monotonic()
            world.rebuild()
            records.rebuilds.append((began, time.monotonic()))
    return True


def named(names: list[str], seed: int = 1) -> list[Fault]:
    """A schedule of kinds by their names."""
    dice = random.Random(seed)
    return [Fault(KINDS[name], dice.uniform(0.2, 0.8), dice.getrandbits(32)) for name in names]
