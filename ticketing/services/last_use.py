"""When sessions and API tokens were used last: kept in memory, written once a second, of each at most once a minute.

Calls come far more often than anybody looks at this, and a call waits for no write.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

NOTED_EVERY_MS = 60_000


class LastUse:
    """What one process has seen and not written yet; for any number of threads."""

    def __init__(self) -> None:
        self._books = Lock()
        self._writing = Lock()
        self._noted: dict[str, int] = {}
        self._due: dict[str, int] = {}

    def note(self, name: str, now: int) -> None:
        """Remember that this is in use; no I/O."""
        with self._books:
            if now - self._noted.get(name, 0) >= NOTED_EVERY_MS:
                self._noted[name] = self._due[name] = now

    @contextmanager
    def taken(self, now: int) -> Iterator[dict[str, int]]:
        """What is to be written, in a block that writes it; it stays to be written if the block fails.

        One block at a time: whoever comes second finds written what the first has taken.
        """
        with self._writing:
            used = self._take(now)
            try:
                yield used
            except BaseException:
                self._put_back(used)
                raise

    def _take(self, now: int) -> dict[str, int]:
        with self._books:
            used, self._due = self._due, {}
            self._noted = {name: at for name, at in self._noted.items() if now - at < NOTED_EVERY_MS}
        return used

    def _put_back(self, used: dict[str, int]) -> None:
        with self._books:
            self._due = used | self._due
