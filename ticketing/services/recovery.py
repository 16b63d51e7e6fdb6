"""Is a group as SQL and this process know it? If not, why; and stopping one whose SQL went back.

Redis that went back refuses by itself, because every call names the epoch and position it expects. SQL that
went back cannot be seen by a script: Redis is right then, and it is the log that begins too late for SQL's
cursor. Whoever sees that fences the group, and so tells every process.
"""

import structlog

from ticketing.catalogue import repository as catalogue
from ticketing.database import Sessions, reading
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import GroupState
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord

GAP = "gap"
"""What fences a group when SQL's cursor is behind the first entry of the log."""

_REASONS = {
    GAP: "SQL went back: it lacks orders that are no longer in the log",
    "behind": "Redis went back: its log ends before what a process has seen",
}

_log = structlog.get_logger(__name__)


class Recovery:
    """Looks at groups, and stops those that must not sell."""

    def __init__(self, sessions: Sessions, keeper: Keeper, watermarks: Watermarks) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._watermarks = watermarks

    def groups(self) -> list[str]:
        """Every group that was opened and is not archived."""
        with reading(self._sessions) as session:
            return [group.id for group in catalogue.groups(session)]

    def recovering(self) -> dict[str, str]:
        """Every opened group that waits for a rebuild, and why. Raises `StoreUnavailable` without Redis."""
        reasons = {group_id: self.reason(group_id) for group_id in self.groups()}
        return {group_id: reason for group_id, reason in reasons.items() if reason is not None}

    def reason(self, group_id: str) -> str | None:
        """Why a group waits for a rebuild, in plain words; None for one that is as it should be."""
        before = self._cursor(group_id)
        if before is None:
            return None
        self._watermarks.expect(group_id, before.epoch, before.position)
        state = self._keeper.state(group_id)
        after = self._cursor(group_id)  # read later, so a drain in between makes no gap
        if after is None or after.epoch != before.epoch:
            return None  # a rebuild has just ended
        return _reason(state, after)

    def suspend_if_gap(self, group_id: str) -> bool:
        """Fence the group if SQL's cursor is behind what the log has dropped; whether it is fenced now.

        The cursor is locked meanwhile, so what a drain is doing makes no gap.
        """
        with self._sessions.begin() as session:
            at = orders.cursor(session, group_id, lock=True)
            state = self._keeper.state(group_id) if at else None
            if at is None or state is None or not _has_gap(state, at):
                return state is not None and state.fenced_by is not None
            if self._keeper.suspend(group_id, GAP):
                _log.error("log_has_gap", group=group_id, cursor=at.position, dropped=state.dropped_up_to)
        return True

    def _cursor(self, group_id: str) -> CursorRecord | None:
        with reading(self._sessions) as session:
            return orders.cursor(session, group_id)


def _has_gap(state: GroupState, at: CursorRecord) -> bool:
    return state.epoch == at.epoch and state.dropped_up_to > at.position


def _reason(state: GroupState | None, at: CursorRecord) -> str | None:
    if state is None:
        return "Redis does not know it: it was wiped, or is another server"
    if state.fenced_by is not None:
        return _REASONS.get(state.fenced_by, "a rebuild was begun and has not ended")
    if state.epoch != at.epoch:
        return "Redis and SQL are of different epochs: one of them is another server, or an old copy"
    if state.position < at.position or not state.as_expected:
        return _REASONS["behind"]
    return _REASONS[GAP] if _has_gap(state, at) else None
