"""What every API process does beside answering.

Once a second it hears which sessions ended, and, apart from that, reads what is on sale and hands its counts over.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from ticketing.api.alarms import Alarms
from ticketing.api.front import Front
from ticketing.errors import StoreUnavailable

TICK_SECONDS = 1.0
PRUNE_TICKS = 60

FAREWELL_SECONDS = 2.0
"""How long a shutdown waits for a server that does not answer."""

_log = structlog.get_logger(__name__)


class Housekeeping:
    """One task that hears which sessions ended, and one for all other duties.

    A blocked card must not buy two seconds later, however long Redis hangs or threads are taken: so hearing of
    it waits for no other duty, and has a thread of its own.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._alarms = Alarms(front.services.settings.backlog_max)
        self._stopping = asyncio.Event()
        self._ear = ThreadPoolExecutor(1, "sessions")
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read everything once, so that the first request is answered from memory, and go on every second."""
        await self._tolerate(self.hear_sessions)
        self._tasks.append(asyncio.create_task(self._keep_hearing()))
        await self._tolerate(self._front.board.refresh)
        await self._tolerate(self._front.looks.refresh)
        self._tasks.append(asyncio.create_task(self._keep_house()))

    async def stop(self) -> None:
        """End after the duties under way, whose connections would be torn otherwise, and hand over the rest."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FAREWELL_SECONDS)
        for task in self._tasks:
            task.cancel()
        self._ear.shutdown(wait=False)
        await self._front.board.settle()
        await self._front.live.settle()
        await self._tolerate(self.hand_over_counts)
        await self._tolerate(self.hand_over_logins)

    async def hear_sessions(self) -> None:
        """Learn which sessions ended elsewhere, and which API tokens there are."""
        services, loop = self._front.services, asyncio.get_running_loop()
        await loop.run_in_executor(self._ear, services.revocations.refresh)
        await loop.run_in_executor(self._ear, services.api_tokens.refresh)

    async def stop_what_sql_forgot(self) -> None:
        """Fence the groups of which SQL lacks what is no longer in the log, if a locked look says so too."""
        for group_id in self._front.board.suspects:
            await asyncio.to_thread(self._front.services.recovery.suspend_if_gap, group_id)

    async def hand_over_counts(self) -> None:
        """Give refusals to Redis, where staff read them, and all counts to the metrics."""
        front = self._front
        front.metrics.take(front.tally)
        for group_id, counts in front.tally.take_refusals().items():
            try:
                await front.services.inventory.count_refusals(group_id, counts)
            except StoreUnavailable:
                front.tally.put_back(group_id, counts)
                raise
            front.metrics.take_refusals(counts)

    async def hand_over_logins(self) -> None:
        """Write who has signed in, for members to see, and which sessions of staff and API tokens are in use."""
        await asyncio.to_thread(self._front.services.logins.hand_over)
        await asyncio.to_thread(self._front.services.staff_logins.hand_over)
        await asyncio.to_thread(self._front.services.api_tokens.hand_over)

    async def _keep_hearing(self) -> None:
        while not await self._stops_within(TICK_SECONDS):
            await self._tolerate(self.hear_sessions)

    async def _keep_house(self) -> None:
        tick, front = 0, self._front
        while not await self._stops_within(TICK_SECONDS):
            reads = (front.board.refresh, front.looks.refresh)
            duties = (*reads, self.stop_what_sql_forgot, self.hand_over_counts, self.hand_over_logins)
            await asyncio.gather(*(self._tolerate(duty) for duty in duties))
            self._alarms.ring(self._front.board.recovering(), self._front.board.backlogs())
            tick += 1
            if tick % PRUNE_TICKS == 0:
                self._front.live_holds.prune(self._front.services.clock.now_ms())

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _tolerate(self, duty: Callable[[], Coroutine[Any, Any, None]]) -> None:
        # A server that is away comes back, and the duty is done again in a second. Nothing else may end it
        # either: a process that no longer hears of blocked cards would go on selling to them.
        try:
            await duty()
        except (DBAPIError, StoreUnavailable) as error:
            _log.warning("duty_waits", duty=duty.__qualname__, error=type(error).__name__)
        except Exception:  # noqa: BLE001
            _log.exception("duty_failed", duty=duty.__qualname__)
