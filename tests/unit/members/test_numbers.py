"""Card numbers and PINs as they are typed.

Goal: what a reader or a person may type is understood, leading zeros kept, and nothing else passes.
Method: examples of each, and hypothesis for the rule that what is read has only digits.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.members.numbers import last_four, new_salt, one_time_pin, read_card_number, read_pin


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("000622", "000622"),
        ("0000 6222-0001\n", "000062220001"),
        ("６２２２００", "622200"),
        ("9" * 32, "9" * 32),
        ("9" * 33, None),
        ("62220", None),
        ("62220O1", None),
        ("+622200", None),
        ("6222.00", None),
        ("٦٢٢٢٠٠٠١", None),
        ("", None),
    ],
)
def test_card_numbers(typed: str, number: str | None) -> None:
    assert read_card_number(typed) == number


@pytest.mark.parametrize(
    ("typed", "pin"),
    [
        ("0123", "0123"),
        (" 012345 ", "012345"),
        ("１２３４", "1234"),
        ("123", None),
        ("12 34", None),
        ("1" * 13, None),
    ],
)
def test_pins(typed: str, pin: str | None) -> None:
    assert read_pin(typed) == pin


@given(st.text())
def test_only_digits_come_through(typed: str) -> None:
    for read in (read_card_number(typed), read_pin(typed)):
        assert read is None or (read.isascii() and read.isdecimal())


def test_what_may_be_shown_and_what_is_random() -> None:
    assert last_four("0000062220001") == "0001"
    assert len({new_salt() for _ in range(100)}) == 100
    pins = {one_time_pin() for _ in range(100)}
    assert all(read_pin(pin) == pin for pin in pins)
    assert len(pins) > 90
