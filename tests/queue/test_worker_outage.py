"""Goal: a worker goes on by itself, within seconds, when the bundled server died and was started again.

Method: a real worker and a server of this test's own, killed in the middle of a sale and started again on
the same files.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import SqliteDatabases
from tests.support.processes import kill, wait_for
from tests.support.shop import Shop
from tests.support.workers import Start, start  # noqa: F401 - a fixture of these tests
from ticketing.embedded.valkey import EmbeddedValkey

AWAY_SECONDS = 3.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    own = EmbeddedValkey(tmp_path)
    own.start()
    yield own
    own.stop()


@pytest.fixture
def redis_url(server: EmbeddedValkey) -> str:
    return server.url


@pytest.fixture
def database_url(sqlite_databases: SqliteDatabases) -> str:
    return sqlite_databases.create()


def test_it_goes_on_when_the_server_is_back(shop: Shop, start: Start, server: EmbeddedValkey) -> None:  # noqa: F811
    worker = start()
    event_id = shop.sale(10, hold_seconds=2)
    before = shop.buy(event_id, 1, (1, 1))
    assert wait_for(lambda: before in shop.recorded(), 20)
    sold = shop.buy(event_id, 2, (1, 1))
    shop.hold(event_id, 3, (1, 1))

    assert server.child.pid is not None
    kill(server.child.pid)
    server.child.wait(time.monotonic() + 5)
    time.sleep(AWAY_SECONDS)
    server.start()

    assert wait_for(lambda: sold in shop.recorded(), 15)
    assert wait_for(lambda: shop.counts(event_id).held == 0, 15)
    after = shop.buy(event_id, 4, (1, 1))
    assert wait_for(lambda: after in shop.recorded(), 15)
    assert worker.poll() is None, "it is the same process"
