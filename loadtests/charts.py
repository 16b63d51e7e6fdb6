"""Charts as plain SVG text: no library, no script, readable in any browser and in print."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

WIDTH, HEIGHT = 860, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 30
DIVISIONS = 5
COLOURS = ("#2f6f9f", "#d1495b", "#3d9970", "#c98b1d", "#7b5ea7", "#5b6770", "#a34e24", "#1f8a8c")


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one layer of bars: (second, value) points in order of time."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot area: what the axes span, and where a value lies on the page."""

    first: float
    last: float
    top: float

    def x(self, second: float) -> float:
        """Where a second lies."""
        return LEFT + (second - self.first) / max(self.last - self.first, 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value lies."""
        return HEIGHT - BOTTOM - value / (self.top or 1) * (HEIGHT - TOP - BOTTOM)


def lines(series: Sequence[Series], unit: str, ceiling: tuple[str, float] | None = None) -> str:
    """Lines over seconds; `ceiling` draws a dashed line with its name, such as the stock."""
    values = [value for each in series for _, value in each.points] + ([ceiling[1]] if ceiling else [])
    frame = _frame(series, max(values, default=0))
    body = [_polyline(frame, each, COLOURS[index % len(COLOURS)]) for index, each in enumerate(series)]
    if ceiling:
        body.append(_ceiling(frame, *ceiling))
    return _svg(frame, body, unit) + _legend(series)


def stacked_bars(series: Sequence[Series], unit: str) -> str:
    """A bar for each second, one layer upon the other."""
    heights: dict[float, float] = {}
    for each in series:
        for second, value in each.points:
            heights[second] = heights.get(second, 0) + value
    frame = _frame(series, max(heights.values(), default=0))
    width = max(1.0, (frame.x(1) - frame.x(0)) * 0.86)
    base = dict.fromkeys(heights, 0.0)
    body = []
    for index, each in enumerate(series):
        for second, value in each.points:
            if value:
                colour = COLOURS[index % len(COLOURS)]
                body.append(_bar(frame, second, base[second], value, width, colour, each.name))
                base[second] += value
    return _svg(frame, body, unit) + _legend(series)


def _frame(series: Sequence[Series], highest: float) -> Frame:
    seconds = [second for each in series for second, _ in each.points]
    return Frame(min(seconds, default=0), max(seconds, default=0) + 1, nice_ceiling(highest))


def nice_ceiling(value: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten: where an axis ends."""
    if value <= 0:
        return 1
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= value)


def _polyline(frame: Frame, series: Series, colour: str) -> str:
    points = " ".join(f"{frame.x(second):.1f},{frame.y(value):.1f}" for second, value in series.points)
    return (
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" points="{points}">'
        f"<title>{escape(series.name)}</title></polyline>"
    )


def _ceiling(frame: Frame, name: str, value: float) -> str:
    y = frame.y(value)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="ceiling"/>'
        f'<text x="{WIDTH - RIGHT}" y="{y + 14:.1f}" text-anchor="end">{escape(name)}</text>'
    )


def _bar(frame: Frame, second: float, base: float, value: float, width: float, colour: str, name: str) -> str:
    top, bottom = frame.y(base + value), frame.y(base)
    box = f'x="{frame.x(second):.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}"'
    return f'<rect {box} fill="{colour}"><title>{second:g} s: {value:g} {escape(name)}</title></rect>'


def _svg(frame: Frame, body: Sequence[str], unit: str) -> str:
    marks = [*_value_axis(frame, unit), *_time_axis(frame)]
    drawing = "".join((*marks, *body))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">{drawing}</svg>'
    )


def _value_axis(frame: Frame, unit: str) -> list[str]:
    marks = [f'<text x="{LEFT - 8}" y="{TOP - 14}" text-anchor="end">{escape(unit)}</text>']
    for part in range(DIVISIONS + 1):
        value = frame.top * part / DIVISIONS
        y = frame.y(value)
        marks.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        marks.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>')
    return marks


def _time_axis(frame: Frame) -> list[str]:
    step = nice_ceiling(max((frame.last - frame.first) / 10, 1))
    second = ceil(frame.first / step) * step
    marks = []
    while second <= frame.last:
        marks.append(
            f'<text x="{frame.x(second):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{second:g} s</text>'
        )
        second += step
    return marks


def _legend(series: Sequence[Series]) -> str:
    entries = (
        f'<li><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(each.name)}</li>'
        for index, each in enumerate(series)
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'
