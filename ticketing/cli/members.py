"""`ticketing members …`: what members may ask of an operator."""

from typing import Annotated

import typer

from ticketing.cli.options import DataDir, services_of

app = typer.Typer(help="What members may ask of an operator.", no_args_is_help=True)

CardNumber = Annotated[
    str,
    typer.Option(prompt="Card number", help="Asked for when it is not given, so that no history keeps it."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]


@app.callback()
def _family() -> None:
    """Keep `erase` a verb of its own though it is the only one."""


@app.command("erase")
def erase(card_number: CardNumber, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Erase a member for good: name, telephone, PIN, logins, messages; their card ends. Orders stay without a person.

    Refused while tickets are to be collected, in hand, or to be paid back.

    Example: ticketing members erase
    """
    with services_of(data_dir) as services:
        person = services.erasure.person(card_number)
        if not yes:
            typer.confirm(
                f"Erase {person.name}, card ending {person.last_four}, for good?", abort=True, err=True
            )
        services.erasure.erase(card_number)
    typer.echo("erased; take the line out of the file of cards, or the next import makes a new member of it")
