"""Goal: with `replica_acks` a confirm is a yes only when that many replicas have it, also when it is repeated.

Method: a real server with a real replica, which is frozen (SIGSTOP) as one that hangs; both clients, and a
second connection for the repeat, because WAIT speaks for one connection only.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.sale import BOUNDS, EPOCH, GROUP, Sale
from ticketing.clock import ServerClock
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.rush import Inventory
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring

ONE = replace(BOUNDS, replica_acks=1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedValkey, EmbeddedValkey]]:
    """A server and its replica, in step."""
    servers = [EmbeddedValkey(tmp_path_factory.mktemp(name)) for name in ("primary", "replica")]
    for server in servers:
        server.start()
    primary, replica = servers
    with redis.Redis.from_url(primary.url) as first, redis.Redis.from_url(replica.url) as second:
        port = _free_port()
        first.config_set("port", port)
        first.config_set("repl-diskless-sync-delay", 0)
        second.execute_command("REPLICAOF", "127.0.0.1", port)
        until = time.monotonic() + 30
        while second.info("replication")["master_link_status"] != "up":
            assert time.monotonic() < until, "the replica does not follow"
            time.sleep(0.05)
    yield primary, replica
    for server in servers:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def client(pair: tuple[EmbeddedValkey, EmbeddedValkey]) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(pair[0].url, retry=Retry(NoBackoff(), 0)) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def sale(client: redis.Redis, keyring: Keyring) -> Sale:
    opened = Sale(_keeper(client), client, keyring, _keeper(client).now_ms())
    opened.open(9)
    return opened


def _keeper(client: redis.Redis, bounds: Bounds = ONE) -> Keeper:
    return Keeper(client, ServerClock(), bounds, Watermarks())


@contextmanager
def frozen(server: EmbeddedValkey) -> Iterator[None]:
    pid = server.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_confirm_waits_for_its_replica(sale: Sale, pair: tuple[EmbeddedValkey, EmbeddedValkey]) -> None:
    hold = sale.hold(7, (1, 1)).hold
    assert isinstance(sale.confirm(7, hold.id), Decided)
    with redis.Redis.from_url(pair[1].url) as replica:
        assert replica.xlen(f"ticketing:{{{GROUP}}}:log") == 2


def test_a_confirm_without_its_replica_is_no_yes_and_safe_to_repeat(
    sale: Sale, pair: tuple[EmbeddedValkey, EmbeddedValkey]
) -> None:
    hold = sale.hold(7, (1, 1)).hold
    with frozen(pair[1]):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
                sale.confirm(7, hold.id)
            # Another process, over a connection that has written nothing yet.
            with redis.Redis.from_url(pair[0].url) as connection:
                elsewhere = replace(sale, keeper=_keeper(connection))
                with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
                    elsewhere.confirm(7, hold.id)
    again = sale.confirm(7, hold.id)
    assert (again.replayed, again.hold.id) == (True, hold.id)
    assert sale.counts() == (8, 0, 1)
    assert sale.keeper.last_position(GROUP) == 2


def test_control_without_a_write_a_replay_counts_a_dead_replica(
    sale: Sale, pair: tuple[EmbeddedValkey, EmbeddedValkey], without: Callable[..., None]
) -> None:
    without("confirm", "save(replicated and replayed)", "save()")
    hold = sale.hold(7, (1, 1)).hold
    with frozen(pair[1]):
        with pytest.raises(StoreUnavailable):
            sale.confirm(7, hold.id)
        with redis.Redis.from_url(pair[0].url) as connection:
            assert isinstance(replace(sale, keeper=_keeper(connection)).confirm(7, hold.id), Decided)


async def test_the_rush_waits_too_and_tells_every_caller_of_a_batch(
    sale: Sale, pair: tuple[EmbeddedValkey, EmbeddedValkey]
) -> None:
    holds = [sale.hold(member, (1, 1)).hold for member in (7, 8, 9)]
    connection = AsyncRedis.from_url(pair[0].url, retry=Retry(NoBackoff(), 0))
    inventory = Inventory(connection, ServerClock(), ONE, Watermarks())

    async def confirm() -> list[Any]:
        wishes = (
            inventory.confirm(GROUP, hold.id, hold.member, "free", sale.keyring.order_number(hold.id))
            for hold in holds
        )
        return await asyncio.gather(*wishes, return_exceptions=True)

    with frozen(pair[1]):
        assert [type(answer) for answer in await confirm()] == [StoreUnavailable] * 3
    sale.redis.script_flush()  # a restarted server does not know the script either
    assert all(isinstance(answer, Decided) and answer.replayed for answer in await confirm())
    await inventory.aclose()
    await connection.aclose()


def test_a_replica_that_lagged_and_took_over_does_not_sell(
    sale: Sale, pair: tuple[EmbeddedValkey, EmbeddedValkey]
) -> None:
    """The server fails while its replica is behind; a process that was not answered in full remembers."""
    hold = sale.hold(7, (1, 1)).hold
    sale.redis.wait(1, 1_000)
    seen = Watermarks()
    seen.expect(GROUP, EPOCH, 2)  # what the primary had, and the replica never gets
    client: Any = redis.Redis.from_url(pair[1].url)
    with client as promoted:
        assert promoted.hget(f"ticketing:{{{GROUP}}}:meta", "position") == b"1"
        promoted.execute_command("REPLICAOF", "NO", "ONE")
        try:
            keeper = Keeper(promoted, ServerClock(), BOUNDS, seen)
            refused = keeper.confirm(GROUP, hold.id, 7, "free", sale.keyring.order_number(hold.id))
            assert getattr(refused, "code", None) == "recovering"
        finally:
            port = sale.redis.config_get("port")["port"]
            promoted.execute_command("REPLICAOF", "127.0.0.1", port)
