"""What tests stand on: a real Valkey, fresh databases on both SQL servers, and the services built over them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from pydantic import SecretStr

from tests.support.databases import PostgresDatabases, SqliteDatabases
from tests.support.postgres import running_postgres
from tests.support.report import (  # the hooks work by being here
    note,
    pytest_sessionfinish,  # noqa: F401
    pytest_testnodedown,  # noqa: F401
    pytest_unconfigure,  # noqa: F401
)
from ticketing.clock import ServerClock
from ticketing.database import Sessions, make_engine, make_sessions
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.keyring import Keyring
from ticketing.settings import Settings

if TYPE_CHECKING:
    from tests.support.shop import Shop
    from ticketing.bootstrap import Services

SECRET = "a secret that only tests use"


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A real server for this test process. It syncs as TICKETING_TEST_APPENDFSYNC says (default `no`: faster)."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("appendfsync", os.environ.get("TICKETING_TEST_APPENDFSYNC", "no"))
    yield server
    server.stop()


@pytest.fixture
def redis_url(valkey: EmbeddedValkey) -> str:
    """The address of the server, emptied."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_databases(worker_id: str) -> Iterator[PostgresDatabases]:
    with running_postgres() as server:
        note("PostgreSQL", server.origin)
        databases = PostgresDatabases(server, worker_id)
        yield databases
        databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh migrated database; tests that use it run on both servers."""
    databases = request.getfixturevalue(f"{request.param}_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine, Keyring.derive(SECRET).trail)
    engine.dispose()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.derive(SECRET)


@pytest.fixture
def clock() -> ServerClock:
    return ServerClock()


@pytest.fixture
def settings(redis_url: str, database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        redis_url=redis_url,
        queue_redis_url=redis_url,
        database_url=database_url,
        secret_key=SecretStr(SECRET),
    )


@pytest.fixture
def services(settings: Settings) -> Iterator["Services"]:
    """Everything `bootstrap` builds, over the servers of this test."""
    from ticketing.bootstrap import build

    built = build(settings)
    yield built
    built.close()


@pytest.fixture
def shop(sessions: Sessions, redis_url: str, keyring: Keyring) -> Iterator["Shop"]:
    """An office with members and clerks, over the servers of this test."""
    from tests.support.shop import Shop

    opened = Shop(sessions, redis_url, keyring)
    yield opened
    opened.close()
