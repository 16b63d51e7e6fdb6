"""Logins come one after another, pause while others hurry, and lose no refusal on the way; swipes come a few at a time.

Goal: neither holds the rush up, nor does a swipe that stands still hold up the next. Method: work that burns a known
time of its thread, with and without answers counted beside it. Pauses are compared with what was burnt, from below: a
slow machine can only make them longer.
"""

import asyncio
import threading
import time
from itertools import pairwise

import pytest

from ticketing.api import pace
from ticketing.api.pace import RUSH_PER_SECOND, SHARE, Pace, Turns
from ticketing.api.tally import Tally
from ticketing.errors import Code, Refusal

BURNT = 0.03


def burn(tally: Tally | None = None) -> float:
    """Take `BURNT` seconds of a processor, while others get answers if a tally is given; when it began."""
    began = time.monotonic()
    until = time.thread_time() + BURNT
    while time.thread_time() < until:
        pass
    if tally:
        tally.count += int(2 * RUSH_PER_SECOND * (time.monotonic() - began)) + 2
    return began


async def test_a_rush_makes_the_next_one_wait_for_the_others_share() -> None:
    tally = Tally()
    pace = Pace(tally)
    begins = await asyncio.gather(*(pace.run(burn, tally) for _ in range(3)))
    pauses = [later - earlier for earlier, later in pairwise(begins)]
    assert min(pauses) >= BURNT / SHARE


async def test_control_without_a_rush_nobody_pauses() -> None:
    pace = Pace(Tally())
    began, spent = time.monotonic(), time.process_time()
    await asyncio.gather(*(pace.run(burn) for _ in range(3)))
    assert pace._pause_until == 0.0
    assert time.process_time() - spent >= 3 * BURNT
    assert time.monotonic() >= began


@pytest.mark.parametrize(("runner", "at_once"), [(Pace(Tally()), 1), (Turns(3), 3)], ids=["logins", "swipes"])
async def test_so_many_at_a_time(runner: Pace | Turns, at_once: int) -> None:
    running = most = 0
    door = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with door:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with door:
            running -= 1

    await asyncio.gather(*(runner.run(work) for _ in range(3 * at_once)))
    assert most == at_once


@pytest.mark.parametrize(("patience", "within"), [(0.05, 10.0), (60.0, 0.5)], ids=["short", "control"])
async def test_who_stands_still_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, patience: float, within: float
) -> None:
    """And with the patience of the control everybody behind it waits."""
    monkeypatch.setattr(pace, "TURN_SECONDS", patience)
    turns, answered = Turns(2), threading.Event()
    standing = [asyncio.create_task(turns.run(answered.wait)) for _ in range(2)]
    await asyncio.sleep(0)  # they are first
    late = asyncio.create_task(turns.run(time.monotonic))
    passed, _ = await asyncio.wait([late], timeout=within)
    answered.set()  # before anything may fail: threads that wait keep the process
    assert bool(passed) is (patience < within)
    assert all(await asyncio.gather(*standing, late))


async def test_a_refusal_comes_through_and_the_next_has_its_turn() -> None:
    def refuse() -> None:
        raise Refusal(Code.BAD_CREDENTIALS)

    pace = Pace(Tally())
    with pytest.raises(Refusal, match="bad_credentials"):
        await pace.run(refuse)
    assert await pace.run(lambda: 7) == 7


async def test_one_who_left_the_queue_holds_up_nobody() -> None:
    pace = Pace(Tally())
    first = asyncio.create_task(pace.run(time.sleep, 0.05))
    gone = asyncio.create_task(pace.run(time.sleep, 60))
    await asyncio.sleep(0.01)
    gone.cancel()
    await first
    assert await pace.run(lambda: 7) == 7
