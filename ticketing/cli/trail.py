"""`ticketing trail …`: the audit trail. `ticketing doctor` verifies it."""

from typing import Annotated

import typer

from ticketing.cli.options import DataDir, services_of

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.callback()
def _family() -> None:
    """Keep `accept` a verb of its own though it is the only one."""


@app.command("accept")
def accept(
    reason: Annotated[str, typer.Argument(help="Why entries are missing; it is kept in the trail.")],
    data_dir: DataDir = None,
) -> None:
    """Go on after a restored backup: say that the trail ends earlier than it did, and why.

    Example: ticketing trail accept "restored the database of 1 May, 08:00, after a disk failure"
    """
    with services_of(data_dir) as services:
        services.witness.accept(reason)
    typer.echo("The trail goes on from here; what was missing, and your reason, are its newest entry.")
