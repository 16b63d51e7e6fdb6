"""How far one process of the crowd is, in a small file that is replaced twice a second.

The same file says whether the process itself is at its limit: the share of one core it used, and how
late its own timer rang. A crowd that is late measures itself instead of the server.
"""

import time
from collections import Counter, deque
from pathlib import Path

import gevent
import msgspec

from .records import CONFIRM, HUNG_UP, NO_ANSWER, Recorder, Told
from .snapshot import Snapshot

INTERVAL_SECONDS = 0.5
STRETCH_INTERVALS = 6
"""Load and lateness are taken over so many intervals: a short peak is no limit."""


class Progress:
    """Counts of one process, and the greenlet that writes them down."""

    def __init__(self, part: int, directory: Path, recorder: Recorder) -> None:
        self._part = part
        self._path = directory / f"progress-{part}.json"
        self._recorder = recorder
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._clocks = deque([_clocks()], maxlen=STRETCH_INTERVALS + 1)
        self._lateness = deque([0.0] * STRETCH_INTERVALS, maxlen=STRETCH_INTERVALS)
        self._cpu_share = 0.0
        self._late_ms = 0.0
        self._fault = ""

    def visited(self) -> None:
        """One more card has come."""
        self._counts["cards"] += 1

    def take(self, told: Told, replayed: bool) -> None:
        """Count one request. A replayed confirm sells nothing more."""
        self._counts["requests"] += 1
        self._latencies.append(told.ms)
        if told.verb == CONFIRM and told.granted and not replayed:
            self._counts["orders"] += 1
            self._counts["tickets"] += len(told.codes or ())
        elif told.status == NO_ANSWER:
            self._counts["errors"] += told.code != HUNG_UP
        elif told.status >= 400:
            if told.code:
                self._refused[told.code] += 1
            else:
                self._counts["errors"] += 1

    def fail(self, error: BaseException) -> None:
        """Note an error of the crowd's own, which makes the rehearsal worthless."""
        self._fault = self._fault or repr(error)

    def run(self) -> None:
        """Write a snapshot at every interval, until killed."""
        while True:
            due = time.monotonic() + INTERVAL_SECONDS
            gevent.sleep(INTERVAL_SECONDS)
            self._measure(late_ms=(time.monotonic() - due) * 1000)
            self.write(finished=False)

    def _measure(self, late_ms: float) -> None:
        self._lateness.append(late_ms)
        self._late_ms = max(self._late_ms, sum(self._lateness) / STRETCH_INTERVALS)
        self._clocks.append(_clocks())
        if len(self._clocks) > STRETCH_INTERVALS:
            (began, used_before), (now, used) = self._clocks[0], self._clocks[-1]
            self._cpu_share = max(self._cpu_share, (used - used_before) / (now - began))

    def write(self, *, finished: bool) -> None:
        """Replace the file by a snapshot of now, and flush the records."""
        self._recorder.flush()
        aside = self._path.with_suffix(".new")
        aside.write_bytes(msgspec.json.encode(self._snapshot(finished)))
        aside.replace(self._path)

    def _snapshot(self, finished: bool) -> Snapshot:
        latencies, self._latencies = sorted(self._latencies), []
        return Snapshot(
            part=self._part,
            requests=self._counts["requests"],
            orders=self._counts["orders"],
            tickets=self._counts["tickets"],
            cards=self._counts["cards"],
            errors=self._counts["errors"],
            refused=dict(self._refused),
            p50=_at(latencies, 0.50),
            p95=_at(latencies, 0.95),
            cpu_share=self._cpu_share,
            late_ms=self._late_ms,
            finished=finished,
            fault=self._fault,
        )


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
