"""What ended a session elsewhere is known here after one refresh, whatever the order the rows come in.

Goal: no ended session goes on and no good one ends: with late commits, gaps, a restored database, a restart.
Method: write rows as other processes would, also inside transactions that commit late, and ask.
"""

from dataclasses import dataclass
from itertools import permutations

import pytest
from sqlalchemy import event, select, text

from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.members import revocations as module
from ticketing.members.repository import note_change
from ticketing.members.revocations import Revocations
from ticketing.members.tables import SessionChange

LIFE_MS = 1_000_000


@dataclass(frozen=True)
class Signed:
    """The claims of member 1, or of whom `subject` names."""

    session_id: str = "mine"
    issued_at: int = 100
    subject: str = "m:1"
    organisation_path: str = "district.east"


MINE = Signed()


@pytest.fixture
def revocations(sessions: Sessions) -> Revocations:
    made = Revocations(sessions, LIFE_MS)
    made.refresh()
    return made


def note(sessions: Sessions, at: int = 200, subject: str = "m:1", **what: str | int | bool) -> None:
    with sessions.begin() as session:
        note_change(session, at, subject, **what)  # type: ignore[arg-type]


def test_nothing_is_known_against_a_fresh_session(revocations: Revocations) -> None:
    assert revocations.check(MINE) is None
    assert revocations.organisation_path(MINE) == "district.east"


def test_a_logout_ends_one_session(sessions: Sessions, revocations: Revocations) -> None:
    note(sessions, session_id="mine")
    revocations.refresh()
    assert revocations.check(MINE) is Code.UNAUTHENTICATED
    assert revocations.check(Signed("another")) is None
    assert revocations.check(Signed(subject="m:2")) is None
    assert revocations.check(Signed(subject="s:1")) is None


def test_all_earlier_sessions_end_but_the_one_spared(sessions: Sessions, revocations: Revocations) -> None:
    note(sessions, session_id="mine", not_before=150)
    revocations.refresh()
    assert revocations.check(MINE) is None
    assert revocations.check(Signed("another", issued_at=149)) is Code.UNAUTHENTICATED
    assert revocations.check(Signed("another", issued_at=150)) is None


def test_a_session_ended_once_is_not_spared_later(sessions: Sessions, revocations: Revocations) -> None:
    """Somebody with a session that a new PIN has ended sets another PIN before this process hears of either."""
    note(sessions, session_id="owner", not_before=150)
    note(sessions, session_id="mine", not_before=160)
    revocations.refresh()
    assert revocations.check(MINE) is Code.UNAUTHENTICATED
    assert revocations.check(Signed("owner")) is Code.UNAUTHENTICATED


def test_a_block_and_its_end(sessions: Sessions, revocations: Revocations) -> None:
    note(sessions, blocked=True)
    revocations.refresh()
    assert revocations.check(MINE) is Code.CARD_BLOCKED
    note(sessions, blocked=False)
    revocations.refresh()
    assert revocations.check(MINE) is None


def test_a_move(sessions: Sessions, revocations: Revocations) -> None:
    note(sessions, organisation_path="district.west")
    revocations.refresh()
    assert revocations.organisation_path(MINE) == "district.west"
    assert revocations.check(MINE) is None


ROWS = [
    SessionChange(id=1, at=200, subject="m:1", blocked=True),
    SessionChange(id=2, at=201, subject="m:1", session_id="gone"),
    SessionChange(id=3, at=202, subject="m:1", blocked=False, organisation_path="district.west"),
    SessionChange(id=4, at=203, subject="m:1", not_before=90, session_id="old"),
]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_in_which_rows_arrive_does_not_matter(order: tuple[int, ...]) -> None:
    """An older row that is seen late must not undo a newer one."""
    mark = module._Mark()
    for place in (*order, *order):
        mark = module._with(
            mark, module._Change(*(getattr(ROWS[place], name) for name in module._Change._fields))
        )
    assert (mark.blocked, mark.organisation_path) == (False, "district.west")
    assert mark.ended == {"gone"}
    assert mark.floors == (module._Floor(90, "old"),)


def test_a_row_that_commits_late_is_still_seen(sessions: Sessions, revocations: Revocations) -> None:
    """PostgreSQL gives out ids before the commit: a later id may be seen first."""
    _write(sessions, 2, "m:2", blocked=True)
    revocations.refresh()
    assert revocations.check(Signed(subject="m:2")) is Code.CARD_BLOCKED
    _write(sessions, 1, "m:1", blocked=True)
    revocations.refresh()
    assert revocations.check(MINE) is Code.CARD_BLOCKED


def test_control_without_gaps_the_late_row_is_missed(
    sessions: Sessions, revocations: Revocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GAP_SECONDS", -1)
    _write(sessions, 2, "m:2", blocked=True)
    revocations.refresh()
    _write(sessions, 1, "m:1", blocked=True)
    revocations.refresh()
    assert revocations.check(MINE) is None


def test_many_gaps_are_asked_for_as_one(sessions: Sessions, revocations: Revocations) -> None:
    for number in range(2, 2 * (module._GAPS_MAX + 2), 2):
        _write(sessions, number, f"m:{number}", blocked=True)
    revocations.refresh()
    _write(sessions, 3, "m:1", blocked=True)
    revocations.refresh()
    assert revocations.check(MINE) is Code.CARD_BLOCKED
    assert len(revocations._gaps) == module._GAPS_MAX


def test_a_process_that_starts_later_knows_the_same(sessions: Sessions) -> None:
    note(sessions, session_id="mine")
    late = Revocations(sessions, LIFE_MS)
    late.refresh()
    assert late.check(MINE) is Code.UNAUTHENTICATED


def test_what_is_older_than_any_session_is_neither_read_nor_kept(
    sessions: Sessions, revocations: Revocations
) -> None:
    _write(sessions, 1, "m:1", session_id="mine")
    _write(sessions, 5_000, "m:2", at=200 + 2 * LIFE_MS, session_id="other")
    revocations.refresh()
    assert set(revocations._marks) == {"m:2"}
    late = Revocations(sessions, LIFE_MS)
    late.refresh()
    assert set(late._marks) == {"m:2"}


def test_rows_that_can_matter_to_nobody_leave_sql_a_part_at_a_time(
    sessions: Sessions, revocations: Revocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PURGED_AT_ONCE", 2)
    now = 10 * revocations._life_ms
    for number in range(1, 4):
        _write(sessions, number, "m:2", at=now - 2 * revocations._life_ms - 1, session_id="old")
    _write(sessions, 4, "m:1", at=now - 2 * revocations._life_ms, session_id="mine")
    _write(sessions, 5, "m:3", at=now, session_id="new")
    revocations.refresh()
    assert [revocations.purge() for _ in range(3)] == [2, 1, 0]
    with reading(sessions) as session:
        assert session.scalars(select(SessionChange.id).order_by(SessionChange.id)).all() == [4, 5]
    _write(sessions, 6, "m:1", at=now, session_id="another")
    revocations.refresh()
    assert revocations.check(Signed("another")) is Code.UNAUTHENTICATED, "it goes on where it was"


def test_the_newest_row_stays_however_old(sessions: Sessions, revocations: Revocations) -> None:
    _write(sessions, 7, "m:1", session_id="mine")
    assert revocations.purge() == 0


def test_a_database_restored_from_a_backup_is_followed(sessions: Sessions, revocations: Revocations) -> None:
    """What ended stays ended; ids start again lower, and new rows with them count."""
    for number in range(1, 4):
        _write(sessions, number, "m:1", session_id="mine", blocked=True)
    revocations.refresh()
    with sessions.begin() as session:
        session.execute(text("DELETE FROM session_changes WHERE id > 1"))
    _write(sessions, 2, "m:1", blocked=False)
    _write(sessions, 3, "m:2", blocked=True)
    with sessions.begin() as session:
        session.execute(text("DELETE FROM session_changes WHERE id = 3"))
    revocations.refresh()
    assert revocations.check(Signed("another")) is None
    assert revocations.check(MINE) is Code.UNAUTHENTICATED


def test_asking_costs_no_sql(sessions: Sessions, revocations: Revocations) -> None:
    note(sessions, session_id="mine")
    revocations.refresh()
    statements: list[str] = []
    with sessions() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert revocations.check(MINE) is Code.UNAUTHENTICATED
    assert statements == []


def _write(sessions: Sessions, row_id: int, subject: str, at: int = 200, **what: str | bool) -> None:
    with sessions.begin() as session:
        session.add(SessionChange(id=row_id, at=at, subject=subject, **what))
