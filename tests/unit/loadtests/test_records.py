"""Goal: what a client was told is on disk as it was told, also when a process of the crowd is killed.

Method: write, read back; tear the last line; damage one in the middle.
"""

from pathlib import Path

import msgspec
import pytest

from loadtests.plan import SESSIONS, read_visitors
from loadtests.records import HUNG_UP, NO_ANSWER, Recorder, Told, read_records, records_path
from loadtests.snapshot import Snapshot, overload
from tests.loadtests.rehearsals import told


def test_records_come_back_as_written(tmp_path: Path) -> None:
    for part, records in enumerate((told(), told()[:2])):
        with Recorder(records_path(tmp_path, part)) as recorder:
            for record in records:
                recorder.write(record)
    assert list(read_records(tmp_path)) == [*told(), *told()[:2]]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    with Recorder(records_path(tmp_path, 0)) as recorder:
        for record in told():
            recorder.write(record)
    path = records_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read_records(tmp_path)) == told()[:-1]


def test_a_damaged_line_is_an_error(tmp_path: Path) -> None:
    records_path(tmp_path, 0).write_text('{"verb": "hold"\n')
    with pytest.raises(msgspec.DecodeError):
        list(read_records(tmp_path))


@pytest.mark.parametrize(
    ("status", "granted", "unknown"),
    [
        (201, True, False),
        (204, True, False),
        (409, False, False),
        (500, False, True),
        (NO_ANSWER, False, True),
    ],
)
def test_what_an_outcome_means(status: int, granted: bool, unknown: bool) -> None:
    record = Told("hold", 1.0, 1.0, status, HUNG_UP if status == NO_ANSWER else None)
    assert (record.granted, record.unknown) == (granted, unknown)


def test_every_card_is_in_one_process(tmp_path: Path) -> None:
    (tmp_path / SESSIONS).write_text("".join(f"{member}\ttoken-{member}\n" for member in range(10)))
    parts = [read_visitors(tmp_path, part, 3, cards=6) for part in range(3)]
    assert sorted(visitor.member for arriving, _ in parts for visitor in arriving) == [0, 1, 2, 3, 4, 5]
    assert sorted(visitor.member for _, later in parts for visitor in later) == [6, 7, 8, 9]


@pytest.mark.parametrize(("cpu_share", "late_ms", "said"), [(0.5, 20, 0), (0.97, 20, 1), (0.5, 900, 1)])
def test_a_crowd_at_its_own_limit_says_so(
    tmp_path: Path, cpu_share: float, late_ms: float, said: int
) -> None:
    snapshot = Snapshot(0, 1, 1, 1, 1, 0, {}, 1.0, 2.0, cpu_share, late_ms, finished=True)
    (tmp_path / "progress-0.json").write_bytes(msgspec.json.encode(snapshot))
    assert len(overload(tmp_path)) == said
