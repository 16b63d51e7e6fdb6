"""Many concurrent requests, one script call.

Requests that arrive in the same tick of the event loop leave together, and so do those that arrive while
earlier calls are in flight. A batch that is big enough does not wait for the end of its tick: the server
decides about it while this process reads the next requests, and what waits leaves before the answers of a batch that
has landed are handed out. There is no timer: an idle process sends a lone request at once, a busy one fills batches by
itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from ticketing.errors import StoreUnavailable
from ticketing.promise import Promise

from .protocol import BATCH_MAX

BIG_ENOUGH = 24
"""Requests worth a call of their own: what a call costs by itself is small beside deciding so many."""

IN_FLIGHT_MAX = 4
"""Calls under way at once. More would only make batches smaller, since the server runs one at a time."""

Batch = list[tuple[Any, Promise[Any]]]

Run = Callable[[list[Any]], Awaitable[list[Any]]]
"""Sends a batch, at once where it can, and gives the awaitable results."""

Read = Callable[[Any, Any], Any]
"""What a request's result means."""


class Coalescer:
    """Collects requests for one verb of one group and runs them in batches, in order of arrival."""

    def __init__(self, run: Run, read: Read) -> None:
        self._run = run
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._waiting: Batch = []
        self._in_flight = 0
        self._flights: set[asyncio.Task[None]] = set()
        self._woken = False

    def ask(self, request: Any) -> Promise[Any]:
        """The result of `request` when it is known; fails with `StoreUnavailable` where Redis refused the call."""
        promise: Promise[Any] = Promise(loop=self._loop)
        self._waiting.append((request, promise))
        if len(self._waiting) >= BIG_ENOUGH:
            self._send()
        elif not self._woken and not self._in_flight:
            self._woken = True
            self._loop.call_soon(self._wake)
        return promise

    def _wake(self) -> None:
        self._woken = False
        self._send()

    def _send(self) -> None:
        while self._waiting and self._in_flight < IN_FLIGHT_MAX:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            task = self._loop.create_task(self._begin(batch))
            self._flights.add(task)
            task.add_done_callback(self._flights.discard)

    def _begin(self, batch: Batch) -> Coroutine[Any, Any, None]:
        """Send a batch now; what is left to do when its results come."""
        self._in_flight += 1
        try:
            coming = self._run([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - a batch that cannot even leave has callers who wait all the same
            coming = self._loop.create_future()
            coming.set_exception(error)
        return self._fly(batch, coming)

    async def _fly(self, batch: Batch, coming: Awaitable[list[Any]]) -> None:
        try:
            answered = list(zip(batch, await coming, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it was, every waiting caller must hear of it
            self._land()
            await self._explain(batch, error)
        else:
            self._land()
            for (request, promise), result in answered:
                self._hand_out(promise, request, result)

    def _land(self) -> None:
        """Let what waits leave before this batch's answers are handed out: the server may have nothing else to do."""
        self._in_flight -= 1
        self._send()

    def _hand_out(self, promise: Promise[Any], request: Any, result: Any) -> None:
        try:
            meaning = self._read(request, result)
        except Exception as error:  # noqa: BLE001 - what cannot be read is one caller's matter
            promise.fail(error)
        else:
            promise.fulfil(meaning)

    async def _explain(self, batch: Batch, error: Exception) -> None:
        # One damaged record must not take its neighbours' answers with it.
        of_one = isinstance(error, ResponseError) and not isinstance(error, (OutOfMemoryError, ReadOnlyError))
        if len(batch) == 1 or not of_one:
            _fail(batch, error)
            return
        for single in batch:
            await self._begin([single])


def _fail(batch: Batch, error: Exception) -> None:
    for _, promise in batch:
        failure = error
        if isinstance(error, RedisError):
            failure = StoreUnavailable("Redis refused the script")
            failure.__cause__ = error
        promise.fail(failure)
