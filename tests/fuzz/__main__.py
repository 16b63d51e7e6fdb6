"""`./dev scripts/fuzz`: a hundred thousand bad requests to a real instance; every answer is one that is documented.

Exit 1 when one was not, when anything broke, or when a log has a traceback. Ctrl-C ends it with what was seen so far.
"""

import argparse
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from tests.fuzz.place import open_place
from tests.fuzz.run import Report, Run
from tests.support.postgres import running_postgres

FAULTS_SHOWN = 25
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run as told; the exit code."""
    told = _parsed(arguments)
    with ExitStack() as stack:
        settings = {}
        if told.postgresql:
            settings["TICKETING_DATABASE_URL"] = stack.enter_context(running_postgres()).url
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        run = Run(stack.enter_context(open_place(folder, settings)))
        signal.signal(signal.SIGINT, lambda *_: run.stop())
        _send(run, told)
        report = run.look_into_log()
    print(*said(report, told.seed), sep="\n")
    return 1 if report.faults else INTERRUPTED if report.interrupted else 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--requests", type=int, default=100_000, help="how many (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same requests")
    parser.add_argument("--only", type=int, metavar="N", help="send request N of the seed and nothing else")
    parser.add_argument(
        "--generated",
        type=int,
        default=25,
        metavar="N",
        help="of them so many right and so many wrong ones of each call by schemathesis (default: 25)",
    )
    parser.add_argument("--postgresql", action="store_true", help="over PostgreSQL instead of SQLite")
    return parser.parse_args(arguments)


def _send(run: Run, told: argparse.Namespace) -> None:
    columns = ("sending", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    numbers = range(told.requests) if told.only is None else [told.only]
    each = 0 if told.only is not None else min(told.generated, told.requests)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("sending", total=len(numbers))
        requests = chain(run.generated(told.seed, each), run.hand_made(told.seed, numbers))
        run.send(islice(requests, len(numbers)), lambda done: bars.update(task, completed=done))


def said(report: Report, seed: int) -> list[str]:
    """What a run has seen, in words."""
    by_route: dict[str, Counter[int]] = defaultdict(Counter)
    for (method, route, status), count in sorted(report.answers.items()):
        by_route[f"{method} {route}"][status] += count
    words = {0: "closed", -1: "silence"}
    return [
        *(
            f"{route:64} " + "  ".join(f"{words.get(s, s)}: {count:,}" for s, count in sorted(counts.items()))
            for route, counts in by_route.items()
        ),
        "",
        "kinds: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(report.kinds.items())),
        *report.faults[:FAULTS_SHOWN],
        f"{report.requests:,} requests of seed {seed} in {report.seconds:.0f} s"
        + (", interrupted" if report.interrupted else ""),
        f"answers from 500 up, undocumented answers, tracebacks: {len(report.faults)}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
