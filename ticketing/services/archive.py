"""The end of a sale: once its window is past and its books are closed, its keys leave Redis for good.

An archived group has no cursor, so no worker looks at it; what comes later (a hand-over, a cancel, another
text) is SQL's alone.
"""

import time
from functools import partial

import structlog
from sqlalchemy.orm import Session

from ticketing.catalogue import refusals
from ticketing.catalogue import repository as catalogue
from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading, snapshot
from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Hold
from ticketing.orders import books
from ticketing.orders import repository as orders
from ticketing.services import trail
from ticketing.services.audit_group import GroupAudit
from ticketing.services.rebuild import hold_from_order

ARCHIVE_AFTER_MS = DAY_MS
"""How long after its window a group stays in Redis, so that late repeats are answered as quickly as ever."""

_TRY_AGAIN_SECONDS = 3_600.0

_log = structlog.get_logger(__name__)


class _NotYet(Exception):
    """Something is still on its way; the transaction is rolled back."""


class ArchiveService:
    """Archives groups whose sales are over."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock
        self._tried_at: dict[str, float] = {}

    def archive_ended(self) -> int:
        """Archive every group whose window was past a day ago and whose books are clean; how many.

        One that is not yet clean is tried again after an hour. Raises `StoreUnavailable` without Redis.
        """
        with reading(self._sessions) as session:
            ended = catalogue.ended_groups(session, self._clock.now_ms() - ARCHIVE_AFTER_MS)
        return sum(self._archived(group_id) for group_id in ended if self._is_due(group_id))

    def archive(self, group_id: str) -> bool:
        """Archive one group; False when something of it is still on its way, or its audit names something."""
        if GroupAudit(partial(snapshot, self._sessions), self._keeper, group_id).read():
            return False
        try:
            with self._sessions.begin() as session:
                events = self._close(session, group_id)
        except _NotYet:
            return False
        self._keeper.forget_events(events)
        self._keeper.forget_refusals(group_id)
        return True

    def order_of(self, hold_id: str) -> Hold | None:
        """The confirmed hold that an order of an archived group was; None for any other."""
        with reading(self._sessions) as session:
            order = books.sold(session, hold_id)
        return hold_from_order(order) if order else None

    def _is_due(self, group_id: str) -> bool:
        now = time.monotonic()
        if now - self._tried_at.get(group_id, -_TRY_AGAIN_SECONDS) < _TRY_AGAIN_SECONDS:
            return False
        self._tried_at[group_id] = now
        return True

    def _archived(self, group_id: str) -> bool:
        try:
            done = self.archive(group_id)
        except Refusal:
            done = False  # it is recovering, which is said elsewhere
        _log.info("group_archived" if done else "group_not_archived", group=group_id)
        return done

    def _close(self, session: Session, group_id: str) -> list[str]:
        group = catalogue.lock_group(session, group_id)
        at = orders.cursor(session, group_id, lock=True)
        events = [catalogue.lock(session, event.id) for event in catalogue.of_group(session, group_id)]
        now = self._clock.now_ms()
        over = group_id in catalogue.ended_groups(session, now)
        event_ids = [event.id for event in events if event is not None]
        if at is None or group is None or not over or books.has_pending_returns(session, event_ids):
            raise _NotYet
        group.archived_at = now
        refusals.keep(session, event_ids, self._keeper.refusals(group_id))
        orders.close_cursor(session, group_id)
        detail = {"position": at.position, "epoch": at.epoch}
        trail.record(session, now, "system", "group.archive", f"group:{group_id}", detail)
        # Last, with everything locked: if the commit fails now, the group is one to rebuild, and nothing is lost.
        if not self._keeper.archive(group_id, at.epoch, at.position):
            raise _NotYet
        return event_ids
