"""What a hold costs a process with more and more events on sale.

Each number of events has an arena of its own, and they are measured in turns: in one arena after another number the
holds of before would be part of the cost.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ticketing import bootstrap
from ticketing.bench import hammering
from ticketing.bench.arena import Arena, arena
from ticketing.bench.endpoints import PER_SECOND_MOST, TURNS, hold_request
from ticketing.bench.figures import Row, grown
from ticketing.bench.hammering import Order
from ticketing.bench.sale import Sale, put_on_sale

EVENTS = (1, 100, 1_000)
BOARD_SECONDS = 3.0
"""How long until every process has read new events."""


@dataclass
class Crowd:
    """One event that sells, among others that do not."""

    arena: Arena
    sale: Sale

    def cost(self, seconds: float) -> float:
        """Microseconds of this machine for one hold."""
        number = int(seconds * PER_SECOND_MOST)
        requests = (hold_request(self.sale, self.sale.member()) for _ in range(number))
        path = hammering.write_requests(self.arena.directory / "requests", requests)
        order = Order("127.0.0.1", self.arena.port, path, seconds)
        return 1e6 / hammering.hammer(self.arena.directory, order, "201").per_second


def among_events(directory: Path, seconds: float) -> Row:
    """The row; every turn is so many seconds for each number of events."""
    with ExitStack() as stack:
        crowds = [stack.enter_context(_crowd(directory / str(events), events)) for events in EVENTS]
        time.sleep(BOARD_SECONDS)
        costs = [[crowd.cost(seconds) for crowd in crowds] for _ in range(TURNS)]
    names = [f"{events:,} event{'s' if events > 1 else ''}" for events in EVENTS]
    return grown("hold_growth_with_events", costs, names, target=1.15)


@contextmanager
def _crowd(directory: Path, events: int) -> Iterator[Crowd]:
    with arena(directory) as where, closing(bootstrap.build(where.settings)) as services:
        for _ in range(events - 1):
            put_on_sale(services, quotas=1, wait_s=0.0)
        yield Crowd(where, put_on_sale(services))
