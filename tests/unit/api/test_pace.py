"""Goal: logins come one after another, pause while others hurry, and lose no refusal on the way.

Method: work that burns a known time of its thread, with and without answers counted beside it. Pauses are compared with
what was burnt, from below: a slow machine can only make them longer.
"""

import asyncio
import time
from itertools import pairwise

import pytest

from ticketing.api.pace import RUSH_PER_SECOND, SHARE, Pace
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


async def test_one_at_a_time() -> None:
    running = most = 0

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1

    pace = Pace(Tally())
    await asyncio.gather(*(pace.run(work) for _ in range(5)))
    assert most == 1


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
