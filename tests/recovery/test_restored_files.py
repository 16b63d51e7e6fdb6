"""Goal: backup and restore as docs/operations.md says: old files of either server stop the sale, a rebuild mends it.

Method: a Valkey of the test's own whose append-only files are copied, sold over and put back; a SQLite file
copied by SQLite's own backup and put back under a running worker.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.support.disasters import rebuilds, violations
from tests.support.office import keeper_on
from tests.support.shop import Shop
from ticketing.database import Sessions
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided
from ticketing.keyring import Keyring


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    own = EmbeddedValkey(tmp_path)
    own.start()
    yield own
    own.stop()


@pytest.fixture
def shop(sessions: Sessions, server: EmbeddedValkey, keyring: Keyring) -> Iterator[Shop]:
    opened = Shop(sessions, server.url, keyring)
    yield opened
    opened.close()


def drain(shop: Shop, event: str) -> None:
    while shop.drain().run(event):
        pass


def code(answer: Decided | Refusal) -> Code | None:
    return answer.code if isinstance(answer, Refusal) else None


def replayed(shop: Shop, event: str, member: int, order: str) -> bool:
    """Whether a member's hold is still the one that became this order."""
    answer = shop.hold(event, member, (1, 1))
    return isinstance(answer, Decided) and answer.replayed and answer.hold.id == order


def test_old_files_of_redis(shop: Shop, server: EmbeddedValkey, tmp_path: Path) -> None:
    event, copy = shop.sale(10), tmp_path / "copy"
    first = shop.buy(event, 1, (1, 1))
    drain(shop, event)
    server.stop()
    shutil.copytree(server.folder, copy)
    server.start()
    second = shop.buy(event, 2, (1, 1))
    drain(shop, event)
    server.stop()
    shutil.rmtree(server.folder)
    shutil.move(copy, server.folder)
    server.start()

    assert code(shop.hold(event, 3, (1, 1))) is Code.RECOVERING, "this process has seen more"
    newcomer = keeper_on(shop.redis, shop.clock)
    known, shop.keeper = shop.keeper, newcomer
    assert code(shop.hold(event, 4, (1, 1))) is Code.RECOVERING, "and has stopped the others"
    shop.keeper = known
    assert rebuilds(shop).rebuild(event).orders == 2
    assert replayed(shop, event, 1, first)
    assert replayed(shop, event, 2, second)
    assert shop.counts(event).sold == 2
    assert violations(shop) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_old_file_of_sqlite(shop: Shop, database_url: str, tmp_path: Path) -> None:
    event, file = shop.sale(10), Path(make_url(database_url).database or "")
    first = shop.buy(event, 1, (1, 1))
    drain(shop, event)
    with sqlite3.connect(file) as books, sqlite3.connect(tmp_path / "backup") as backup:
        books.backup(backup)
    books.close()
    backup.close()
    second = shop.buy(event, 2, (1, 1))
    drain(shop, event)
    shop.sessions.kw["bind"].dispose()
    for path in file.parent.glob(f"{file.name}-*"):
        path.unlink()
    shutil.copyfile(tmp_path / "backup", file)

    drain(shop, event)
    assert code(shop.hold(event, 3, (1, 1))) is Code.RECOVERING
    rebuilt = rebuilds(shop).rebuild(event)
    assert (rebuilt.orders, rebuilt.brought_back) == (2, 1)
    assert shop.recorded().keys() == {first, second}
    assert replayed(shop, event, 2, second)
    assert violations(shop) == []


def test_the_only_copy_of_redis_is_gone(shop: Shop, server: EmbeddedValkey) -> None:
    event = shop.sale(10)
    first = shop.buy(event, 1, (1, 1))
    drain(shop, event)
    server.stop()
    shutil.rmtree(server.folder)
    server.folder.mkdir(mode=0o700)
    server.start()
    assert code(shop.hold(event, 3, (1, 1))) is Code.RECOVERING
    assert rebuilds(shop).rebuild(event).orders == 1
    assert replayed(shop, event, 1, first)
    assert isinstance(shop.hold(event, 3, (1, 1)), Decided)
    assert violations(shop) == []
