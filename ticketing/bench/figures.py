"""A row of the bench: ours, the baseline, and the ratio of the two."""

from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct


class Turn(NamedTuple):
    """One turn of both: the higher the faster."""

    ours: float
    baseline: float


class Row(Struct, frozen=True, kw_only=True):
    """`ratio` is for what is compared, `value` for what stands alone; `target` is what the project asks of it.

    `most`: the target is a bound from above. `client_cpu` is the greatest share of a core that the load itself took.
    """

    name: str
    unit: str
    ours: float | None = None
    baseline: float | None = None
    ratio: float | None = None
    value: float | None = None
    runs: Sequence[Turn] = ()
    target: float | None = None
    most: bool = False
    client_cpu: float | None = None
    note: str = ""

    @property
    def figure(self) -> float:
        """The ratio, or the value of a row without one."""
        return (self.value if self.ratio is None else self.ratio) or 0.0

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.figure <= self.target if self.most else self.figure >= self.target


def compared(name: str, unit: str, turns: Sequence[Turn], **more: Any) -> Row:
    """A row of the medians; its ratio is the median of the turns' ratios."""
    return Row(
        name=name,
        unit=unit,
        ours=median(turn.ours for turn in turns),
        baseline=median(turn.baseline for turn in turns),
        ratio=median(turn.ours / turn.baseline for turn in turns),
        runs=turns,
        **more,
    )


def grown(name: str, costs: Sequence[Sequence[float]], sizes: Sequence[str], **more: Any) -> Row:
    """A row of what a cost grows by: `costs` has the microseconds of each turn, size by size.

    Each turn is compared with its own first size, so what else the machine does meets all sizes alike.
    """
    growth = [median(turn[place] / turn[0] for turn in costs) for place in range(len(sizes))]
    typical = [median(turn[place] for turn in costs) for place in range(len(sizes))]
    parts = [f"{size}: {cost:.1f} µs" for size, cost in zip(sizes, typical, strict=True)]
    return Row(name=name, unit="", ratio=max(growth), most=True, note=", ".join(parts), **more)


def as_json(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """The document of `--json`: each row by its name."""
    return {row.name: _plain(row) for row in rows}


def _plain(row: Row) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("name", "runs")}
    known = {name: value for name, value in fields.items() if value not in (None, "", False)}
    return known | {"runs": [turn._asdict() for turn in row.runs]}
