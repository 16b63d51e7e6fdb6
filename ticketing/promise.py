"""Waiting without a task: what the rush waits for goes on the moment it is known.

asyncio makes a task of every coroutine, begins it in the loop's next turn, and wakes it in the turn after its
future was settled. In the rush all wait for the same few things, whose answers come dozens at a time: there a
coroutine is begun at once, and continued by whoever settles its promise.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Promise(asyncio.Future[T]):
    """A future that at most one coroutine may wait for without a task; for a task it is like any other."""

    go_on: Callable[[], None] | None = None

    def fulfil(self, result: T) -> None:
        """Settle it, unless whoever waited has left, and go on."""
        if not self.done():
            self.set_result(result)
            self._hand_on()

    def fail(self, error: BaseException) -> None:
        """The same with an error."""
        if not self.done():
            self.set_exception(error)
            self._hand_on()

    def _hand_on(self) -> None:
        if self.go_on is None:
            return
        try:
            self.go_on()
        except Exception as error:  # noqa: BLE001 - a defect of one must not reach whoever settles the next
            self.get_loop().call_exception_handler(
                {"message": "what a promise led to broke", "exception": error}
            )


def continue_after(awaited: Any, go_on: Callable[[], None]) -> None:
    """Have `go_on` called when what a coroutine has yielded is done: a promise, a future, or None for a turn."""
    if awaited is None:
        asyncio.get_running_loop().call_soon(go_on)
        return
    awaited._asyncio_future_blocking = False  # noqa: SLF001 - so a waiting task says that it has heard
    if type(awaited) is Promise:
        awaited.go_on = go_on
    else:
        awaited.add_done_callback(lambda _: go_on())
