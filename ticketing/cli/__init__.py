"""The `ticketing` command: one module per verb. Verbs import their rooms when they run, so `--help` is quick."""

import sys
from typing import NoReturn

import typer
from pydantic import ValidationError

from ticketing.cli import (
    audit,
    backup,
    bench,
    cards,
    database,
    demo,
    doctor,
    members,
    openapi,
    parts,
    rebuild,
    rush,
    staff,
    trail,
    up,
)
from ticketing.errors import Misconfigured, Refusal, TicketingError

FOUND_WRONG, WRONG_USE = 1, 2

app = typer.Typer(
    name="ticketing",
    help="The ticket engine of a members' card.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("api")(parts.api)
app.command("worker")(parts.worker)
app.command("rush")(rush.rush)
app.command("audit")(audit.audit)
app.command("bench")(bench.bench)
app.command("rebuild")(rebuild.rebuild)
app.command("backup")(backup.backup)
app.command("doctor")(doctor.doctor)
app.command("openapi")(openapi.openapi)
app.add_typer(cards.app, name="cards")
app.add_typer(members.app, name="members")
app.add_typer(staff.app, name="staff")
app.add_typer(trail.app, name="trail")
app.add_typer(database.app, name="db")


def main() -> None:
    """Run the command line: exit 0 done, 1 found something wrong, 2 wrong use."""
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        _end(_usage(error), WRONG_USE)
    except ValidationError as error:
        _end(_first_setting(error), WRONG_USE)
    except TicketingError as error:
        _end(_explain(error), WRONG_USE if isinstance(error, Misconfigured) else FOUND_WRONG)
    except (KeyboardInterrupt, typer.Abort):
        _end("stopped", 130)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _end(message: str, code: int) -> NoReturn:
    if message:
        print(f"ticketing: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _usage(error: typer.TyperException) -> str:
    # The members that typer's errors have in common are not in its public type.
    message: str = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ticketing"
    return f"{message.rstrip('.')}; see `{command} --help`" if message else ""


def _explain(error: TicketingError) -> str:
    if isinstance(error, Refusal):
        faults = [f"{fault['field']} {fault['reason']}" for fault in error.facts.get("errors", [])]
        return "; ".join(faults) or f"refused: {error.code}"
    cause = getattr(error.__cause__, "orig", error.__cause__)  # SQLAlchemy wraps the driver's own words
    return f"{error} ({cause})" if cause and not isinstance(error, Misconfigured) else str(error)


def _first_setting(error: ValidationError) -> str:
    first = error.errors()[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    return f"TICKETING_{name}: {first['msg'].removeprefix('Value error, ')}; see docs/settings.md"
