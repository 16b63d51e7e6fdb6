"""Curves of a sale as SVG: where lines and words stand, worked out here, drawn by a template without any script."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 720, 200
"""Of the field in which a curve is drawn, in the units of its picture."""

WORDS = 5
"""So many times below it."""

_ROUND = (1, 2, 5)


class Line(NamedTuple):
    """A line across at the height `y`, with what it stands for."""

    y: float
    value: int


class Word(NamedTuple):
    """A time below the curve, or a moment on it."""

    x: float
    text: str


class Curve(NamedTuple):
    """A curve: its outline as a path, the lines across it, the times below it."""

    path: str
    lines: list[Line]
    words: list[Word]
    top: int
    """The largest value of all."""


def curve(values: Sequence[int], time_of: Callable[[int], str]) -> Curve:
    """One step for each value; `time_of` names the time at which the value of a place begins."""
    top, count = max(values, default=0), max(1, len(values))
    scale = scale_of(top)
    width = WIDTH / count
    steps = [
        f"V{_short(HEIGHT - HEIGHT * value / scale)}H{_short(width * (n + 1))}"
        for n, value in enumerate(values)
    ]
    places = sorted({round(part * (count - 1) / (WORDS - 1)) for part in range(WORDS)}) if values else []
    return Curve(
        path=f"M0,{HEIGHT}{''.join(steps)}V{HEIGHT}Z",
        lines=[Line(HEIGHT - HEIGHT * value / scale, value) for value in _across(scale)],
        words=[Word(width * place, time_of(place)) for place in places],
        top=top,
    )


def scale_of(top: int) -> int:
    """The least round number that is not below `top`: 1, 2 or 5, or ten times one of these, and so on."""
    power = 1
    while True:
        for digit in _ROUND:
            if digit * power >= top:
                return digit * power
        power *= 10


def _across(scale: int) -> list[int]:
    return [scale // 2, scale] if scale % 2 == 0 else [scale]


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
