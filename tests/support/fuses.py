"""A process that dies at a step of the test's choosing: before or after any commit, before or after any answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy.orm import Session

from ticketing.database import Sessions
from ticketing.inventory.keeper import Keeper


class PowerCut(Exception):
    """The process dies here."""


class Fuse:
    """Blows when it is crossed for the `at`-th time."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.crossed = 0

    def cross(self) -> None:
        """Pass, or die."""
        self.crossed += 1
        if self.crossed == self.at:
            raise PowerCut

    def sessions(self, sessions: Sessions) -> Sessions:
        """Sessions that may die before a commit or right after it."""
        return cast("Sessions", _FusedSessions(sessions, self))

    def keeper(self, keeper: Keeper) -> Keeper:
        """A keeper that may die before Redis is asked or before its answer arrives."""
        return cast("Keeper", _FusedKeeper(keeper, self))


class _FusedSessions:
    def __init__(self, sessions: Sessions, fuse: Fuse) -> None:
        self._sessions = sessions
        self._fuse = fuse

    def __call__(self) -> Session:
        return self._sessions()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self._sessions.begin() as session:
            yield session
            self._fuse.cross()
        self._fuse.cross()


class _FusedKeeper:
    def __init__(self, keeper: Keeper, fuse: Fuse) -> None:
        self._keeper = keeper
        self._fuse = fuse

    def __getattr__(self, verb: str) -> Any:
        def run(*arguments: Any) -> Any:
            self._fuse.cross()
            answer = getattr(self._keeper, verb)(*arguments)
            self._fuse.cross()
            return answer

        return run
