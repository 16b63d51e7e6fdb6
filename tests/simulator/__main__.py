"""`./dev scripts/simulate`: random schedules on the real scripts in a real Valkey, beside the reference.

Exit 1 when they disagree: the schedule, made short, is printed and kept in a file that `--replay` takes.
Ctrl-C ends the run with what it has seen so far (exit 130).
"""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.simulator import steps, words
from tests.simulator.run import Disagreement, as_written, run_one, simulate
from tests.simulator.shrink import shrink
from tests.simulator.wire import Wire, load_scripts
from ticketing.embedded.valkey import EmbeddedValkey

FOLDER = Path("var/simulator")
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run as told; the exit code."""
    told = _parser().parse_args(arguments)
    with _server() as wire:
        return _replay(wire, told.replay) if told.replay else _simulate(wire, told.seed, told.steps)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=1_000_000, help="steps at least (default: a million)")
    parser.add_argument(
        "--seed", type=int, default=None, help="the first schedule's seed (default: a new one)"
    )
    parser.add_argument(
        "--replay", type=Path, default=None, metavar="FILE", help="play one kept schedule again"
    )
    return parser


def _simulate(wire: Wire, seed: int | None, wanted: int) -> int:
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    print(f"schedules from seed {seed} on", flush=True)
    with _interrupted() as interrupted, _progress(wanted) as show:
        result = simulate(wire, seed, wanted, show, interrupted)
    print(*words.verdict(result), sep="\n")
    if result.disagreement is not None:
        _report(wire, result.disagreement)
        return 1
    return _INTERRUPTED if interrupted() else 0


def _report(wire: Wire, found: Disagreement) -> None:
    print(
        f"\nseed {found.schedule.seed} disagrees: ./dev scripts/simulate --seed {found.schedule.seed} --steps 1"
    )
    short = shrink(found, lambda schedule: run_one(wire, as_written(schedule)))
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{found.schedule.seed}.json"
    file.write_bytes(steps.write(short.schedule))
    print(*words.story(short), sep="\n")
    print(f"again: ./dev scripts/simulate --replay {file}")


def _replay(wire: Wire, file: Path) -> int:
    schedule = steps.read(file.read_bytes())
    found = run_one(wire, as_written(schedule))
    if found is None:
        print(f"{len(schedule.steps)} steps, and no disagreement")
        return 0
    print(*words.story(found), sep="\n")
    return 1


@contextmanager
def _server() -> Iterator[Wire]:
    """A server of our own with every script loaded; it need not survive, so it syncs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Path(folder))
        server.start()
        try:
            with Redis.from_url(server.url) as client, Wire(str(server.socket)) as wire:
                client.config_set("appendfsync", "no")
                load_scripts(client)
                yield wire
        finally:
            server.stop()


@contextmanager
def _progress(wanted: int) -> Iterator[Callable[[int], None]]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} steps a second"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=wanted, rate=0)

        def show(done: int) -> None:
            elapsed = bars.tasks[task].elapsed or 1.0
            bars.update(task, completed=done, rate=done / elapsed)

        yield show


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Ctrl-C does not end what is under way; it is asked for."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
