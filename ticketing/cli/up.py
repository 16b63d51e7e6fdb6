"""`ticketing up`: everything an instance needs, in one command."""

from typing import Annotated

import typer

from ticketing.cli.options import DataDir, settings_of
from ticketing.cli.parts import Host, Port

ApiProcesses = Annotated[
    int, typer.Option(min=1, max=64, help="API processes; more of them make smaller batches.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")]

Rehearsal = Annotated[bool, typer.Option("--rehearsal", help="Let `ticketing rush` sell this instance out.")]


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
    api_processes: ApiProcesses = 1,
    workers: Workers = 1,
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal", help="Let `ticketing rush` sell this instance out.")
    ] = False,
) -> None:
    """Run the API, the worker and its schedule, and the embedded servers for whatever has no URL.

    Ctrl-C or SIGTERM stops all of it.

    Example: ticketing up --port 9000 --data-dir /srv/ticketing
    """
    from ticketing.embedded.supervisor import Plan, supervise

    settings = settings_of(data_dir)
    if rehearsal:
        settings = settings.model_copy(update={"rehearsal": True})
    supervise(settings, Plan(host, port, api_processes, workers), say=typer.echo)
