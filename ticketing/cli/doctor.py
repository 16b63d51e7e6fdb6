"""`ticketing doctor`: whether an instance is fit for a sale."""

from contextlib import closing

import typer

from ticketing.cli.options import AsJson, DataDir, instance_of, print_json, settings_of


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check servers, durability, secrets, migrations, audit trail, clock, disk and workers, and say how to mend each.

    Exit 1 when something is wrong.

    Example: ticketing doctor --data-dir /srv/ticketing
    """
    from ticketing.bootstrap import build, patient_of
    from ticketing.queue.heartbeat import last_heartbeat_ms
    from ticketing.services.doctor import Doctor

    with closing(build(instance_of(data_dir))) as services:
        heartbeat = lambda: last_heartbeat_ms(services.queue_redis)  # noqa: E731
        embedded = settings_of(data_dir).redis_url is None
        diagnosis = Doctor(patient_of(services, embedded, heartbeat)).examine()
    if as_json:
        print_json(diagnosis)
    else:
        for check in diagnosis.checks:
            typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.found}")
            if check.mend:
                typer.echo(f"     {check.mend}")
            if check.command:
                typer.echo(f"     $ {check.command}")
    raise typer.Exit(0 if diagnosis.ok else 1)
