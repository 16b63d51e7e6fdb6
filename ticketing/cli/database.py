"""`ticketing db …`: the SQL database itself."""

import typer

from ticketing.cli.options import DataDir, settings_of

app = typer.Typer(help="The SQL database.", no_args_is_help=True)


@app.callback()
def _family() -> None:
    """Keep `upgrade` a verb of its own though it is the only one."""


@app.command("upgrade")
def upgrade(data_dir: DataDir = None) -> None:
    """Bring the database to the version this release needs. Safe to repeat.

    Example: TICKETING_DATABASE_URL=postgresql://... TICKETING_SECRET_KEY=... ticketing db upgrade
    """
    from ticketing.embedded.instance import resolve, upgrade_database

    typer.echo(f"The database is at version {upgrade_database(resolve(settings_of(data_dir)))}.")
