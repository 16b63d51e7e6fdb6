"""`ticketing rush`: replay a sell-out before the real one."""

from pathlib import Path
from typing import Annotated

import typer

from ticketing.cli.options import DataDir, settings_of

Scenario = Annotated[str, typer.Argument(help="For example art-exhibition; an unknown name lists them all.")]
Cards = Annotated[
    int | None, typer.Option(min=1, help="How many cards take part.", show_default="the scenario's")
]
Users = Annotated[
    int | None, typer.Option(min=1, help="How many act at once.", show_default="the scenario's")
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="A running instance started with `up --rehearsal`.", show_default="a throw-away one"),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here.", dir_okay=False)]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", help="Write a report with charts here.", dir_okay=False)
]


def rush(
    scenario: Scenario,
    cards: Cards = None,
    users: Users = None,
    base_url: BaseUrl = None,
    data_dir: DataDir = None,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Sell a scenario out with a crowd, then judge: anything oversold, over a limit, lost or doubled?

    Exit 1 if so. `--data-dir` says where the instance of `--base-url` keeps its data.

    Example: ticketing rush art-exhibition --html report.html
    """
    from ticketing.rehearsal.rush import Wish, run

    sound = run(Wish(scenario, cards, users, base_url, json, html), settings_of(data_dir))
    raise typer.Exit(0 if sound else 1)
