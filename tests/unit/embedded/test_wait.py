"""Goal: an operator whose instance serves and sells nothing is told so, once, and not while it merely starts.

Method: the wait of `ticketing up` with a clock of the test's.
"""

import pytest

from ticketing.embedded import supervisor


@pytest.mark.parametrize(
    ("answers", "said_at"),
    [
        ([(0, False), (1, True), (3, True), (5.9, True)], None),
        ([(0, True), (4.9, True), (5.1, True), (9, True), (99, True)], 5.1),
        ([(0, True), (4, False), (6, True), (10, True), (11.5, True)], 11.5),
        ([(0, False), (50, False)], None),
    ],
)
def test_it_is_said_once_and_late_enough(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[float, bool]], said_at: float | None
) -> None:
    wait, said = supervisor._Wait(), []
    for now, serves in answers:
        monkeypatch.setattr("ticketing.embedded.supervisor.time.monotonic", lambda now=now: now + 1_000)
        if wait.is_over(serves=serves):
            said.append(now)
    assert said == ([] if said_at is None else [said_at])
