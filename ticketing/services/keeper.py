"""Carries staff's wishes from SQL to Redis, as often as needed.

Each step is on disk before the next begins and may be repeated, so an interrupted `apply` is mended by
the next one: the group gets its epoch, is opened, is marked as opened and given a cursor; then the event's
rules go to Redis by version, and SQL notes the version that Redis has.

A group that was opened is never opened again here. If Redis does not know it any more, it was forgotten,
and every verb answers `recovering` until `ticketing rebuild` has made it anew.
"""

import secrets

import structlog

from ticketing.catalogue import repository
from ticketing.catalogue.tables import DRAFT, AllowanceGroup, Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, TicketingError
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import EventRules, QuotaCounts, QuotaRules
from ticketing.orders import repository as orders

_EPOCH_BYTES = 8

_log = structlog.get_logger(__name__)


class SaleKeeper:
    """Opens groups, configures events by version, resizes quotas. Safe to call from several processes."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def apply(self, event_id: str) -> None:
        """Bring Redis to what SQL says of an event; a draft stays unknown to it.

        Raises `Refusal` (`not_found`; `recovering` when Redis forgot the group) or `StoreUnavailable`.
        """
        event = self._read(event_id)
        if event.state == DRAFT:
            return
        if event.group.opened_at is None:
            self._open(event.group_id)
            event = self._read(event_id)
        if event.group.archived_at is None:
            self._keeper.configure(event.group_id, epoch_of(event.group), rules_of(event))
        if event.applied_version < event.version:
            with self._sessions.begin() as session:
                repository.mark_applied(session, event_id, event.version)

    def apply_all(self) -> int:
        """Apply every event whose last change Redis may not have; returns how many now have theirs.

        One that fails is logged and tried again with the next call; it does not hold up the others.
        """
        with reading(self._sessions) as session:
            event_ids = repository.pending(session)
        return sum(self._applied(event_id) for event_id in event_ids)

    def resize(
        self,
        event_id: str,
        quota: int,
        capacity: int | None,
        withheld: int | None,
        *,
        act_id: str,
        force: bool = False,
    ) -> QuotaCounts:
        """Let Redis decide the new capacity of a quota (by number); SQL follows through the log.

        None leaves capacity or what is withheld as it is. `act_id` makes it repeatable. Raises `Refusal`
        (`capacity_in_use` with `in_use`, `recovering`, `not_found`) or `StoreUnavailable`.
        """
        self.apply(event_id)
        group = self._read(event_id).group
        counts = self._keeper.resize(
            group.id, epoch_of(group), act_id, event_id, quota, capacity, withheld, force
        )
        if isinstance(counts, Refusal):
            raise counts
        return counts

    def _applied(self, event_id: str) -> bool:
        try:
            self.apply(event_id)
        except TicketingError as error:
            _log.warning("event_not_applied", event_id=event_id, error=str(error))
            return False
        return True

    def _read(self, event_id: str) -> Event:
        with reading(self._sessions) as session:
            event = repository.get(session, event_id)
        if event is None:
            raise Refusal(Code.NOT_FOUND)
        return event

    def _open(self, group_id: str) -> None:
        self._keeper.ping()  # a Redis that is away is noticed here, before SQL is locked to wait for it
        with self._sessions.begin() as session:
            repository.set_epoch(session, group_id, secrets.token_hex(_EPOCH_BYTES))
        with self._sessions.begin() as session:
            # Locked across the call to Redis: somebody who had read "never opened", slept while the group
            # was opened, sold and forgotten, and then opened it again would sell its seats twice.
            group = repository.lock_group(session, group_id)
            if group is None or group.opened_at is not None:
                return
            epoch = epoch_of(group)
            self._keeper.open_group(group.id, epoch, group.per_card_limit)
            group.opened_at = self._clock.now_ms()
            orders.open_cursor(session, group.id, epoch)


def epoch_of(group: AllowanceGroup) -> str:
    """The epoch of a group that was, or is being, opened."""
    assert group.epoch is not None, f"group {group.id} has no epoch"
    return group.epoch


def rules_of(event: Event) -> EventRules:
    """What Redis needs to know of an event."""
    eligible = event.eligible_organisations
    return EventRules(
        event_id=event.id,
        version=event.version,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
        state=event.state,
        per_card_limit=event.per_card_limit,
        hold_ms=event.hold_seconds * 1000,
        eligible_organisations=None if eligible is None else tuple(eligible),
        payment_methods=tuple(event.payment_methods),
        quotas=tuple(
            QuotaRules(quota.number, quota.price, quota.per_card_limit, quota.capacity, quota.withheld)
            for quota in event.quotas
        ),
    )
