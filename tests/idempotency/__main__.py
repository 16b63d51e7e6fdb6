"""`./dev scripts/idempotency`: ten thousand keys, each sent one to five times while parts of the instance are killed.

Exit 1 when a key had two effects, or two answers. Ctrl-C ends it, and the instance with it.
"""

import argparse
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.idempotency.run import Plan, Report, kinds, run
from tests.idempotency.town import PARTS, Town

MEMBERS = 500
FAULTS_SHOWN = 20


def main(arguments: list[str]) -> int:
    """Run as told; the exit code."""
    parser = argparse.ArgumentParser(prog="idempotency", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--keys", type=int, default=10_000, help="keys of bookings (default: ten thousand)")
    parser.add_argument("--kills", type=int, default=12, help="how often something is killed (default: 12)")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    few, kills = told.keys // 20, tuple(islice(cycle(PARTS), told.kills))
    plan = Plan(told.keys, few, few, kills, told.seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Town(Path(folder) / "data", MEMBERS) as town,
        Progress(console=Console(stderr=True), transient=True) as bars,
    ):
        task = bars.add_task("sending", total=told.keys + few)
        report = run(town, plan, lambda begun, _: bars.update(task, completed=begun))
    print(*said(report), sep="\n")
    return 1 if report.faults else 0


def said(report: Report) -> list[str]:
    """What a run has seen, in words."""
    return [
        f"{report.keys:,} keys and holds, {report.answers:,} answers in {report.seconds:.0f} s",
        f"killed: {kinds(report)}",
        f"sent again because nobody answered: {report.unanswered:,}; answered as before: {report.replayed:,}",
        *report.faults[:FAULTS_SHOWN],
        f"keys with two effects or two answers: {len(report.faults)}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
