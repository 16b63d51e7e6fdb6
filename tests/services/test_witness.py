"""Rows cut from the end of the audit trail are missed, and a restored backup has a way on.

Goal: whatever leaves SQL's trail shorter than it was is seen, also when new rows hide the gap, and only an
operator's word in the trail itself ends it.
Method: the real servers; note the end, cut the table as somebody with SQL could, look.
"""

from collections.abc import Callable, Iterator

import pytest
import redis
from sqlalchemy import func, select, text

from tests.support.people import unguard_trail
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.trail_end import TrailEnd
from ticketing.keyring import Keyring
from ticketing.services import trail
from ticketing.services.witness import Witness
from ticketing.staff.tables import AuditEntry

ROWS = 6


@pytest.fixture
def memory(redis_url: str) -> Iterator[TrailEnd]:
    with redis.Redis.from_url(redis_url) as client:
        yield TrailEnd(client)


@pytest.fixture
def witness(sessions: Sessions, memory: TrailEnd, keyring: Keyring, clock: ServerClock) -> Witness:
    """One that has noted the end of a trail of a few rows, whose table has lost its guard."""
    _write(sessions, ROWS)
    with sessions.begin() as session:
        unguard_trail(session)
    made = Witness(sessions, memory, keyring.trail, clock)
    assert made.note()
    return made


def _write(sessions: Sessions, rows: int, actor: str = "staff:wang") -> None:
    for _ in range(rows):
        with sessions.begin() as session:
            trail.record(session, 1_000, actor, "event.pause", "event:1", {})


def _cut(sessions: Sessions, after: int) -> None:
    with sessions.begin() as session:
        session.execute(text(f"DELETE FROM audit_trail WHERE id > {after}"))


def test_a_trail_that_grows_is_whole(witness: Witness, sessions: Sessions) -> None:
    assert witness.fault() is None
    _write(sessions, 2)
    assert witness.fault() is None, "what was not noted yet is not missed"
    assert witness.note()
    _cut(sessions, ROWS + 1)
    assert witness.fault() is not None


@pytest.mark.parametrize("left", [ROWS - 1, 0])
def test_a_tail_that_was_cut_off_is_missed_though_the_chain_fits(
    witness: Witness, sessions: Sessions, left: int
) -> None:
    _cut(sessions, left)
    with reading(sessions) as session:
        assert trail.verify(session) is None
    says = f"ends at {left}" if left else "has none"
    assert witness.fault() == f"Redis remembers entry {ROWS}, which is not in SQL any more; SQL {says}"


def test_rows_written_since_do_not_hide_it(witness: Witness, sessions: Sessions) -> None:
    _cut(sessions, ROWS - 2)
    _write(sessions, 4, "staff:li")
    assert not witness.note()
    assert not witness.note(), "it stays seen"
    assert witness.fault() is not None


def test_control_a_witness_that_always_moves_on_forgets(
    witness: Witness, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut(sessions, ROWS - 2)
    with monkeypatch.context() as without:
        without.setattr(Witness, "fault", lambda _self: None)
        witness.note()
    assert witness.fault() is None


@pytest.mark.parametrize("change", [lambda text: "1" + text[1:], lambda text: text[:-1], lambda _text: "x"])
def test_what_redis_remembers_cannot_be_made_up(
    witness: Witness, memory: TrailEnd, change: Callable[[str], str]
) -> None:
    memory.write(change(memory.read() or ""))
    assert "not written with this secret" in (witness.fault() or "")
    assert not witness.note()


def test_after_a_restore_an_operator_says_so_and_it_goes_on(witness: Witness, sessions: Sessions) -> None:
    _cut(sessions, ROWS - 2)
    witness.accept(" restored yesterday's backup ")
    assert witness.fault() is None
    assert witness.note()
    with reading(sessions) as session:
        assert trail.verify(session) is None
        (act,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "trail.accept"))
        assert session.scalar(select(func.max(AuditEntry.id))) == act.id
    assert act.detail["reason"] == "restored yesterday's backup"
    assert f"Redis remembers entry {ROWS}" in str(act.detail["found"])
    _cut(sessions, act.id - 1)
    assert witness.fault() is not None, "the word itself is missed too"


@pytest.mark.parametrize(("cut", "reason"), [(True, " "), (True, "x" * 501), (False, "for no reason")])
def test_there_is_nothing_to_accept_without_a_reason_or_a_fault(
    witness: Witness, sessions: Sessions, cut: bool, reason: str
) -> None:
    if cut:
        _cut(sessions, 1)
    with pytest.raises(Refusal) as refused:
        witness.accept(reason)
    assert refused.value.code is Code.INVALID


def test_without_redis_memory_it_is_noted_anew(witness: Witness, memory: TrailEnd, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert witness.fault() is None
    assert witness.note()
    assert memory.read() is not None
