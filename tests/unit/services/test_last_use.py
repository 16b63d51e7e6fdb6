"""Goal: each use is written at most once a minute, and none is lost, whoever writes and however often that fails.

Method: notes between the steps of a block that writes, and a second writer in a thread of its own; the control takes
the lock away between the two.
"""

from contextlib import nullcontext
from threading import Event, Thread

import pytest

from ticketing.services.last_use import NOTED_EVERY_MS, LastUse

NOW = 1_000_000


def taken(uses: LastUse, now: int = NOW) -> dict[str, int]:
    with uses.taken(now) as used:
        return used


def _fail_to_write(uses: LastUse, used: dict[str, int]) -> None:
    uses.note("a", used["a"] + NOTED_EVERY_MS)
    raise OSError("SQL is away")


def test_each_is_written_at_most_once_a_minute() -> None:
    uses = LastUse()
    for at in (NOW, NOW + 1, NOW + NOTED_EVERY_MS - 1):
        uses.note("a", at)
    uses.note("b", NOW + 5)
    assert taken(uses) == {"a": NOW, "b": NOW + 5}
    uses.note("a", NOW + NOTED_EVERY_MS - 1)
    assert taken(uses) == {}
    uses.note("a", NOW + NOTED_EVERY_MS)
    assert taken(uses) == {"a": NOW + NOTED_EVERY_MS}


def test_what_could_not_be_written_stays_and_the_newer_wins() -> None:
    uses = LastUse()
    uses.note("a", NOW)
    uses.note("b", NOW)
    with pytest.raises(OSError, match="SQL is away"), uses.taken(NOW) as used:
        _fail_to_write(uses, used)
    assert taken(uses) == {"a": NOW + NOTED_EVERY_MS, "b": NOW}


def test_what_is_used_while_others_are_written_is_written_next() -> None:
    uses = LastUse()
    uses.note("a", NOW)
    with uses.taken(NOW) as used:
        uses.note("b", NOW)
    assert (used, taken(uses)) == ({"a": NOW}, {"b": NOW})


def test_what_was_used_long_ago_is_forgotten() -> None:
    uses = LastUse()
    for number in range(1_000):
        uses.note(str(number), NOW)
    assert len(taken(uses, NOW + NOTED_EVERY_MS)) == 1_000
    assert uses._noted == {}


@pytest.mark.parametrize("waits", [True, False], ids=["with the lock", "control, without it"])
def test_who_comes_second_finds_the_first_ones_written(waits: bool) -> None:
    uses = LastUse()
    if not waits:
        uses._writing = nullcontext()  # type: ignore[assignment]
    uses.note("a", NOW)
    came, written, seen = Event(), Event(), []

    def second() -> None:
        came.set()
        taken(uses)
        seen.append(written.is_set())

    thread = Thread(target=second)
    with uses.taken(NOW):
        thread.start()
        assert came.wait(5)
        thread.join(0.2)
        written.set()
    thread.join(5)
    assert seen == [waits]
