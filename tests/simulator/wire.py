"""A bare connection that sends thousands of commands in one piece and reads their answers in another."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any, Self

import hiredis
from redis import Redis

from ticketing.inventory import scripts

VERBS = (
    "hold",
    "confirm",
    "release",
    "expire",
    "open",
    "configure",
    "resize",
    "restock",
    "trim",
    "archive",
    "read_holds",
    "read_ledgers",
    "read_group",
)
"""What a process calls by its digest; a rebuild sends `restore` whole."""

_READ_BYTES = 1 << 20


class Wire:
    """One connection over a Unix socket. `send`, do something else, then `answers`."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._reader = hiredis.Reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, commands: Iterable[bytes]) -> None:
        """Send all; the server keeps its answers until they are read."""
        self._socket.sendall(b"".join(commands))

    def answers(self, count: int) -> Iterator[Any]:
        """The next answers; an error stands for itself."""
        for _ in range(count):
            answer = self._reader.gets()
            while answer is False:
                raw = self._socket.recv(_READ_BYTES)
                if not raw:
                    raise ConnectionError("the server has gone")
                self._reader.feed(raw)
                answer = self._reader.gets()
            yield answer


def load_scripts(client: Redis) -> None:
    """Let EVALSHA find every verb."""
    for verb in VERBS:
        client.script_load(scripts.load(verb).source)
