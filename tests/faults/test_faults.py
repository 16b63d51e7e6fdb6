"""Goal: whatever dies, stops, lies or forgets in a sale, nobody who was told yes loses it, and no seat is sold twice.

Method: every kind of fault once on each database, in a seeded order, against real processes under real clients;
after each the clients' records are compared with Redis and SQL. `scripts/faults` plays as many as are wanted.
"""

from pathlib import Path

import pytest

from tests.faults.kinds import kinds_of
from tests.faults.records import Records
from tests.faults.run import Chapter, Outcome, play, schedule
from tests.faults.servers import POSTGRESQL, SQLITE

ORDERS_MIN = 300


@pytest.mark.slow
@pytest.mark.parametrize("database", [SQLITE, POSTGRESQL])
def test_every_kind_of_fault_once(tmp_path: Path, database: str) -> None:
    kinds = {kind.name for kind in kinds_of(database)}
    records, outcomes = Records(), list[Outcome]()
    play(tmp_path / "world", Chapter(1, len(kinds), database), records, outcomes.append)
    assert [str(violation) for outcome in outcomes for violation in outcome.violations] == []
    assert {outcome.kind for outcome in outcomes} == kinds
    assert len(records.orders) > ORDERS_MIN
    assert records.doubts.total() > 0, "the faults were felt"


def test_a_schedule_is_its_seeds() -> None:
    first, again, other = (list(schedule(Chapter(seed, 40, POSTGRESQL))) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.parametrize("database", [SQLITE, POSTGRESQL])
def test_there_are_enough_kinds_and_a_schedule_has_them_all(database: str) -> None:
    kinds = kinds_of(database)
    assert len(kinds) >= 14
    dealt = [fault.kind for fault in schedule(Chapter(1, len(kinds), database))]
    assert sorted(kind.name for kind in dealt) == sorted(kind.name for kind in kinds)
