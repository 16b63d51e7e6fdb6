"""`ticketing staff …`: the accounts of those who work here."""

from typing import Annotated

import typer

from ticketing.cli.options import AsJson, DataDir, print_json, services_of

app = typer.Typer(help="The accounts of staff.", no_args_is_help=True)

Role = Annotated[str, typer.Option(help="admin, manager, clerk or auditor.")]
Organisation = Annotated[
    str, typer.Option(help="The id of the organisation; the role holds there and below.")
]
RootName = Annotated[
    str | None,
    typer.Option(help="On a new instance: make that organisation, the root of all, with this name."),
]


@app.command("add")
def add(
    username: str,
    role: Role,
    organisation: Organisation,
    root_name: RootName = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add an account with a random password, which is shown this once.

    Example: ticketing staff add wang --role admin --organisation district --root-name 区总工会
    """
    from ticketing.services.staff import StaffService

    with services_of(data_dir) as services:
        staff = StaffService(services.sessions, services.clock)
        if root_name is not None:
            staff.add_root(organisation, root_name)
        password = staff.add_staff(username, role, organisation)
    if as_json:
        print_json({"username": username, "password": password, "role": role})
    else:
        typer.echo(f"{username} ({role} of {organisation}) signs in with the password {password}")


@app.command("disable")
def disable(username: str, data_dir: DataDir = None) -> None:
    """Let an account sign in no more, and end its sessions.

    Example: ticketing staff disable wang
    """
    with services_of(data_dir) as services:
        services.staff.disable(username)
    typer.echo(f"{username} is signed out and can sign in no more; `ticketing staff enable` undoes it")


@app.command("enable")
def enable(username: str, data_dir: DataDir = None) -> None:
    """Let a disabled account sign in again.

    Example: ticketing staff enable wang
    """
    with services_of(data_dir) as services:
        services.staff.enable(username)
    typer.echo(f"{username} can sign in again, with the password it had")


@app.command("reset-password")
def reset_password(username: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Give an account another random password, which is shown this once, and end its sessions.

    Example: ticketing staff reset-password wang
    """
    with services_of(data_dir) as services:
        password = services.staff.reset_password(username)
    if as_json:
        print_json({"username": username, "password": password})
    else:
        typer.echo(f"{username} signs in with the password {password}")


@app.command("reset-second-factor")
def reset_second_factor(username: str, data_dir: DataDir = None) -> None:
    """Take away an account's second factor when its authenticator is lost, and end its sessions.

    Example: ticketing staff reset-second-factor wang
    """
    with services_of(data_dir) as services:
        had_one = services.staff_help.reset_second_factor(None, username)
    had = "its second factor is gone" if had_one else "it had no second factor"
    typer.echo(f"{username} is signed out; {had}")


@app.command("unlink-provider")
def unlink_provider(username: str, data_dir: DataDir = None) -> None:
    """Let the sign-in provider open an account no more until its person links it again, and end its sessions.

    Example: ticketing staff unlink-provider wang
    """
    with services_of(data_dir) as services:
        was_linked = services.staff_help.unlink_provider(None, username)
    was = "the provider opens it no more" if was_linked else "it was not linked"
    typer.echo(f"{username} is signed out; {was}")


@app.command("end-sessions")
def end_sessions(username: str, data_dir: DataDir = None) -> None:
    """Sign an account out everywhere, within two seconds.

    Example: ticketing staff end-sessions wang
    """
    with services_of(data_dir) as services:
        services.staff_help.end_sessions(None, username)
    typer.echo(f"{username} is signed out everywhere")
