"""Goal: a series of `kill -9` loses and doubles nothing, and its command counts what it killed and what was told.

Method: a short series against real processes; `scripts/kills` goes on for twenty thousand orders.
"""

from pathlib import Path

import pytest

from tests.faults.kills import KILLS, Series, run, summary
from tests.faults.servers import SQLITE

ORDERS = 150


@pytest.mark.slow
def test_a_short_series_loses_and_doubles_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    result = run(tmp_path / "world", Series(ORDERS, len(KILLS), SQLITE), said.append)
    assert [str(violation) for violation in result.violations] == []
    assert result.killed == dict.fromkeys(KILLS, 1)
    assert len(said) == len(KILLS)
    assert len(result.records.orders) >= ORDERS
    assert "acknowledged lost: 0, doubled: 0, others: 0" in summary(result)
