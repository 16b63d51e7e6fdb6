"""What every client was told, one JSON line per request, written by the crowd and read by the judge."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
from msgspec import Struct

LOOK, AVAILABILITY, ORDER = "look", "availability", "order"
HOLD, CONFIRM, RELEASE = "hold", "confirm", "release"

NO_ANSWER = 0
HUNG_UP, TIMED_OUT, BROKEN = "hung_up", "timed_out", "broken"
"""The codes of a request without an answer: our own doing, the client's patience, the connection."""

FLUSH_BYTES = 64 * 1024


class Told(Struct, frozen=True, omit_defaults=True):
    """One request and its answer. `at` is when it ended, in Unix seconds; `ms` is how long it took."""

    verb: str
    at: float
    ms: float
    status: int  # HTTP status, or NO_ANSWER
    code: str | None = None  # of the closed list, or why there is no answer
    member: int | None = None
    key: str | None = None  # idempotency key of a hold
    items: dict[str, int] | None = None  # quota id -> quantity
    hold: str | None = None  # id of the hold; an order has the same
    created_at: int | None = None  # of the hold, Unix milliseconds by the server's clock
    expires_at: int | None = None
    replayed: bool = False
    digest: str | None = None  # of the body of a granted hold: a replay must give the same
    codes: tuple[str, ...] | None = None  # of the tickets in a confirmed order

    @property
    def granted(self) -> bool:
        """Whether the client was told yes."""
        return 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """Whether the act may have happened or not: no answer, or a server's failure."""
        return self.status == NO_ANSWER or self.status >= 500


class Recorder:
    """Appends records to a file; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab", buffering=FLUSH_BYTES)
        self._encode = msgspec.json.Encoder().encode

    def write(self, told: Told) -> None:
        """Keep one record; it reaches the file with the next flush at the latest."""
        self._file.write(self._encode(told) + b"\n")

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def records_path(directory: Path, part: int) -> Path:
    """Where the process numbered `part` writes."""
    return directory / f"records-{part}.jsonl"


def read_records(directory: Path) -> Iterator[Told]:
    """Every record of a rehearsal, file after file.

    A process that was killed leaves its last line torn; that line is left out. Any other line that is
    no record raises `msgspec.DecodeError`.
    """
    decode = msgspec.json.Decoder(Told).decode
    for path in sorted(directory.glob("records-*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield decode(line)
