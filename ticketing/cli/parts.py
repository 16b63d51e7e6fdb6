"""`ticketing api` and `ticketing worker`: one part each, for several machines."""

from typing import Annotated

import typer

from ticketing.cli.options import DataDir, instance_of

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
    fd: Annotated[
        int | None, typer.Option(hidden=True, help="A listening socket that `up` hands over.")
    ] = None,
) -> None:
    """Serve the API and the pages in one process.

    Example: TICKETING_REDIS_URL=redis://... TICKETING_DATABASE_URL=postgresql://... TICKETING_SECRET_KEY=...
    ticketing api --host 0.0.0.0
    """
    from ticketing.api.server import serve

    serve(instance_of(data_dir), host, port, fd)


def worker(data_dir: DataDir = None) -> None:
    """Record what was sold in SQL, give back what expired, and keep the schedule.

    Example: ticketing worker --data-dir /srv/ticketing
    """
    from ticketing.queue.worker import run

    run(instance_of(data_dir))
