"""`ticketing cards …`: members and their cards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketing.cli.options import DataDir, services_of

if TYPE_CHECKING:
    from ticketing.services.card_import import ImportReport

_MEMORY_MAX = 3 * 1024**3
"""Addresses that a process may take that reads other people's files; a district's workbook takes a tenth."""

app = typer.Typer(help="Members and their cards.", no_args_is_help=True)

CardFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV or XLSX.")]
Check = Annotated[
    bool, typer.Option("--check", help="Say what would be added, changed, moved and refused; write nothing.")
]
RefusedFile = Annotated[
    Path | None,
    typer.Option(
        "--refused",
        metavar="FILE",
        dir_okay=False,
        help="Write the refused lines into this CSV, each with its reason, to mend and import again. "
        "It holds card numbers and PINs as they were sent.",
    ),
]


@app.command("import")
def import_file(
    file: CardFile, check: Check = False, refused: RefusedFile = None, data_dir: DataDir = None
) -> None:
    """Import cards: new ones come in, known ones change or move, none is doubled.

    Columns: card_number, name, organisation (its id or name), pin; optionally phone and status. Every
    line that cannot be taken is named, and then the exit code is 1.

    Example: ticketing cards import cards.xlsx --check
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ticketing.services.card_import import import_cards

    bar = Progress(
        TextColumn("Checking" if check else "Importing"),
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
            rehearse=check,
        )
    _tell(report, check)
    if refused is not None:
        _write(refused, report)
    raise typer.Exit(1 if report.refused else 0)


@app.command("work", hidden=True)
def work(
    runner: Annotated[str, typer.Option(help="The worker's name for what is started.")],
    data_dir: DataDir = None,
) -> None:
    """Check and import the lists that staff sent over the pages, until none waits; a worker starts this by itself.

    Example: ticketing cards work --runner by-hand
    """
    import resource

    from ticketing.services.import_work import ImportWork

    # A workbook that says less of its size than there is ends this process, and is given up after some tries.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = _MEMORY_MAX if hard == resource.RLIM_INFINITY else min(hard, _MEMORY_MAX)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    with services_of(data_dir) as services:
        services.keeper.now_ms()  # the clock of all processes
        ImportWork(services.sessions, services.keyring, services.clock, runner).run()


def _tell(report: "ImportReport", check: bool) -> None:
    for line, reason in report.refused:
        typer.echo(f"line {line}: {reason}")
    what = f"{report.accepted} accepted, {report.changed} of them changed, {len(report.refused)} refused"
    if check:
        what += f"; {report.added} would be new and {report.moved} would move. Nothing was written"
    typer.echo(what)


def _write(path: Path, report: "ImportReport") -> None:
    from ticketing.services.card_refusals import refusals_csv

    path.touch(mode=0o600)
    with path.open("wb") as file:
        file.writelines(refusals_csv(report.lines))
    typer.echo(f"{len(report.lines)} refused lines are in {path}", err=True)
