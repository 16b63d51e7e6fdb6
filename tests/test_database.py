"""Goal: both SQL servers are real, migrated and empty for each test. Method: write in one test, look in the next."""

import pytest
from sqlalchemy import func, select, text

from ticketing.database import Sessions, reading
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
