"""Makes a failing schedule short: steps are taken out as long as the rest still disagrees, then wishes of batches.

Any part of a schedule is a schedule, so this needs no knowledge of what steps mean.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from msgspec import structs

from tests.simulator.run import Disagreement
from tests.simulator.steps import AnyStep, Schedule

T = TypeVar("T")
Fails = Callable[[Schedule], Disagreement | None]

_BATCHES = ("wishes", "returns", "ids")


def shrink(found: Disagreement, fails: Fails) -> Disagreement:
    """The shortest disagreement that taking things out leads to; `fails` plays a schedule and looks at every step."""
    while True:
        shorter = _without_steps(found, fails)
        shorter = _first(_simpler(shorter.schedule), fails) or shorter
        if shorter.schedule == found.schedule:
            return found
        found = shorter


def _without_steps(found: Disagreement, fails: Fails) -> Disagreement:
    """Pieces go first, half of the steps at a time, then smaller ones, then single steps."""
    size = len(found.schedule.steps) // 2
    while size:
        shorter = _first(_with_steps(found.schedule, _gaps(found.schedule.steps, size)), fails)
        if shorter is None:
            size //= 2
        else:
            found = shorter
    return found


def _gaps(whole: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """The sequence without one piece, from its end to its beginning."""
    for start in reversed(range(0, len(whole), size)):
        yield (*whole[:start], *whole[start + size :])


def _with_steps(schedule: Schedule, those: Iterator[tuple[AnyStep, ...]]) -> Iterator[Schedule]:
    return (structs.replace(schedule, steps=steps) for steps in those)


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Schedules in which one step acts on less, or is of the first process."""
    steps = schedule.steps
    for place, step in enumerate(steps):
        for simpler in _simpler_steps(step):
            yield structs.replace(schedule, steps=(*steps[:place], simpler, *steps[place + 1 :]))


def _simpler_steps(step: AnyStep) -> Iterator[AnyStep]:
    if step.by:
        yield structs.replace(step, by=0)
    for name in _BATCHES:
        batch: Sequence[Any] = getattr(step, name, ())
        if len(batch) > 1:
            yield from (structs.replace(step, **{name: fewer}) for fewer in _gaps(batch, 1))


def _first(schedules: Iterator[Schedule], fails: Fails) -> Disagreement | None:
    return next(filter(None, map(fails, schedules)), None)
