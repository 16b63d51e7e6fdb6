"""Slow work that many ask for at once, let through beside the rush and not in its way.

A login is a dozen calls of SQL, Redis and hashing in a thread, all of it Python that the event loop cannot run
meanwhile. When everybody signs in at the opening, forty threads would leave the holds a fortieth of the process.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from ticketing.api.tally import Tally

SHARE = 0.15
"""The part of the process that this work may take while others hurry."""

RUSH_PER_SECOND = 300
"""Answers a second above which others hurry."""

Result = TypeVar("Result")


SWIPES_AT_ONCE = 4
"""Swipes of all desks that a process answers at the same time."""

TURN_SECONDS = 0.25
"""For how long a swipe waits for its turn; longer only when those before it stand still, which then is no use."""


PROVIDER_AT_ONCE = 4
"""Threads that may wait for the sign-in provider, so that its silence stops nobody else."""


class Turns:
    """Runs short work in threads, so many pieces at a time and the rest in order of arrival.

    Threads of Python take turns at one interpreter: twenty that all compute make each other late, some of them by much
    more than others. Whoever has waited `TURN_SECONDS` goes on all the same: a server that does not answer stops those
    who asked it, and nobody behind them.
    """

    def __init__(self, at_once: int, *, strict: bool = False) -> None:
        """`strict`: nobody goes on before their turn, however long that takes."""
        self._free = asyncio.Semaphore(at_once)
        self._strict = strict

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What `work` returns, or raises, when its turn has come."""
        in_turn = await self._wait()
        try:
            return await run_in_threadpool(work, *arguments)
        finally:
            if in_turn:
                self._free.release()

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(None if self._strict else TURN_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            return False
        return True


class Pace:
    """Runs work in threads, one piece after another in order of arrival, with pauses while there is a rush."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._turn = asyncio.Lock()
        self._pause_until = 0.0
        self._spent = 0.0

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What `work` returns, or raises, when its turn has come."""
        async with self._turn:
            await self._pause()
            began, answered = time.monotonic(), self._tally.count
            try:
                return await run_in_threadpool(self._measured, work, arguments)
            finally:
                if self._tally.count - answered > RUSH_PER_SECOND * (time.monotonic() - began):
                    self._pause_until = time.monotonic() + self._spent * (1 / SHARE - 1)

    async def _pause(self) -> None:
        wait = self._pause_until - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def _measured(self, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        began = time.thread_time()  # of this thread alone: waiting for the others is not its doing
        try:
            return work(*arguments)
        finally:
            self._spent = time.thread_time() - began
