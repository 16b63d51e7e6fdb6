"""Runs schedules against a real server: while it works on some, the next are planned.

A disagreement is an answer, or a key, that is not as the reference says; the rest of its schedule is not looked at.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Any, NamedTuple

import hiredis

from tests.simulator.chance import Chance
from tests.simulator.player import Exchange, Player, Tally
from tests.simulator.steps import Schedule
from tests.simulator.wire import Wire

STEPS = 150
"""Steps of a schedule drawn by chance."""

LOOK_EVERY = 25
"""After so many steps every key is compared."""

_TOGETHER = 2  # what the socket takes at once, so that sending does not wait
_numbers = count(1)


class Disagreement(NamedTuple):
    """The last step of `schedule` is the one in which server and reference part."""

    schedule: Schedule
    what: str
    expected: Any
    got: Any


class Verdict(NamedTuple):
    """What a run has seen."""

    steps: int
    commands: int
    seconds: float
    tally: Tally
    disagreement: Disagreement | None


class Played(NamedTuple):
    """A schedule that was planned, with what the server is asked and must answer."""

    schedule: Schedule
    player: Player

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """In the order in which they are sent."""
        return self.player.exchanges


def by_chance(seed: int, length: int = STEPS, look_every: int = LOOK_EVERY) -> Played:
    """The schedule of a seed, drawn while it is planned."""
    chance = Chance(seed, lambda: player.standing())  # noqa: PLW0108 - the player comes after it
    bounds = chance.bounds()
    player = Player(f"sim{next(_numbers)}", bounds, look_every)
    player.play(chance.steps(length))
    return Played(Schedule(seed, bounds, tuple(chance.drawn)), player)


def as_written(schedule: Schedule, look_every: int = 1) -> Played:
    """A schedule that is there already."""
    player = Player(f"sim{next(_numbers)}", schedule.bounds, look_every)
    player.play(schedule.steps)
    return Played(schedule, player)


def run_one(wire: Wire, played: Played) -> Disagreement | None:
    """Run one schedule; where it parts from its reference."""
    wire.send(exchange.command for exchange in played.exchanges)
    return check(wire, played)


def check(wire: Wire, played: Played) -> Disagreement | None:
    """Read the answers to a schedule that was sent, and compare them."""
    answers = list(wire.answers(len(played.exchanges)))
    for exchange, raw in zip(played.exchanges, answers, strict=True):
        got = raw if isinstance(raw, hiredis.ReplyError) else exchange.understand(raw)
        if got != exchange.expected:
            until = played.schedule.steps[: exchange.step + 1]
            cut = Schedule(played.schedule.seed, played.schedule.bounds, until)
            return Disagreement(cut, exchange.what, exchange.expected, got)
    return None


def simulate(
    wire: Wire,
    first_seed: int,
    steps: int,
    tell: Callable[[int], None] = lambda _: None,
    is_enough: Callable[[], bool] = lambda: False,
) -> Verdict:
    """Run schedules of successive seeds for so many steps at least, until one disagrees or it is enough.

    `tell` hears how many steps are done.
    """
    seen = _Seen(wire)
    batches = _batches(count(first_seed))
    sent = seen.send(next(batches))
    while seen.found is None and seen.sent < steps and not is_enough():
        following = seen.send(next(batches))  # the server works on these while the others are looked at
        seen.check(sent)
        tell(seen.steps)
        sent = following
    seen.check(sent)
    return seen.verdict()


class _Seen:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.began = time.monotonic()
        self.sent = 0
        self.steps = 0
        self.commands = 0
        self.tally: Tally = Counter()
        self.found: Disagreement | None = None

    def send(self, batch: list[Played]) -> list[Played]:
        self.wire.send(exchange.command for played in batch for exchange in played.exchanges)
        self.sent += sum(len(played.schedule.steps) for played in batch)
        return batch

    def check(self, batch: list[Played]) -> None:
        for played in batch:
            found = check(self.wire, played)
            self.found = self.found or found
            self.steps += len(played.schedule.steps)
            self.commands += len(played.exchanges)
            self.tally.update(played.player.tally)

    def verdict(self) -> Verdict:
        seconds = time.monotonic() - self.began
        return Verdict(self.steps, self.commands, seconds, self.tally, self.found)


def _batches(seeds: Iterator[int]) -> Iterator[list[Played]]:
    while True:
        yield [by_chance(seed) for seed in islice(seeds, _TOGETHER)]
