"""`./dev scripts/kills`: `kill -9` again and again while twenty thousand orders are sold; none lost, none doubled.

API, worker, Valkey, all of it, and PostgreSQL where it is used, are killed by turns, evenly over the orders. At the
end what the clients were told is compared with Redis and SQL. Exit 1 when it is not the same.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from tests.faults.clients import Crowd
from tests.faults.judge import Violation, judge
from tests.faults.kinds import KINDS, Scene
from tests.faults.records import Records
from tests.faults.run import IDLE_SECONDS_MAX, SETTLED_SECONDS_MAX
from tests.faults.servers import POSTGRESQL, SQLITE
from tests.faults.world import World

KILLS = ("API killed", "worker killed", "Valkey killed", "power cut")
SELLING_SECONDS_MAX = 900.0
"""How long the orders between two kills may take."""


class Series(NamedTuple):
    """How many orders, how many kills, over what, by which seed."""

    orders: int
    kills: int
    database: str
    seed: int = 1


class Result(NamedTuple):
    """What a series has seen."""

    killed: Counter[str]
    records: Records
    without_orders: list[float]
    """After each kill, the seconds until somebody was told of an order."""
    violations: list[Violation]


def run(folder: Path, series: Series, tell: Callable[[str], object]) -> Result:
    """Sell, kill, and judge."""
    records, killed = Records(), Counter[str]()
    dice = random.Random(series.seed)
    moments: list[float] = []
    with (
        World(folder, series.database, series.seed) as world,
        Crowd(world, records, series.seed, thinking=0.0) as crowd,
    ):
        crowd.play()
        names = (*KILLS, "PostgreSQL killed") if series.database == POSTGRESQL else KILLS
        for number, name in enumerate(islice(cycle(names), series.kills), 1):
            _sell(world, records, series.orders * number // (series.kills + 1))
            KINDS[name].strike(Scene(world, records, dice))
            moments.append(time.monotonic())
            killed[name] += 1
            tell(f"{len(records.orders):>7,} orders, kill {number:>3}: {name}")
        _sell(world, records, series.orders)
        crowd.rest()
        assert world.wait_for(lambda: crowd.is_idle, IDLE_SECONDS_MAX), "clients wait for answers"
        assert world.wait_for(world.is_settled, SETTLED_SECONDS_MAX), "SQL waits for the log"
        violations = [Violation("lost", f"never answered: {text}") for text in crowd.unanswered]
        violations += judge(world, records)
    return Result(killed, records, [records.first_confirm_after(at) - at for at in moments], violations)


def _sell(world: World, records: Records, orders: int) -> None:
    sold = world.wait_for(lambda: len(records.confirms) >= orders, SELLING_SECONDS_MAX)
    assert sold, f"nobody buys any longer\n{world.said()}"


def summary(result: Result) -> list[str]:
    """The result in words."""
    kinds = Counter(violation.kind for violation in result.violations)
    waits = result.without_orders
    return [
        *map(str, result.violations[:20]),
        "killed: " + ", ".join(f"{name.removesuffix(' killed')} {n}" for name, n in result.killed.items()),
        f"{result.killed.total()} kills over {len(result.records.orders):,} acknowledged orders",
        f"{result.records.doubts.total():,} doubts, {result.records.refusals.total():,} refusals",
        f"somebody bought again after {statistics.median(waits):.2f} s (median), {max(waits):.2f} s (longest)",
        f"acknowledged lost: {kinds.pop('lost', 0)}, doubled: {kinds.pop('doubled', 0)}, others: {kinds.total()}",
    ]


def main(arguments: list[str]) -> int:
    """Run as told; the exit code."""
    parser = argparse.ArgumentParser(prog="kills", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=28)
    parser.add_argument("--database", choices=[SQLITE, POSTGRESQL], default=SQLITE)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    series = Series(told.orders, told.kills, told.database, told.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        result = run(Path(folder) / "world", series, _say)
    _say(*summary(result))
    return 1 if result.violations else 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
