"""Goal: money, dates and codes read as people expect, in Beijing time whatever the machine's zone is.

Method: known moments and amounts in both languages; what a form writes is what it reads.
"""

from datetime import UTC, datetime

import pytest
from babel import Locale

from ticketing.api.pages.formats import (
    Formats,
    duration,
    grouped,
    milliseconds,
    read_form_time,
    write_form_time,
)

CHINESE, ENGLISH = Formats(Locale.parse("zh_CN")), Formats(Locale.parse("en_GB"))
LATE = datetime(2026, 4, 30, 17, 30, tzinfo=UTC)
"""Already the first of May in Beijing."""


def test_a_moment_is_shown_in_beijing() -> None:
    assert CHINESE.moment(LATE) == "2026年5月1日 周五 01:30"
    assert ENGLISH.moment(milliseconds(LATE)) == "Fri 1 May 2026, 01:30"


def test_money_is_counted_in_the_smallest_unit() -> None:
    assert CHINESE.money(500, "CNY") == ENGLISH.money(500, "CNY") == "¥5.00"
    assert CHINESE.money(1_234_567, "CNY") == "¥12,345.67"
    assert "500" in CHINESE.money(500, "JPY")  # a currency without a smaller unit


def test_an_unknown_number_is_a_dash() -> None:
    assert CHINESE.number(None) == "–"
    assert ENGLISH.number(20_000) == "20,000"


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (300_000, "05:00"),
        (299_001, "05:00"),
        (1, "00:01"),
        (0, "00:00"),
        (-5, "00:00"),
        (3_661_000, "1:01:01"),
    ],
)
def test_time_left_never_says_less_than_there_is(ms: int, expected: str) -> None:
    assert duration(ms) == expected


def test_codes_are_shown_in_fours() -> None:
    assert grouped("7K3M9QX2WZ4P") == "7K3M 9QX2 WZ4P"
    assert grouped("7K3M9QX2WZ4P-12") == "7K3M 9QX2 WZ4P-12"


def test_a_form_reads_back_the_time_it_wrote() -> None:
    assert write_form_time(LATE) == "2026-05-01T01:30"
    assert read_form_time(write_form_time(LATE)) == milliseconds(LATE)
    with pytest.raises(ValueError, match="does not match"):
        read_form_time("tomorrow")
