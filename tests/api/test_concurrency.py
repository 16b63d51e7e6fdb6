"""Goal: one card that asks a hundred times at once, over HTTP and two API processes, never passes its limit.

Method: two real `ticketing api` processes over the same servers; a hundred requests of one member, each with
a key of its own, go out together over a hundred connections, half to each. The control sells the same without a limit.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.conftest import SECRET
from tests.support.house import EVENTS, House
from ticketing.inventory.model import QuotaCounts
from ticketing.settings import Settings

MEMBER, ASKED, LIMIT, PROCESSES = 7, 100, 3, 2


@pytest.fixture
def generous(quick_settings: Settings) -> Settings:
    """No bound on live holds but the card's limit."""
    return quick_settings.model_copy(update={"live_holds_per_member": 1_000})


@contextmanager
def serving(settings: Settings) -> Iterator[list[str]]:
    """The addresses of two API processes over the same servers."""
    environment = os.environ | {
        "TICKETING_REDIS_URL": str(settings.redis_url),
        "TICKETING_DATABASE_URL": str(settings.database_url),
        "TICKETING_DATA_DIR": str(settings.data_dir),
        "TICKETING_SECRET_KEY": SECRET,
        "TICKETING_LIVE_HOLDS_PER_MEMBER": "1000",
    }
    listening = [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in range(PROCESSES)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "ticketing", "api", "--fd", str(one.fileno())],
            env=environment,
            pass_fds=[one.fileno()],
        )
        for one in listening
    ]
    try:
        yield [f"http://127.0.0.1:{one.getsockname()[1]}" for one in listening]
    finally:
        for process, one in zip(processes, listening, strict=True):
            process.terminate()
            one.close()
        assert [process.wait(15) for process in processes] == [0] * PROCESSES


@dataclass
class Crowd:
    """What to sell from, a client, and where to ask."""

    house: House
    client: httpx2.AsyncClient
    urls: list[str]

    async def hold(self, event: str, session: dict[str, str], number: int, key: str, quantity: int) -> Any:
        """Ask one of the processes for tickets."""
        return await self.client.post(
            f"{self.urls[number % PROCESSES]}{EVENTS}/{event}/holds",
            headers=session | {"idempotency-key": key},
            json={"items": [{"quota_id": f"{event}-1", "quantity": quantity}]},
        )

    async def hold_at_once(self, event: str) -> Counter[str]:
        """One card, a hundred keys, all at once; how often which answer."""
        session = self.house.member(MEMBER)
        wishes = (self.hold(event, session, number, str(number), 1) for number in range(ASKED))
        answers = [answer.json() for answer in await asyncio.gather(*wishes)]
        return Counter(answer.get("code") or answer["status"] for answer in answers)


@pytest.fixture
async def crowd(generous: Settings) -> AsyncIterator[Crowd]:
    """Two processes that answer already, and a client with a connection for each request."""
    limits = httpx2.Limits(max_connections=ASKED)
    direct = httpx2.AsyncClient(limits=limits, timeout=60, trust_env=False)
    with serving(generous) as urls:
        async with House.open(generous) as house, direct as client:
            for url in urls:
                assert (await client.get(f"{url}/readyz")).status_code == 200
            yield Crowd(house, client, urls)


@pytest.mark.slow
async def test_a_card_that_asks_a_hundred_times_at_once_keeps_its_limit(crowd: Crowd) -> None:
    event = crowd.house.publish(1_000, per_card_limit=LIMIT)
    told = await crowd.hold_at_once(event)
    assert told == {"held": LIMIT, "card_limit_exceeded": ASKED - LIMIT}
    assert crowd.house.counts(event) == QuotaCounts(1_000, 0, LIMIT, 0)


@pytest.mark.slow
async def test_control_without_a_limit_the_same_card_takes_them_all(crowd: Crowd) -> None:
    event = crowd.house.publish(1_000)
    assert await crowd.hold_at_once(event) == {"held": ASKED}
    assert crowd.house.counts(event) == QuotaCounts(1_000, 0, ASKED, 0)
    await asyncio.sleep(1.5)  # each process hands its counts over once a second, and any answers for all
    made = 'ticketing_answers_total{call="POST /api/v1/events/{event_id}/holds",status="201"} '
    for url in crowd.urls:
        page = (await crowd.client.get(f"{url}/metrics")).text
        assert [line for line in page.splitlines() if line.startswith(made)] == [f"{made}{ASKED}.0"]


@pytest.mark.slow
async def test_one_key_a_hundred_times_at_once_is_one_hold(crowd: Crowd) -> None:
    event, session = crowd.house.publish(1_000), crowd.house.member(MEMBER)
    wishes = (crowd.hold(event, session, number, "one", 2) for number in range(ASKED))
    answers = await asyncio.gather(*wishes)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    replayed = Counter(answer.headers.get("idempotent-replayed") for answer in answers)
    assert replayed == {None: 1, "true": ASKED - 1}
    assert crowd.house.counts(event) == QuotaCounts(1_000, 0, 2, 0)
