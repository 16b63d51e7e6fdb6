"""`ticketing cards …`: members and their cards."""

from pathlib import Path
from typing import Annotated

import typer

from ticketing.cli.options import DataDir, services_of

app = typer.Typer(help="Members and their cards.", no_args_is_help=True)

CardFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV or XLSX.")]


@app.callback()
def _family() -> None:
    """Keep `import` a verb of its own though it is the only one."""


@app.command("import")
def import_file(file: CardFile, data_dir: DataDir = None) -> None:
    """Import cards: new ones come in, known ones change or move, none is doubled.

    Columns: card_number, name, organisation (its id or name), pin; optionally phone and status. Every
    line that cannot be taken is named, and then the exit code is 1.

    Example: ticketing cards import cards.xlsx
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ticketing.services.card_import import import_cards

    bar = Progress(
        TextColumn("Importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with services_of(data_dir) as services, bar:
        task = bar.add_task("import", total=None)
        report = import_cards(
            file,
            services.sessions,
            services.keyring,
            services.clock,
            lambda done, total: bar.update(task, completed=done, total=total or None),
        )
    for line, reason in report.refused:
        typer.echo(f"line {line}: {reason}")
    typer.echo(f"{report.accepted} accepted, {report.changed} of them changed, {len(report.refused)} refused")
    raise typer.Exit(1 if report.refused else 0)
