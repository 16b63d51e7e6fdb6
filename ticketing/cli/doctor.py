"""`ticketing doctor`: is this instance fit for a sale?"""

import typer

from ticketing.cli.options import AsJson, DataDir, instance_of, print_json


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check servers, durability, secrets, migrations, clock, disk and workers, and say how to mend each.

    Exit 1 when something is wrong.

    Example: ticketing doctor --data-dir /srv/ticketing
    """
    from ticketing.services.doctor import examine

    report = examine(instance_of(data_dir))
    if as_json:
        print_json(report)
    else:
        for check in report.checks:
            typer.echo(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.found}")
            if not check.ok:
                typer.echo(f"     {check.mend}")
    raise typer.Exit(0 if report.ok else 1)
