"""An API process for each test; `house` runs over both databases, `quick_house` over SQLite alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.conftest import SECRET
from tests.support.databases import SqliteDatabases
from tests.support.house import House
from tests.support.receiver import receiver, slow  # noqa: F401 - fixtures of these tests
from ticketing.settings import Settings


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """For what touches SQL."""
    async with House.open(settings) as opened:
        yield opened


@pytest.fixture
def quick_settings(redis_url: str, sqlite_databases: SqliteDatabases, tmp_path: Path) -> Settings:
    """Settings of an instance whose SQL server does not matter."""
    return Settings(
        data_dir=tmp_path,
        redis_url=redis_url,
        queue_redis_url=redis_url,
        database_url=sqlite_databases.create(),
        secret_key=SecretStr(SECRET),
    )


@pytest.fixture
async def quick_house(quick_settings: Settings) -> AsyncIterator[House]:
    """For the rush, which never touches SQL, and for the form of requests and answers."""
    async with House.open(quick_settings) as opened:
        yield opened
