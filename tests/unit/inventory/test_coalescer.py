"""Goal: requests of a tick share a call, batches stay bounded, and a bad record hurts nobody else.

Method: a recording runner in place of the script, so that what left together can be seen.
"""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from ticketing.errors import StoreUnavailable
from ticketing.inventory.coalescer import BIG_ENOUGH, IN_FLIGHT_MAX, Coalescer
from ticketing.inventory.protocol import BATCH_MAX

UNREADABLE = -2


class Server:
    """Answers each request with its double and keeps the batches it saw."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.poison: int | None = None
        self.away = False

    async def run(self, batch: list[Any]) -> list[Any]:
        self.batches.append(batch)
        await asyncio.sleep(0)
        if self.away:
            raise RedisConnectionError("away")
        if self.poison in batch:
            raise ResponseError("damaged record")
        return [2 * number for number in batch]


def read(_request: int, result: Any) -> Any:
    if result == UNREADABLE:
        raise ValueError("damaged result")
    return result


async def test_a_tick_shares_one_call_and_each_gets_its_own_answer() -> None:
    server = Server()
    coalescer = Coalescer(server.run, read)
    assert await asyncio.gather(*(coalescer.ask(n) for n in range(10))) == [2 * n for n in range(10)]
    assert server.batches == [list(range(10))]


async def test_batches_are_bounded_and_keep_their_order() -> None:
    server = Server()
    coalescer = Coalescer(server.run, read)
    count = 3 * BATCH_MAX + 5
    await asyncio.gather(*(coalescer.ask(n) for n in range(count)))
    assert max(map(len, server.batches)) == BATCH_MAX
    assert [n for batch in server.batches for n in batch] == list(range(count))


async def test_what_is_big_enough_leaves_before_its_tick_is_over() -> None:
    sent: list[int] = []

    def run(batch: list[Any]) -> asyncio.Future[list[Any]]:
        sent.append(len(batch))
        return asyncio.get_running_loop().create_future()  # never answered: every call stays in flight

    coalescer = Coalescer(run, read)
    for number in range(BIG_ENOUGH * (IN_FLIGHT_MAX + 2)):
        coalescer.ask(number)
    assert sent == [BIG_ENOUGH] * IN_FLIGHT_MAX
    await asyncio.sleep(0)
    assert len(sent) == IN_FLIGHT_MAX


async def test_what_waits_leaves_before_the_answers_of_the_batch_that_landed_are_read() -> None:
    seen: list[str] = []
    coming: list[asyncio.Future[list[Any]]] = []

    def run(batch: list[Any]) -> asyncio.Future[list[Any]]:
        seen.append(f"sent {batch}")
        coming.append(asyncio.get_running_loop().create_future())
        return coming[-1]

    def noted(request: int, result: Any) -> Any:
        seen.append(f"read {request}")
        return result

    coalescer = Coalescer(run, noted)
    first = coalescer.ask(1)
    await asyncio.sleep(0)
    coalescer.ask(2)
    coming[0].set_result([1])
    await first
    assert seen == ["sent [1]", "sent [2]", "read 1"]


async def test_a_batch_that_fails_as_a_whole_runs_singly() -> None:
    server = Server()
    server.poison = 3
    coalescer = Coalescer(server.run, read)
    answers = await asyncio.gather(*(coalescer.ask(n) for n in range(6)), return_exceptions=True)
    poisoned = answers.pop(3)
    assert isinstance(poisoned, StoreUnavailable)
    assert isinstance(poisoned.__cause__, ResponseError)
    assert answers == [0, 2, 4, 8, 10]


async def test_a_result_that_cannot_be_read_is_one_callers_matter() -> None:
    coalescer = Coalescer(Server().run, read)
    answers = await asyncio.gather(
        *(coalescer.ask(n) for n in (1, UNREADABLE // 2, 3)), return_exceptions=True
    )
    assert isinstance(answers.pop(1), ValueError)
    assert answers == [2, 6]


async def test_an_outage_fails_everyone_once() -> None:
    server = Server()
    server.away = True
    coalescer = Coalescer(server.run, read)
    answers = await asyncio.gather(*(coalescer.ask(n) for n in range(6)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 6
    assert len(server.batches) == 1


async def test_a_batch_that_cannot_leave_fails_everyone_in_it() -> None:
    def run(batch: list[Any]) -> asyncio.Future[list[Any]]:
        raise OverflowError("cannot be packed")

    coalescer = Coalescer(run, read)
    asking = [coalescer.ask(n) for n in range(BIG_ENOUGH + 1)]
    async with asyncio.timeout(1):
        answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [OverflowError] * len(asking)


async def test_a_batch_with_too_few_results_fails_everyone_in_it() -> None:
    async def run(batch: list[Any]) -> list[Any]:
        return batch[1:]

    coalescer = Coalescer(run, read)
    async with asyncio.timeout(1):
        answers = await asyncio.gather(*(coalescer.ask(n) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 3


async def test_one_who_left_does_not_disturb_the_others() -> None:
    server = Server()
    coalescer = Coalescer(server.run, read)
    gone, stays = coalescer.ask(1), coalescer.ask(2)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
