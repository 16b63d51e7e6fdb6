"""Goal: a server without free memory sells nothing new and loses nothing: what gives back or finishes still runs.

Method: a server of the test's own whose limit is put below what it uses. The control takes the flag off a script.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.sale import BOUNDS, EPOCH, GROUP, HOLD_MS, Sale
from ticketing.clock import ServerClock
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided
from ticketing.inventory.rush import Inventory
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    own = EmbeddedValkey(tmp_path)
    own.start()
    yield own
    own.stop()


@pytest.fixture
def client(server: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0)) as connection:
        yield connection


@pytest.fixture
def sale(client: redis.Redis, keyring: Keyring) -> Sale:
    keeper = Keeper(client, ServerClock(), BOUNDS, Watermarks())
    opened = Sale(keeper, client, keyring, keeper.now_ms())
    opened.open(9)
    return opened


def fill(client: redis.Redis) -> None:
    """No memory is free from now on."""
    client.config_set("maxmemory", 1)


def test_new_holds_are_no_yes_and_everything_else_goes_on(sale: Sale, client: redis.Redis) -> None:
    sold, released, expired, confirmed = (sale.hold(member, (1, 1)).hold for member in (1, 2, 3, 4))
    sale.confirm(1, sold.id)
    fill(client)
    with pytest.raises(StoreUnavailable):
        sale.hold(5, (1, 1))
    assert isinstance(sale.confirm(4, confirmed.id), Decided)
    assert sale.keeper.release(GROUP, released.id, 2) is None
    assert sale.keeper.restock(GROUP, EPOCH, [(sold.id, 1, "web")]) == 1
    assert sale.at(expired.expires_at).keeper.expire(GROUP, EPOCH) == 1
    sale.keeper.trim(GROUP, EPOCH, 3)
    assert sale.keeper.ledger(GROUP, 4).holds != ()
    assert sale.counts() == (8, 0, 1)
    assert client.info("stats")["evicted_keys"] == 0
    client.config_set("maxmemory", 0)
    assert isinstance(sale.at(sale.now + HOLD_MS).hold(5, (1, 1)), Decided)


async def test_the_rush_hears_it_once_and_does_not_try_one_by_one(
    sale: Sale, server: EmbeddedValkey, client: redis.Redis
) -> None:
    async with AsyncRedis.from_url(server.url, retry=Retry(NoBackoff(), 0)) as connection:
        inventory = Inventory(connection, ServerClock(), BOUNDS, Watermarks())
        assert isinstance(await inventory.hold(GROUP, sale.request(1, (1, 1))), Decided)
        fill(client)
        asks = (inventory.hold(GROUP, sale.request(member, (1, 1))) for member in range(2, 12))
        answers = await asyncio.gather(*asks, return_exceptions=True)
        await inventory.aclose()
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert client.info("commandstats")["cmdstat_evalsha"]["rejected_calls"] == 1


@pytest.mark.parametrize("verb", ["confirm", "release", "expire", "restock", "trim"])
def test_control_without_the_flag_what_was_held_is_stuck(
    sale: Sale, client: redis.Redis, without: Callable[..., None], verb: str
) -> None:
    without(verb, "#!lua flags=allow-oom", "#!lua")
    hold = sale.hold(1, (1, 1)).hold
    acts: dict[str, Callable[[], object]] = {
        "confirm": lambda: sale.confirm(1, hold.id),
        "release": lambda: sale.keeper.release(GROUP, hold.id, 1),
        "expire": lambda: sale.keeper.expire(GROUP, EPOCH),
        "restock": lambda: sale.keeper.restock(GROUP, EPOCH, [(hold.id, 1, "web")]),
        "trim": lambda: sale.keeper.trim(GROUP, EPOCH, 1),
    }
    fill(client)
    with pytest.raises(StoreUnavailable):
        acts[verb]()
