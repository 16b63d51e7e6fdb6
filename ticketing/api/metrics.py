"""Numbers for Prometheus: what all API processes have answered, and how the sales stand.

Counters are added once a second from each process's tally. With `PROMETHEUS_MULTIPROC_DIR` set (the server
sets it before this module is first imported) they live in files that every process reads, so any process
answers for all. How a sale stands comes from the board of the process asked.
"""

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ticketing.api.board import EventBoard
from ticketing.api.tally import Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_COUNTED = CollectorRegistry()
_ANSWERS = Counter("ticketing_answers", "Answers by call and status.", ["call", "status"], registry=_COUNTED)
_SECONDS = Counter("ticketing_answer_seconds", "Time spent on answers by call.", ["call"], registry=_COUNTED)
_REFUSALS = Counter(
    "ticketing_refusals", "Refused holds by event and code.", ["event", "code"], registry=_COUNTED
)


class Metrics:
    """Takes in a process's tally, and writes the page that Prometheus reads."""

    def __init__(self, board: EventBoard) -> None:
        self._board = board

    def take(self, tally: Tally) -> None:
        """Add the answers counted since the last time."""
        answers, seconds = tally.take_answers()
        for (call, status), count in answers.items():
            _ANSWERS.labels(call, status).inc(count)
        for call, spent in seconds.items():
            _SECONDS.labels(call).inc(spent)

    def take_refusals(self, counts: dict[tuple[str, str], int]) -> None:
        """Add refusals by (event id, code)."""
        for (event_id, code), count in counts.items():
            _REFUSALS.labels(event_id, code).inc(count)

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        sales = CollectorRegistry()
        sales.register(_Sales(self._board))
        return generate_latest(_counted()) + generate_latest(sales)


def _counted() -> CollectorRegistry:
    if DIRECTORY_VARIABLE not in os.environ:
        return _COUNTED
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class _Sales(Collector):
    def __init__(self, board: EventBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        backlog = GaugeMetricFamily(
            "ticketing_backlog_entries", "Log entries SQL has yet to take.", labels=["group"]
        )
        for group_id, count in self._board.backlogs().items():
            backlog.add_metric([group_id], count)
        yield backlog
        recovering = GaugeMetricFamily(
            "ticketing_recovering", "1: the group waits for a rebuild.", labels=["group"]
        )
        for group_id in self._board.recovering():
            recovering.add_metric([group_id], 1)
        yield recovering
        yield from self._tickets()

    def _tickets(self) -> Iterator[Metric]:
        tickets = GaugeMetricFamily(
            "ticketing_tickets", "Tickets of a quota by state.", labels=["event", "quota", "state"]
        )
        for event_id, number, counts in self._board.counts():
            for state in ("capacity", "withheld", "held", "sold", "available"):
                tickets.add_metric([event_id, str(number), state], getattr(counts, state))
        yield tickets
