"""What clients do with keys: each errand is sent one to five times, and remembers every answer."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.calls import Answer, Client, Request, Unanswered

SENDS_MAX = 5
ANSWER_SECONDS_MAX = 90.0
"""How long an errand asks again until it is answered, however often the instance is killed meanwhile."""

_LATER = 0.3
_PAUSE_SECONDS = 0.05


@dataclass(eq=False)
class Errand:
    """One request under one key (or of one hold), sent `sends` times with an answer each."""

    name: str
    status: int
    requests: list[Request]
    """As it is sent in turn: what is different must not matter."""
    then: "Callable[[Answer], list[Errand]]" = lambda _: []
    """What its first answer leads to."""
    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, client: Client, number: int) -> "list[Errand]":
        """Send it once, again and again until somebody answers; what the first answer leads to."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while True:
            try:
                answer = client.send(self.requests[number % len(self.requests)])
                break
            except Unanswered:
                with self._lock:
                    self.unanswered += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)
        with self._lock:
            self.answers.append(answer)
            return self.then(answer) if len(self.answers) == 1 else []

    @property
    def first(self) -> Any:
        """The first answer's body."""
        return self.answers[0].json()

    def faults(self) -> list[str]:
        """What is wrong with the answers: another status, another body, a second first one."""
        found = [f"{self.name}: {a.status} {a.body[:200]!r}" for a in self.answers if a.status != self.status]
        if len({answer.body for answer in self.answers}) > 1:
            found.append(f"{self.name}: {len({a.body for a in self.answers})} bodies")
        if self.status < 400 and sum(not answer.replayed for answer in self.answers) > 1:
            found.append(f"{self.name}: answered as new more than once")
        return found


def draw_sends(dice: random.Random) -> tuple[int, int]:
    """(at once, later), one to five together, and one at once at least."""
    sends = dice.randint(1, SENDS_MAX)
    later = sum(dice.random() < _LATER for _ in range(sends - 1))
    return sends - later, later
