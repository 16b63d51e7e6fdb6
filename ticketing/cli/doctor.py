"""`ticketing doctor`: whether an instance is fit for a sale."""

from contextlib import closing

import typer

from ticketing.cli.options import AsJson, DataDir, instance_of, print_json


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check servers, durability, secrets, migrations, clock, disk and workers, and say how to mend each.

    Exit 1 when something is wrong.

    Example: ticketing doctor --data-dir /srv/ticketing
    """
    from ticketing.bootstrap import build
    from ticketing.queue.heartbeat import last_heartbeat_ms
    from ticketing.services.doctor import Doctor

    settings = instance_of(data_dir)
    secret = settings.secret_key.get_secret_value() if settings.secret_key else ""
    with closing(build(settings)) as services:
        heartbeat = lambda: last_heartbeat_ms(services.queue_redis)  # noqa: E731
        examiner = Doctor(
            services.keeper,
            services.engine,
            services.witness,
            settings.data_dir,
            secret,
            heartbeat,
            services.recovery.recovering,
        )
        diagnosis = examiner.examine()
    if as_json:
        print_json(diagnosis)
    else:
        for check in diagnosis.checks:
            typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.found}")
            if check.mend:
                typer.echo(f"     {check.mend}")
    raise typer.Exit(0 if diagnosis.ok else 1)
