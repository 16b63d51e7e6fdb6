"""`ticketing demo`: an instance with the real campaigns on sale."""

import typer

from ticketing.cli.options import DataDir, settings_of
from ticketing.cli.parts import Host, Port


def demo(host: Host = "127.0.0.1", port: Port = 8000, data_dir: DataDir = None) -> None:
    """Run everything with real campaigns: one open now, one opening in a minute, one sold out.

    Cards, staff and events are in DATA_DIR/demo.json. Ctrl-C or SIGTERM stops all of it.

    Example: ticketing demo --port 9000
    """
    from ticketing.embedded.supervisor import Plan
    from ticketing.rehearsal.demo import run

    run(settings_of(data_dir), Plan(host, port), say=typer.echo)
