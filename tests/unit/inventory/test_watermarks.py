"""Goal: a process only ever learns of later positions, and a new epoch starts afresh.

Method: words of SQL and answers of Redis in every order that can happen.
"""

from ticketing.inventory.watermarks import Watermarks


def test_positions_only_rise_within_an_epoch() -> None:
    marks = Watermarks()
    marks.note("group", "first", 7)
    marks.note("group", "first", 5)
    marks.expect("group", "first", 6)
    assert (marks.epoch("group"), marks.position("group", "first")) == ("first", 7)


def test_a_new_epoch_forgets_the_old_position_and_late_answers() -> None:
    marks = Watermarks()
    marks.note("group", "first", 7)
    marks.expect("group", "second", 2)
    marks.note("group", "first", 9)
    assert (marks.epoch("group"), marks.position("group", "second")) == ("second", 2)
    assert marks.position("group", "first") == 0


def test_an_unknown_group_has_no_epoch() -> None:
    assert Watermarks().epoch("group") is None


def test_a_group_that_was_looked_for_before_it_opened_is_met_like_any_other() -> None:
    marks = Watermarks()
    marks.note("group", "", 0)
    assert marks.epoch("group") is None
