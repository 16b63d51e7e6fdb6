"""Sends requests over a few connections, judges every answer, and looks into the log of the instance at the end."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.generated import generated
from tests.fuzz.judge import MAY_BE_BEHIND, SILENCE, Answer, Judge, Sent, faults_of_log
from tests.fuzz.place import Place
from tests.fuzz.requests import Requests, shown
from tests.fuzz.wire import Line
from ticketing.embedded.direct import open_directly

LINES = 12
FAULTS_MAX = 200
"""A run ends early when it has found so many."""

QUIET_SECONDS = 2.0
"""Until the worker has recorded everything; it looks ten times a second."""

BEHIND_MAX = 500

Tell = Callable[[int], None]
Numbered = tuple[str, Sent]
"""How to name a request so that it can be sent again, and the request."""


@dataclass
class Report:
    """What a run has seen. `faults` is empty when every answer was as the document says."""

    faults: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """(method, route, status) of every answer."""
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self.answers.total()


class Run:
    """One run against one place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.document = document_of(place)
        self.judge = Judge(self.document)
        self.report = Report()
        self._behind: list[Numbered] = []
        self._is_quiet = False
        self._stop = False

    def hand_made(self, seed: int, numbers: Sequence[int]) -> Iterator[Numbered]:
        """Requests of a seed, by number."""
        requests = Requests(self.judge, self.document, self._place, seed)
        return ((f"--seed {seed} --only {number}", requests.number(number)) for number in numbers)

    def generated(self, seed: int, each: int) -> Iterator[Numbered]:
        """By schemathesis: so many right and so many wrong ones of every call."""
        return generated(self.document, self._place, seed, each)

    def stop(self) -> None:
        """End after the requests under way."""
        self._stop = self.report.interrupted = True

    def send(self, requests: Iterator[Numbered], tell: Tell = lambda _: None) -> Report:
        """Send all of them and judge; a second call adds to the same report."""
        began = time.monotonic()
        asyncio.run(self._send_all(requests, tell))
        self._send_in_quiet()
        self.report.seconds += time.monotonic() - began
        return self.report

    def look_into_log(self) -> Report:
        """Add what the instance has written of things that broke."""
        self.report.faults += [f"log: {text}" for text in faults_of_log(self._place.town.instance.said())]
        return self.report

    def _send_in_quiet(self) -> None:
        """What was behind, once all is recorded: it has to be answered now."""
        time.sleep(QUIET_SECONDS)
        behind, self._behind = self._behind, []
        self._is_quiet = True
        asyncio.run(self._send_all(iter(behind[:BEHIND_MAX]), lambda _: None))
        self._is_quiet = False

    async def _send_all(self, requests: Iterator[Numbered], tell: Tell) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(LINES):
                group.create_task(self._work(requests, tell))

    async def _work(self, requests: Iterator[Numbered], tell: Tell) -> None:
        async with Line(self._place.town.address) as line:
            for name, sent in requests:
                send = line.send if sent.is_http else line.send_odd
                self._note(name, sent, await send(sent.raw, sent.method))
                tell(self.report.requests)
                if self._stop or len(self.report.faults) >= FAULTS_MAX:
                    return

    def _note(self, name: str, sent: Sent, answer: Answer) -> None:
        status = answer.status if answer is not SILENCE else -1
        self.report.answers[sent.method if sent.is_http else "-", self.judge.route(sent), status] += 1
        self.report.kinds[sent.kind] += 1
        if answer.status == 503 and self.judge.route(sent) in MAY_BE_BEHIND and not self._is_quiet:
            self._behind.append((name, sent))
            return
        fault = self.judge.fault(sent, answer)
        if fault is not None:
            self.report.faults.append(f"{name}: {fault}\n    {shown(sent)}")


def document_of(place: Place) -> dict[str, Any]:
    """What the running server says of itself."""
    with open_directly(f"{place.town.instance.base_url}/openapi.json", 30) as answer:
        document: dict[str, Any] = json.load(answer)
    return document
