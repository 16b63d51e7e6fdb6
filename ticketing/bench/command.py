"""Runs the bench: every row as it is measured, and all of them at the end."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

from ticketing.bench.arena import Arena, arena
from ticketing.bench.crowded import among_events
from ticketing.bench.desk import Desk
from ticketing.bench.drain import IntoSql
from ticketing.bench.endpoints import Endpoints
from ticketing.bench.engine import Engine, among_holds
from ticketing.bench.figures import Row
from ticketing.bootstrap import AsyncServices

HOLDS_MOST = 1_000_000
"""Holds of the largest sale, and tickets sold when memory is weighed."""

ROOMS = ("endpoints", "engine", "drain", "desk")
"""What can be measured by itself."""

Show = Callable[[Row], object]


def run(
    seconds: float,
    show: Show,
    rooms: Sequence[str] = ROOMS,
    postgres: str | None = None,
    most: int = HOLDS_MOST,
) -> list[Row]:
    """Measure and return every row; `show` gets each as soon as it is there.

    `seconds` is the length of one turn of an HTTP row. `postgres` is the URL of an empty database; without one
    the rows of SQL are SQLite's alone. Raises `ArenaFailed`.
    """
    rows: list[Row] = []
    for row in _measured(seconds, rooms, postgres, most):
        show(row)
        rows.append(row)
    return rows


def _measured(seconds: float, rooms: Sequence[str], postgres: str | None, most: int) -> Iterator[Row]:
    if "endpoints" in rooms:
        with _stage() as (where, services):
            yield from Endpoints(where, services, seconds).rows()
        with _folder() as folder:
            yield among_events(folder, seconds)
    if "engine" in rooms:
        with _stage() as (where, services):
            yield from Engine(where, services, most).rows()
        with _folder() as folder:
            yield among_holds(folder, most)
    if "drain" in rooms or "desk" in rooms:
        for url in (None, postgres) if postgres else (None,):
            with _stage(url) as (where, services):
                yield from _of_sql(where, services, rooms)


def _of_sql(where: Arena, services: AsyncServices, rooms: Sequence[str]) -> Iterator[Row]:
    """The rows of one database, which was empty: the drain's first, since the desk fills it."""
    if "drain" in rooms:
        yield from IntoSql(where, services).rows()
    if "desk" in rooms:
        yield from Desk(where, services).rows()


@contextmanager
def _stage(database_url: str | None = None) -> Iterator[tuple[Arena, AsyncServices]]:
    with (
        _folder() as folder,
        arena(folder, database_url) as where,
        closing(where.services()) as services,
    ):
        yield where, services


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ticketing-bench-") as folder:
        yield Path(folder)


class Table:
    """Prints rows as they come, for people."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._say(f"{'row':34} {'ours':>10} {'baseline':>10} {'ratio':>7}  {'target':>9} {'':6} unit")

    def show(self, row: Row) -> None:
        """Print one row."""
        sign = {True: "met", False: "missed", None: ""}[row.is_met]
        target = "" if row.target is None else f"{'≤' if row.most else '≥'} {row.target:g}"
        figures = [f"{_short(row.ours):>10} {_short(row.baseline):>10} {_ratio(row.ratio):>7}"]
        if row.ratio is None:
            figures = [f"{_short(row.value):>10} {'':>10} {'':>7}"]
        self._say(f"{row.name:34} {figures[0]}  {target:>9} {sign:6} {row.unit}")
        for detail in _details(row):
            self._say(f"{'':34} {detail}")

    def _say(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()


def _details(row: Row) -> Iterator[str]:
    if row.note:
        yield row.note
    if row.client_cpu is not None:
        yield f"the load client took {row.client_cpu:.0%} of a core"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:,.1f}" if number < 1_000 else f"{number:,.0f}"


def _ratio(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"
