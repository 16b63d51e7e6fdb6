"""`ticketing backup`: a copy of a running instance, to restore from."""

from pathlib import Path
from typing import Annotated

import typer

from ticketing.cli.options import AsJson, DataDir, instance_of, print_json, settings_of

Folder = Annotated[Path, typer.Argument(help="Where to: a folder that does not exist yet.", file_okay=False)]


def backup(folder: Folder, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Copy Redis' log, the database and the secret of an instance, also while it sells.

    Of servers of your own it says what you save yourself. docs/operations.md says how to restore.

    Example: ticketing backup /srv/backup/2026-05-01
    """
    from rich.console import Console

    from ticketing.embedded.backup import back_up

    settings = instance_of(data_dir)
    is_log_ours = settings_of(data_dir).redis_url is None
    with Console(stderr=True).status("copying") as status:
        done = back_up(
            settings, is_log_ours, folder.absolute(), lambda what: status.update(f"copying {what}")
        )
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done.folder} holds {len(done.holds)} files, {sum(done.holds.values()):,} bytes")
    for missing in done.missing:
        typer.echo(f"not in it: {missing}")
