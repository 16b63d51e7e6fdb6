"""A client that talks to nobody: it keeps what it is told to send, and answers what it was told to say."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, Self

import hiredis
from redis import Redis

IGNORED = object()
"""Stands for an answer that nobody reads."""


class Recorded(NamedTuple):
    """A command, and the answer on which the caller went on."""

    command: bytes
    answered: Any


class Recorder(Redis):
    """Stands in for the client of code that asks and writes by turns, so that its commands can be sent later."""

    def __init__(self) -> None:
        super().__init__()
        self._recorded: list[Recorded] = []
        self._answers: dict[str, bytes | None] = {}

    def knows(self, **answers: bytes | None) -> None:
        """What HGET answers, by field, and EVAL under `reply`."""
        self._answers = answers

    def take(self) -> Iterator[Recorded]:
        """What was recorded since the last time."""
        recorded, self._recorded = self._recorded, []
        return iter(recorded)

    def execute_command(self, *args: Any, **_: Any) -> Any:
        """Record a command."""
        answer: Any = IGNORED
        match args[0]:
            case "HGET":
                answer = self._answers[args[2]]
            case "EVAL":
                answer = self._answers["reply"]
        self._recorded.append(Recorded(hiredis.pack_command(args), answer))
        return {} if args[0] == "HGETALL" else answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """The same: everything is recorded in its order."""
        return self

    def execute(self) -> Self:
        """End of a pipeline."""
        return self


@cache
def recorder() -> Recorder:
    """The one of this process: making a client is slow."""
    return Recorder()
