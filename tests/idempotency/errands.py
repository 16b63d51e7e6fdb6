"""What clients do with keys: each errand is sent one to five times, and remembers every answer."""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SENDS_MAX = 5
ANSWER_SECONDS_MAX = 90.0
"""How long an errand asks again until it is answered, however often the instance is killed meanwhile."""

_LATER = 0.3
_PAUSE_SECONDS = 0.05
_REQUEST_SECONDS = 10.0


class Unanswered(Exception):
    """Nobody knows whether it happened."""


class Answer(NamedTuple):
    """An answer that is not a failure of the moment."""

    status: int
    body: bytes
    replayed: bool

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Request(NamedTuple):
    """A POST that may be repeated."""

    path: str
    token: str
    body: Mapping[str, Any]
    key: str | None = None


class Client:
    """One connection, for one thread."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=_REQUEST_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send(self, request: Request) -> Answer:
        """Raises `Unanswered` for a lost connection and for 503."""
        headers = {"authorization": f"Bearer {request.token}", "content-type": "application/json"}
        if request.key is not None:
            headers["idempotency-key"] = request.key
        try:
            self._connection.request("POST", request.path, json.dumps(request.body), headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unanswered from error
        if response.status == 503:
            raise Unanswered
        return Answer(response.status, body, response.headers.get("idempotent-replayed") == "true")


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
