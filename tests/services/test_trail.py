"""The audit trail is a chain: whatever is changed in it afterwards shows.

Goal: no row can be changed, taken out or slipped in unnoticed, and writers at once keep one chain.
Method: write a trail, tamper with the table as somebody with SQL could (the triggers taken off), verify.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from tests.support.people import unguard_trail
from ticketing.database import Sessions, reading
from ticketing.services import trail
from ticketing.staff.tables import AuditEntry

ROWS = 6


@pytest.fixture
def chain(sessions: Sessions) -> Sessions:
    """A trail of a few rows whose table has lost its guard."""
    for number in range(ROWS):
        with sessions.begin() as session:
            detail = {"number": number, "reason": "检查", "nested": {"z": [1, 2.5, None], "a": True}}
            trail.record(session, 1_000 + number, "staff:wang", "event.pause", f"event:{number}", detail)
    with sessions.begin() as session:
        unguard_trail(session)
    return sessions


def _broken(sessions: Sessions) -> int | None:
    with reading(sessions) as session:
        return trail.verify(session)


def _tamper(sessions: Sessions, statement: str) -> None:
    with sessions.begin() as session:
        session.execute(text(statement))


def test_an_untouched_trail_holds(chain: Sessions) -> None:
    assert _broken(chain) is None


def test_an_empty_trail_holds(sessions: Sessions) -> None:
    assert _broken(sessions) is None


@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1",
        "actor = 'staff:li'",
        "action = 'event.resume'",
        "subject = 'event:other'",
        """detail = '{"number": 3}'""",
        "previous_digest = digest",
        "digest = 'none'",
    ],
)
def test_a_changed_row_is_found(chain: Sessions, change: str) -> None:
    _tamper(chain, f"UPDATE audit_trail SET {change} WHERE id = 4")
    assert _broken(chain) == 4


def test_a_removed_row_is_found(chain: Sessions) -> None:
    _tamper(chain, "DELETE FROM audit_trail WHERE id = 3")
    assert _broken(chain) == 4


def test_rows_that_changed_places_are_found(chain: Sessions) -> None:
    _tamper(chain, "UPDATE audit_trail SET id = 100 WHERE id = 2")
    assert _broken(chain) == 3


def test_a_row_slipped_in_is_found(chain: Sessions) -> None:
    with chain.begin() as session:
        forged = AuditEntry(
            at=1,
            actor="system",
            action="a.b",
            subject="c:1",
            detail={},
            previous_digest="0" * 64,
            digest="1" * 64,
        )
        session.add(forged)
        session.flush()
        forged_id = forged.id
    assert _broken(chain) == forged_id


def test_writers_at_once_keep_one_chain(sessions: Sessions) -> None:
    def write(number: int) -> None:
        with sessions.begin() as session:
            trail.record(session, number, "system", "thing.done", f"thing:{number}", {})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    assert _broken(sessions) is None
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 40


def test_an_act_undone_leaves_no_row(sessions: Sessions) -> None:
    with sessions() as session:
        trail.record(session, 1, "system", "thing.done", "thing:1", {})
        session.rollback()
    with sessions.begin() as session:
        trail.record(session, 2, "system", "thing.done", "thing:2", {})
    assert _broken(sessions) is None
