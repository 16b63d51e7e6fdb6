"""Goal: both SQL servers are real, migrated and empty for each test. Method: write in one test, look in the next."""

import os
import socket
from typing import Any

import pytest
from sqlalchemy import func, select, text

from ticketing.database import GONE_SECONDS, Sessions, reading
from ticketing.members.tables import Organisation


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_migrated_database(sessions: Sessions, turn: int) -> None:
    with sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(Organisation)) == 0
        session.add(Organisation(id="district", name="区总工会", kind="district", path="district"))
    with reading(sessions) as session:
        assert session.scalar(select(Organisation.name)) == "区总工会"


def test_a_commit_is_on_disk_when_it_returns(sessions: Sessions) -> None:
    with reading(sessions) as session:
        if session.get_bind().dialect.name == "sqlite":
            assert session.scalar(text("PRAGMA synchronous")) == 2
        else:
            assert session.scalar(text("SHOW synchronous_commit")) == "on"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postgresql_that_is_gone_is_noticed_within_seconds(sessions: Sessions) -> None:
    """A machine without power closes nothing: only the kernel's own questions find out, and soon enough."""
    with reading(sessions) as session:
        driver: Any = session.connection().connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as ours:
            idle, interval, count = (
                ours.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert idle + interval * count <= GONE_SECONDS
            assert 0 < ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= GONE_SECONDS * 1_000
