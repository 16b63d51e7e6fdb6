"""Many concurrent requests, one script call.

Requests that arrive in the same tick of the event loop, or while earlier calls are in flight, leave
together in the next call. There is no timer: an idle process sends a lone request at once, a busy
one fills batches by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from .protocol import BATCH_MAX

IN_FLIGHT_MAX = 2
"""Two calls keep the server busy while this process decodes; a third only makes batches smaller."""

Run = Callable[[list[Any]], Awaitable[list[Any]]]


class Coalescer:
    """Collects requests for one verb of one group and runs them in batches, in order of arrival."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._woken = False

    def ask(self, request: Any) -> asyncio.Future[Any]:
        """The future result of `request`; fails with whatever the call failed with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((request, future))
        if not self._woken and len(self._in_flight) < IN_FLIGHT_MAX:
            self._woken = True
            loop.call_soon(self._send)
        return future

    def _send(self) -> None:
        self._woken = False
        while self._waiting and len(self._in_flight) < IN_FLIGHT_MAX:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            task = asyncio.get_running_loop().create_task(self._deliver(batch))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._send()

    async def _deliver(self, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        try:
            results = await self._run([request for request, _ in batch])
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
                await self._deliver([single])


def _fail(batch: list[tuple[Any, asyncio.Future[Any]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
