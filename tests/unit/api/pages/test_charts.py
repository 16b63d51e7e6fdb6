"""Goal: a curve is drawn to scale and says what its lines mean. Method: values whose picture is worked out by hand."""

import re

import pytest

from ticketing.api.pages.charts import HEIGHT, WIDTH, curve, scale_of


def test_a_step_is_as_high_as_its_value_and_the_highest_line_stands_above_all() -> None:
    drawn = curve([0, 5, 10, 4], str)
    assert drawn.path == "M0,200V200H180V100H360V0H540V120H720V200Z"
    assert (drawn.top, drawn.lines) == (10, [(HEIGHT / 2, 5), (0, 10)])
    assert [(word.x, word.text) for word in drawn.words] == [(n * 180.0, str(n)) for n in range(4)]


def test_a_long_curve_names_five_of_its_times_and_ends_at_the_edge() -> None:
    drawn = curve([1] * 300, str)
    assert [word.text for word in drawn.words] == ["0", "75", "150", "224", "299"]
    assert re.findall(r"H([\d.]+)", drawn.path)[-1] == str(WIDTH)


def test_nothing_sold_is_a_flat_line() -> None:
    assert (curve([], str).path, curve([], str).words, curve([], str).top) == ("M0,200V200Z", [], 0)
    assert curve([0, 0], str).lines == [(0, 1)]


@pytest.mark.parametrize(
    ("top", "scale"), [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (999, 1000)]
)
def test_the_scale_is_the_next_round_number(top: int, scale: int) -> None:
    assert scale_of(top) == scale
