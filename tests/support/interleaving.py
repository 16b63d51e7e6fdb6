"""Lets another process act between two steps of the one under test, or wait for it."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from ticketing.database import Sessions, reading

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def until_somebody_waits(sessions: Sessions) -> None:
    """Return when a statement waits for a lock; at once on SQLite, where whoever writes waits before it looks."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with reading(sessions) as session:
            if session.get_bind().dialect.name == "sqlite" or session.scalar(text(_WAITING)):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def looks_before_it_waits(sessions: Sessions) -> bool:
    """Whether what a statement reads may be older than what it waited for: on PostgreSQL."""
    with sessions() as session:
        return session.get_bind().dialect.name == "postgresql"


class Between:
    """Stands in for sessions or a keeper; the others act once, right before the first use of `verb`."""

    def __init__(self, target: Any, verb: str, others: Callable[[], object]) -> None:
        self._target = target
        self._verb = verb
        self._others: list[Callable[[], object]] = [others]

    def __call__(self) -> Any:
        return self._target()

    def __getattr__(self, verb: str) -> Any:
        if verb == self._verb and self._others:
            self._others.pop()()
        return getattr(self._target, verb)
