"""Looks at what there is to do, ten times a second, and rings for it; the path of the rush rings nothing.

Every worker has a watcher; the bell sees to it that only one of them is heard. A job that was lost with its
worker is rung again by any of them. Where Redis has no memory left for the queue, the watcher does the job itself:
drain and sweep are what gives memory and tickets back.
"""

import time
from collections.abc import Callable
from threading import Event

import structlog
from redis.exceptions import OutOfMemoryError

from ticketing.catalogue import repository as catalogue
from ticketing.catalogue import waves
from ticketing.database import Sessions, reading
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord
from ticketing.queue import jobs
from ticketing.queue.bell import Bell

LOOK_SECONDS = 0.1
"""How often a watcher looks for log entries."""

SWEEP_SECONDS = 0.4
"""How often it looks for holds that are due."""

RECONCILE_SECONDS = 1.0
"""How often it looks for unapplied and cancelled events, due waves, and pending returns."""

_COMPLAINT_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Watcher:
    """Rings for every duty there is. `look` once, or `run` until told to stop."""

    def __init__(self, sessions: Sessions, keeper: Keeper, watermarks: Watermarks, bell: Bell) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._watermarks = watermarks
        self._bell = bell
        self._groups: list[CursorRecord] = []
        self._due_at: dict[Callable[[], None], float] = {}
        self._complained_at: dict[Callable[[], None], float] = {}

    def run(self, stop: Event) -> None:
        """Look until `stop` is set. What fails is logged and looked at again."""
        while not stop.wait(LOOK_SECONDS):
            self._every(LOOK_SECONDS, self.look_for_groups)
            self._every(LOOK_SECONDS, self.look_for_entries)
            self._every(SWEEP_SECONDS, self.look_for_due_holds)
            self._every(RECONCILE_SECONDS, self.look_for_returns)

    def look_for_groups(self) -> None:
        """Learn the groups and their cursors from SQL; those known stay known while it is away."""
        with reading(self._sessions) as session:
            self._groups = orders.cursors(session)
        for at in self._groups:
            self._watermarks.expect(at.group_id, at.epoch, at.position)

    def look_for_entries(self) -> None:
        """Ring for every group whose log goes past its cursor."""
        for at in self._groups:
            last = self._keeper.last_position(at.group_id)
            if last is not None and last > at.position:
                self._ring(jobs.drain, jobs.DRAIN, at.group_id)

    def look_for_due_holds(self) -> None:
        """Ring for every group that has a hold past its time."""
        now = self._keeper.now_ms() if self._groups else 0
        for at in self._groups:
            due = self._keeper.next_due(at.group_id)
            if due is not None and due <= now:
                self._ring(jobs.sweep, jobs.SWEEP, at.group_id, at.epoch, urgent=True)

    def look_for_returns(self) -> None:
        """Ring when an event is unapplied, a wave is due, orders of a cancelled event stand, or a return is pending."""
        now = self._keeper.now_ms()
        with reading(self._sessions) as session:
            events = catalogue.pending(session) or waves.due(session, now) or catalogue.to_void(session)
            waiting = events or orders.pending_returns(session, 1)
        if waiting:
            self._ring(jobs.reconcile, jobs.RECONCILE, jobs.EVERYTHING)

    def _ring(
        self, job: Callable[..., None], duty: str, subject: str, *args: str, urgent: bool = False
    ) -> None:
        try:
            self._bell.ring(job, duty, subject, *args, urgent=urgent)
        except OutOfMemoryError:
            job(subject, *args)

    def _every(self, seconds: float, look: Callable[[], None]) -> None:
        now = time.monotonic()
        if now < self._due_at.get(look, now):
            return
        self._due_at[look] = now + seconds
        try:
            look()
        except Exception as error:  # noqa: BLE001 - a watcher outlives every outage of what it watches
            self._complain(look, error)

    def _complain(self, look: Callable[[], None], error: Exception) -> None:
        now = time.monotonic()
        if now - self._complained_at.get(look, -_COMPLAINT_SECONDS) >= _COMPLAINT_SECONDS:
            self._complained_at[look] = now
            _log.warning("watcher_cannot_look", what=look.__name__, error=f"{type(error).__name__}: {error}")
