"""An event on the real server, both clients on it, and a way to take a guard out of a script."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.sale import BOUNDS, Sale
from ticketing.clock import ServerClock
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.rush import Inventory
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0)) as connection:
        yield connection


@pytest.fixture
def sale(client: redis.Redis, keyring: Keyring) -> Sale:
    keeper = Keeper(client, ServerClock(), BOUNDS, Watermarks())
    return Sale(keeper, client, keyring, keeper.now_ms())


@pytest.fixture
async def inventory(redis_url: str) -> AsyncIterator[Inventory]:
    connection = AsyncRedis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
    inventory = Inventory(connection, ServerClock(), BOUNDS, Watermarks())
    yield inventory
    await inventory.aclose()
    await connection.aclose()
