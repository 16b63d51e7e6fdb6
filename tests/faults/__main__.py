"""`./dev scripts/faults`: seeded faults in a sale with real processes, judged by what the clients were told.

Faults come in chapters, each with a seed and a world of its own, by turns over SQLite and PostgreSQL. A chapter
that is printed can be played again by its seed. Ctrl-C ends the run with its summary so far; exit 1 when anything
was lost or doubled, or never came back.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.faults.judge import Violation
from tests.faults.kinds import KINDS
from tests.faults.records import Records
from tests.faults.run import Chapter, Outcome, named, play
from tests.faults.servers import POSTGRESQL, SQLITE

CHAPTER_FAULTS_MAX = 30


class Summary:
    """What was seen so far."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.outcomes: list[Outcome] = []
        self.records: list[Records] = []
        self.violations: list[Violation] = []

    def take(self, outcome: Outcome) -> None:
        """Keep an outcome, and print it."""
        self.outcomes.append(outcome)
        self.violations += outcome.violations
        print(
            f"  {len(self.outcomes):>4}  {outcome.kind:<38} buys after {outcome.recovered:5.2f} s, "
            f"in SQL after {outcome.settled:5.2f} s",
            flush=True,
        )
        for violation in outcome.violations:
            print(f"        VIOLATION {violation}", flush=True)

    def lines(self) -> Iterator[str]:
        """The table of recovery times, and the totals."""
        by_kind = defaultdict(list)
        for outcome in self.outcomes:
            by_kind[outcome.kind].append(outcome)
        yield ""
        yield f"{'kind':<40}{'faults':>6}   {'buys again after':^17}   {'in SQL after':^17}"
        yield f"{'':<40}{'':>6}   {'median':>8} {'max':>8}   {'median':>8} {'max':>8}"
        for kind in sorted(by_kind):
            bought, settled = zip(*((o.recovered, o.settled) for o in by_kind[kind]), strict=True)
            times = (statistics.median(bought), max(bought), statistics.median(settled), max(settled))
            cells = [f"{seconds:6.2f} s" for seconds in times]
            yield f"{kind:<40}{len(bought):>6}   {cells[0]} {cells[1]}   {cells[2]} {cells[3]}"
        kinds = Counter(violation.kind for violation in self.violations)
        yield ""
        yield (
            f"{len(self.outcomes):,} faults of {len(by_kind)} kinds in {time.monotonic() - self.began:,.0f} s; "
            f"{self._sum(lambda told: len(told.orders))} orders acknowledged, "
            f"{self._sum(lambda told: len(told.hand_overs))} handed out, "
            f"{self._sum(lambda told: told.refusals.total())} refusals, "
            f"{self._sum(lambda told: told.doubts.total())} doubts"
        )
        lost, doubled = kinds.pop("lost", 0), kinds.pop("doubled", 0)
        yield f"acknowledged lost: {lost}, doubled: {doubled}, other violations: {kinds.total()}"

    def _sum(self, count: Callable[[Records], int]) -> str:
        return f"{sum(map(count, self.records)):,}"


def chapters(faults: int, seed: int, databases: list[str]) -> Iterator[Chapter]:
    """Chapters of even length, by turns over the databases."""
    number = max(len(databases), -(-faults // CHAPTER_FAULTS_MAX))
    for at in range(number):
        length = faults // number + (at < faults % number)
        if length:
            yield Chapter(seed + at // len(databases), length, databases[at % len(databases)])


def main(arguments: list[str]) -> int:
    """Run as told; the exit code."""
    parser = argparse.ArgumentParser(prog="faults", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--faults", type=int, default=60, help="how many altogether (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the first chapter; others count up from it")
    parser.add_argument("--database", choices=[SQLITE, POSTGRESQL], help="only over this one (default: both)")
    parser.add_argument(
        "--kind", action="append", choices=list(KINDS), help="only these kinds, in this order"
    )
    told = parser.parse_args(arguments)
    databases = [told.database] if told.database else [SQLITE, POSTGRESQL]
    summary = Summary()
    try:
        with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="faults-") as folder:
            _play_all(Path(folder), chapters(told.faults, told.seed, databases), told.kind, summary)
    finally:
        print(*summary.lines(), sep="\n")
    return 1 if summary.violations else 0


def _play_all(folder: Path, wanted: Iterator[Chapter], kinds: list[str] | None, summary: Summary) -> None:
    for number, chapter in enumerate(wanted):
        print(
            f"chapter of {chapter.faults} faults over {chapter.database}; again by "
            f"scripts/faults --seed {chapter.seed} --faults {chapter.faults} --database {chapter.database}",
            flush=True,
        )
        only = named(kinds, chapter.seed) if kinds else None
        summary.records.append(Records())
        play(folder / str(number), chapter, summary.records[-1], summary.take, only)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
