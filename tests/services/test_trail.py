"""The audit trail is a chain: whatever is changed in it afterwards shows.

Goal: no row can be changed, taken out, slipped in or moved unnoticed, also by who knows how the chain is made
but not the secret; and writers at once keep one chain.
Method: write a trail, tamper with the table as somebody with SQL could (the triggers taken off), verify.
"""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from sqlalchemy import func, select, text

from tests.support.people import unguard_trail
from ticketing.database import Sessions, make_sessions, reading
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


def _broken(sessions: Sessions) -> tuple[int, str] | None:
    with reading(sessions) as session:
        found = trail.verify(session)
    return None if found is None else (found.entry_id, found.what)


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
    assert _broken(chain) == (4, trail.CHANGED)


def test_a_removed_row_is_found(chain: Sessions) -> None:
    _tamper(chain, "DELETE FROM audit_trail WHERE id = 3")
    assert _broken(chain) == (4, trail.MISPLACED)


def test_rows_that_changed_places_are_found(chain: Sessions) -> None:
    _tamper(chain, "UPDATE audit_trail SET id = 100 WHERE id = 2")
    assert _broken(chain) == (3, trail.MISPLACED)


def test_rows_that_swapped_places_are_found(chain: Sessions) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        _tamper(chain, f"UPDATE audit_trail SET id = {new} WHERE id = {old}")
    assert _broken(chain) == (2, trail.MISPLACED)


def test_a_row_that_was_copied_to_another_place_is_found(chain: Sessions) -> None:
    columns = "at, actor, action, subject, detail"
    copied = f"(SELECT {columns} FROM audit_trail WHERE id = 2)"
    _tamper(chain, f"UPDATE audit_trail SET ({columns}) = {copied} WHERE id = 5")
    assert _broken(chain) == (5, trail.CHANGED)


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
    assert _broken(chain) == (forged_id, trail.CHANGED)


def test_without_the_secret_nobody_makes_it_fit_again(chain: Sessions) -> None:
    """The whole table is written anew by who has the program and the database, but another secret."""
    forger = make_sessions(chain.kw["bind"], b"guessed")
    with forger.begin() as session:
        session.execute(text("DELETE FROM audit_trail WHERE id > 3"))
        trail.record(session, 9, "staff:li", "event.pause", "event:9", {})
        forged_id = session.scalar(select(func.max(AuditEntry.id)))
    assert _broken(chain) == (forged_id, trail.CHANGED)


def test_control_without_a_secret_the_forged_end_fits(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain hash that anybody can work out."""
    monkeypatch.setattr("hmac.digest", lambda _key, content, _name: sha256(content).digest())
    forger = make_sessions(sessions.kw["bind"], b"guessed")
    with forger.begin() as session:
        trail.record(session, 9, "staff:li", "event.pause", "event:9", {})
    assert _broken(sessions) is None


def test_writers_at_once_keep_one_chain(sessions: Sessions) -> None:
    def write(number: int) -> None:
        with sessions.begin() as session:
            trail.record(session, number, "system", "thing.done", f"thing:{number}", {})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    assert _broken(sessions) is None
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 40


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite lets one write at a time
def test_control_writers_that_do_not_wait_for_each_other_break_it(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketing.staff.repository.lock_trail", lambda _session: None)
    with sessions.begin() as first, sessions.begin() as second:
        for session in (first, second):
            trail.record(session, 1, "system", "thing.done", f"thing:{id(session)}", {})
    assert _broken(sessions) is not None


def test_an_act_undone_leaves_no_row(sessions: Sessions) -> None:
    with sessions() as session:
        trail.record(session, 1, "system", "thing.done", "thing:1", {})
        session.rollback()
    with sessions.begin() as session:
        trail.record(session, 2, "system", "thing.done", "thing:2", {})
    assert _broken(sessions) is None
