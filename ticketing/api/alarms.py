"""Says in the log when something needs a person, once when it begins and once when it ends."""

from collections.abc import Mapping

import structlog

HALF = 0.5
"""From this share of the backlog's cap on it is called high."""

_LEVELS = ("backlog_low", "backlog_high", "backlog_full")

_log = structlog.get_logger(__name__)


class Alarms:
    """Remembers what was said of each group."""

    def __init__(self, backlog_max: int) -> None:
        self._backlog_max = backlog_max
        self._recovering: set[str] = set()
        self._levels: dict[str, int] = {}

    def ring(self, recovering: list[str], backlogs: Mapping[str, int]) -> None:
        """Say what has changed since the last time."""
        for group in sorted(self._recovering.symmetric_difference(recovering)):
            if group in recovering:
                _log.error("sale_recovering", group=group, mend="ticketing rebuild")
            else:
                _log.warning("sale_recovered", group=group)
        self._recovering = set(recovering)
        for group, entries in backlogs.items():
            self._say_level(group, entries)

    def _say_level(self, group: str, entries: int) -> None:
        level = 2 if entries >= self._backlog_max else 1 if entries >= self._backlog_max * HALF else 0
        if level != self._levels.get(group, 0):
            _log.warning(_LEVELS[level], group=group, entries=entries, cap=self._backlog_max)
        self._levels[group] = level
