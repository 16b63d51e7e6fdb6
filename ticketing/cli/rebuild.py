"""`ticketing rebuild`: makes Redis' counts anew from SQL and the log, and reopens what was recovering."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ticketing.cli.options import AsJson, DataDir, print_json, services_of

if TYPE_CHECKING:
    from ticketing.bootstrap import Services
    from ticketing.services.rebuild import GroupRebuilt

PROBLEMS_SHOWN_MAX = 20

Events = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EVENT]...", help="Events (or groups) to rebuild even if nothing seems wrong."),
]
Everything = Annotated[bool, typer.Option("--all", help="Rebuild every group on sale, as with all names.")]


def rebuild(
    events: Events = None, everything: Everything = False, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Make Redis' counts from SQL and the log, and reopen what was recovering. Safe to interrupt and to repeat.

    Without a name: the groups that are recovering, and no other. Holds that were not confirmed are void, and
    their members are told. Exit 1 when something needs a person.

    Example: ticketing rebuild --data-dir /srv/ticketing
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with services_of(data_dir) as services, bar:
        done = []
        for group_id in _wanted(services, events or (), everything):
            task = bar.add_task(group_id, total=None)
            done.append(services.rebuilds.rebuild(group_id, _shown(bar.update, task)))
    if as_json:
        print_json({"groups": done, "ok": not any(group.problems for group in done)})
    else:
        _tell(done, everything)
    raise typer.Exit(1 if any(group.problems for group in done) else 0)


def _wanted(services: "Services", events: Sequence[str], everything: bool) -> list[str]:
    services.keeper.ping()
    if everything:
        return services.recovery.groups()
    if events:
        return list(dict.fromkeys(services.rebuilds.group_of(event) for event in events))
    return list(services.recovery.recovering())


def _shown(update: Callable[..., None], task: int) -> Callable[[int, int], None]:
    return lambda done, total: update(task, completed=done, total=total or None)


def _tell(done: Sequence["GroupRebuilt"], everything: bool) -> None:
    if not done:
        all_well = "nothing is recovering; name an event to rebuild it all the same"
        typer.echo("there is no sale to rebuild" if everything else all_well)
    for group in done:
        typer.echo(
            f"{group.group}: {group.orders:,} orders and {group.tickets:,} tickets, "
            f"{group.brought_back:,} orders brought back, {group.voided_holds:,} holds void, {group.seconds:.1f} s"
        )
        for problem in group.problems[:PROBLEMS_SHOWN_MAX]:
            typer.echo(f"  {problem}")
        if len(group.problems) > PROBLEMS_SHOWN_MAX:
            typer.echo(f"  and {len(group.problems) - PROBLEMS_SHOWN_MAX:,} more; --json names all")
