"""Goal: the log names a sale that needs a person once, and says when that is over.

Method: what the board would say, second by second, and the log that comes of it.
"""

from structlog.testing import capture_logs

from ticketing.api.alarms import Alarms


def said(alarms: Alarms, recovering: list[str], backlog: int) -> list[tuple[str, str]]:
    with capture_logs() as lines:
        alarms.ring(recovering, {"group": backlog})
    return [(line["event"], line["group"]) for line in lines]


def test_a_recovering_sale_is_named_when_it_begins_and_when_it_ends() -> None:
    alarms = Alarms(100)
    assert said(alarms, ["a"], 0) == [("sale_recovering", "a")]
    assert said(alarms, ["a"], 0) == []
    assert said(alarms, ["b"], 0) == [("sale_recovered", "a"), ("sale_recovering", "b")]
    assert said(alarms, [], 0) == [("sale_recovered", "b")]


def test_a_backlog_is_named_at_half_of_its_cap_and_at_the_cap() -> None:
    alarms = Alarms(100)
    steps = [(49, []), (50, ["backlog_high"]), (99, []), (100, ["backlog_full"]), (60, ["backlog_high"])]
    for entries, events in [*steps, (10, ["backlog_low"])]:
        assert [event for event, _ in said(alarms, [], entries)] == events
