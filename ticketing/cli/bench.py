"""`ticketing bench`: how fast this release is here, against baselines in the same run."""

import sys
from typing import Annotated

import typer

from ticketing.cli.options import AsJson, print_json

Seconds = Annotated[float, typer.Option(min=0.2, max=60, help="The length of one turn of an HTTP row.")]
Only = Annotated[
    list[str] | None,
    typer.Option(help="endpoints, engine, drain or desk; may be given more than once.", show_default="all"),
]
Postgres = Annotated[
    str | None,
    typer.Option(help="An empty PostgreSQL database to measure drain and desk on, beside SQLite."),
]
Holds = Annotated[
    int, typer.Option(min=10_000, max=1_000_000, help="Holds of the largest sale, and tickets weighed.")
]


def bench(
    json: AsJson = False,
    seconds: Seconds = 2.0,
    only: Only = None,
    postgres: Postgres = None,
    holds: Holds = 1_000_000,
) -> None:
    """Measure hold, confirm, refusal, pages, engine, drain, desk and memory on servers of its own; takes minutes.

    Each ratio is the median of five turns of ours and the baseline. Nothing of an instance here is touched, but
    the machine should do nothing else meanwhile.

    Example: ticketing bench --only endpoints --seconds 1
    """
    from ticketing.bench.command import ROOMS, Table, run
    from ticketing.bench.figures import as_json
    from ticketing.errors import Misconfigured

    rooms = tuple(only or ROOMS)
    if unknown := set(rooms) - set(ROOMS):
        raise Misconfigured(
            f"there is nothing called {', '.join(sorted(unknown))}; choose of {', '.join(ROOMS)}"
        )
    table = Table(sys.stderr if json else sys.stdout)
    rows = run(seconds, table.show, rooms, postgres, holds)
    if json:
        print_json(as_json(rows))
