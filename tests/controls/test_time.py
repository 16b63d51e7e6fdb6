"""Goal: a process whose clock is an hour off sells, holds, counts down and ends sessions as every other does.

Method: an API process in a world that is hours ahead of Redis, or behind; the control is a process that does not
listen to Redis' time.
"""

import time
from pathlib import Path
from typing import NamedTuple

import pytest
import time_machine
from pydantic import SecretStr

from tests.conftest import SECRET
from tests.support.databases import SqliteDatabases
from tests.support.house import HOUR_MS, House
from ticketing.clock import ServerClock
from ticketing.settings import Settings


class Seen(NamedTuple):
    """What a member meets: with a session that lasts an hour more, one that ended an hour ago, and before a sale."""

    holds: int
    holds_with_an_old_session: int
    holds_before_the_hour: str
    off_by_ms: int


async def seen(settings: Settings) -> Seen:
    async with House.open(settings) as house:
        real = house.services.keeper.now_ms()
        now, later = house.publish(9), house.publish(9, opens_at=real + HOUR_MS // 2)
        session = house.member(house.add_member(), expires_at=real + HOUR_MS, idle_at=real + HOUR_MS)
        ended = house.member(1, expires_at=real - HOUR_MS, idle_at=real - HOUR_MS)
        held = await house.hold(now, session)
        early = await house.hold(later, session)
        return Seen(
            held.status_code,
            (await house.hold(now, ended)).status_code,
            early.json().get("code", ""),
            abs(int(held.headers["server-time"]) - real),
        )


@pytest.fixture
def settings(redis_url: str, sqlite_databases: SqliteDatabases, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        redis_url=redis_url,
        queue_redis_url=redis_url,
        database_url=sqlite_databases.create(),
        secret_key=SecretStr(SECRET),
    )


@pytest.mark.parametrize("hours", [-2, 0, 2])
async def test_a_clock_that_is_off_changes_nothing(settings: Settings, hours: int) -> None:
    with time_machine.travel(time.time() + hours * 3_600):
        found = await seen(settings)
    assert found._replace(off_by_ms=0) == Seen(201, 401, "sale_not_open", 0)
    assert found.off_by_ms < 60_000


@pytest.mark.parametrize(("hours", "broken"), [(-2, "holds_with_an_old_session"), (2, "holds")])
async def test_control_without_redis_time_sessions_end_too_early_or_too_late(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, hours: int, broken: str
) -> None:
    monkeypatch.setattr(ServerClock, "observe", lambda *_: None)
    with time_machine.travel(time.time() + hours * 3_600):
        found = await seen(settings)
    assert found.off_by_ms > HOUR_MS
    assert getattr(found, broken) == (201 if hours < 0 else 401)
