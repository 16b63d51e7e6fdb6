"""Many concurrent requests, one script call.

Requests that arrive in the same tick of the event loop leave together, and so do those that arrive while
earlier calls are in flight. A batch that is big enough does not wait for the end of its tick: the server
decides about it while this process reads the next requests. There is no timer: an idle process sends a lone
request at once, a busy one fills batches by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from .protocol import BATCH_MAX

BIG_ENOUGH = 24
"""Requests worth a call of their own: what a call costs by itself is small beside deciding so many."""

IN_FLIGHT_MAX = 4
"""Calls under way at once. More would only make batches smaller, since the server runs one at a time."""

Run = Callable[[list[Any]], Awaitable[list[Any]]]
"""Sends a batch, at once where it can, and gives the awaitable results."""


class Coalescer:
    """Collects requests for one verb of one group and runs them in batches, in order of arrival."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._woken = False

    def ask(self, request: Any) -> asyncio.Future[Any]:
        """The future result of `request`; fails with whatever the call failed with."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((request, future))
        if len(self._waiting) >= BIG_ENOUGH:
            self._send()
        elif not self._woken and not self._in_flight:
            self._woken = True
            self._loop.call_soon(self._wake)
        return future

    def _wake(self) -> None:
        self._woken = False
        self._send()

    def _send(self) -> None:
        while self._waiting and len(self._in_flight) < IN_FLIGHT_MAX:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            results = self._run([request for request, _ in batch])
            task = self._loop.create_task(self._deliver(batch, results))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._send()

    async def _deliver(
        self, batch: list[tuple[Any, asyncio.Future[Any]]], coming: Awaitable[list[Any]]
    ) -> None:
        try:
            results = await coming
        except ResponseError as error:
            await self._refused(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it was, every waiting caller must hear of it
            _fail(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _refused(self, batch: list[tuple[Any, asyncio.Future[Any]]], error: ResponseError) -> None:
        # One damaged record must not take its neighbours' answers with it.
        if len(batch) == 1 or isinstance(error, (OutOfMemoryError, ReadOnlyError)):
            _fail(batch, error)
        else:
            for single in batch:
                await self._deliver([single], self._run([single[0]]))


def _fail(batch: list[tuple[Any, asyncio.Future[Any]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
