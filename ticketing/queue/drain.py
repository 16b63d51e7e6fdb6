"""From a group's log into SQL: a batch, its orders and the cursor in one transaction, and then the trim.

The cursor is moved first and only from where it was read; that takes its row's lock, so of two drains at
once the second finds it moved and leaves. A crash before the commit leaves nothing, one after it leaves
entries behind the cursor, which the next trim drops.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from time import monotonic

import structlog
from msgspec import structs
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import log as catalogue_log
from ticketing.catalogue import waves
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import LogEntry
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.orders.model import POISONOUS, CursorRecord, OrderRecord, Poison
from ticketing.services import webhook_outbox
from ticketing.services.orders import order_from_hold
from ticketing.services.recovery import Recovery

BATCHES_PER_RUN = 5
"""Batches of one run, so that no group keeps the worker from the others."""

_COMPLAINT_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Drain:
    """Records the logs of groups. Any number may run at once, in any number of processes."""

    def __init__(
        self, sessions: Sessions, keeper: Keeper, clock: ServerClock, watermarks: Watermarks, batch_max: int
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock
        self._watermarks = watermarks
        self._batch_max = batch_max
        self._reader = ThreadPoolExecutor(1, "read-ahead")
        self._recovery = Recovery(sessions, keeper, watermarks)
        self._complained_at: dict[str, float] = {}

    def run(self, group_id: str) -> int:
        """Record at most five batches of a group's log; how many entries, 0 when there is nothing left to do.

        Nothing moves while Redis is of another epoch or behind SQL. A log that begins after the cursor stops
        the group: SQL went back, and only a rebuild brings its orders again. Raises
        `StoreUnavailable` or SQLAlchemy's `OperationalError` in an outage; whoever calls tries again.
        """
        at = self._cursor(group_id)
        if at is None or not self._trim(at):
            return 0
        total = 0
        entries = self._read(at)
        for left in reversed(range(BATCHES_PER_RUN)):
            ahead = self._read_ahead(at, entries) if left else None
            moved = self._step(at, entries)
            total += moved
            if moved:
                at = _after(at, moved)
                self._trim(at)
            if ahead is None or moved < len(entries):
                break
            entries = ahead.result()
        return total

    def _read(self, at: CursorRecord) -> list[LogEntry]:
        return self._keeper.read_log(at.group_id, at.position, self._batch_max)

    def _read_ahead(self, at: CursorRecord, entries: Sequence[LogEntry]) -> Future[list[LogEntry]] | None:
        """Begin to read the batch after a full one; SQL is busy with that, and lets go of the interpreter meanwhile."""
        full = len(entries) == self._batch_max
        return self._reader.submit(self._read, _after(at, len(entries))) if full else None

    def _cursor(self, group_id: str) -> CursorRecord | None:
        with reading(self._sessions) as session:
            at = orders.cursor(session, group_id)
        if at is not None:
            self._watermarks.expect(group_id, at.epoch, at.position)
        return at

    def _trim(self, at: CursorRecord) -> bool:
        # Also proves that Redis still is of the cursor's epoch, and not behind it.
        try:
            self._keeper.trim(at.group_id, at.epoch, at.position)
        except Refusal as refusal:
            self._complain(at, refusal)
            return False
        return True

    def _step(self, at: CursorRecord, entries: Sequence[LogEntry]) -> int:
        in_place = zip(entries, count(at.position + 1), strict=False)
        unbroken = [entry for entry, position in in_place if entry.position == position]
        if not unbroken:
            self._look_for_gap(at, entries)
        return self._record(at, unbroken) if unbroken else 0

    def _look_for_gap(self, at: CursorRecord, entries: Sequence[LogEntry]) -> None:
        # All of the log may have been recorded, and then forgotten by SQL: nothing is left to read.
        if entries or (self._keeper.last_position(at.group_id) or 0) > at.position:
            self._recovery.suspend_if_gap(at.group_id)

    def _complain(self, at: CursorRecord, refusal: Refusal) -> None:
        now = monotonic()
        if now - self._complained_at.get(at.group_id, -_COMPLAINT_SECONDS) >= _COMPLAINT_SECONDS:
            self._complained_at[at.group_id] = now
            _log.error("drain_stopped", group=at.group_id, code=refusal.code.value, position=at.position)

    def _record(self, at: CursorRecord, entries: Sequence[LogEntry]) -> int:
        """Record `entries`, which follow the cursor; how far it moved (less: another drain was quicker)."""
        try:
            return len(entries) if self._commit(at, entries) else 0
        except POISONOUS as error:
            if len(entries) == 1:
                return self._set_aside(at, entries[0], error)
        half = len(entries) // 2
        moved = self._record(at, entries[:half])
        if moved < half:
            return moved
        return moved + self._record(_after(at, moved), entries[half:])

    def _commit(self, at: CursorRecord, entries: Sequence[LogEntry]) -> bool:
        with self._sessions.begin() as session:
            if not orders.move_cursor(session, at, entries[-1].position):
                return False
            records = _orders_of(session, entries)
            now = self._clock.now_ms()
            orders.record_orders(session, records, now)
            if records:
                webhook_outbox.confirmed(session, records, now)
            _follow_resizes(session, entries, now)
        return True

    def _set_aside(self, at: CursorRecord, entry: LogEntry, error: Exception) -> int:
        with self._sessions.begin() as session:
            if not orders.move_cursor(session, at, entry.position):
                return 0
            reason = f"{type(error).__name__}: {error}"
            orders.set_aside(session, at, entry.position, entry.raw, reason, self._clock.now_ms())
        _log.error("entry_set_aside", group=at.group_id, position=entry.position, reason=type(error).__name__)
        return 1


def _after(at: CursorRecord, entries: int) -> CursorRecord:
    return structs.replace(at, position=at.position + entries)


def _orders_of(session: Session, entries: Sequence[LogEntry]) -> list[OrderRecord]:
    if any(entry.kind == "damaged" for entry in entries):
        raise Poison("the entry's bytes cannot be read")
    holds = [(entry, entry.hold) for entry in entries if entry.hold is not None]
    currencies = catalogue_log.currencies(session, {hold.event_id for _, hold in holds}) if holds else {}
    records = []
    for entry, hold in holds:
        if hold.event_id not in currencies or hold.position != entry.position:
            raise Poison(f"order {hold.id} is of an unknown event, or of another place in the log")
        records.append(order_from_hold(hold, currencies[hold.event_id]))
    return records


def _follow_resizes(session: Session, entries: Sequence[LogEntry], now: int) -> None:
    resizes = [entry.facts for entry in entries if entry.kind == "resize"]
    for facts in resizes:
        event_id, quota, capacity, withheld = (facts[name] for name in _RESIZED)
        quota_id = identifiers.quota_id(str(event_id), _whole(quota))
        catalogue_log.follow_capacity(session, quota_id, _whole(capacity), _whole(withheld))
    released = [wave_id for facts in resizes if (wave_id := waves.wave_of(str(facts["act_id"])))]
    if released:  # with the capacity, in one transaction: a group made anew from SQL has both or neither
        waves.mark_released(session, released, now)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise Poison(f"{value!r} is no whole number")
    return value


_RESIZED = ("event_id", "quota", "capacity", "withheld")
