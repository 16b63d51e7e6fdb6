"""What staff do with the quotas of an event: add, change, raise, lower, keep some back.

In a draft a quota is SQL's alone. Once published, Redis decides its counts, and SQL follows the log.
"""

import secrets
from collections.abc import Iterator
from itertools import chain
from typing import Any

from msgspec import UNSET, structs
from sqlalchemy.orm import Session

from ticketing.catalogue import news, repository
from ticketing.catalogue.model import QuotaChanges, QuotaDraft, changed, differences, from_to, given
from ticketing.catalogue.tables import DRAFT, Event, Quota
from ticketing.catalogue.validation import (
    Fault,
    event_faults,
    fixed_quota_faults,
    quota_faults,
    reason_faults,
    refuse_if,
    tidied,
)
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import QuotaCounts
from ticketing.services import event_access, trail
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

_ACT_BYTES = 12
_COUNTED = frozenset({"capacity", "withheld"})


class QuotaService:
    """Quotas, as staff see and change them. Refusals are raised."""

    def __init__(
        self, sessions: Sessions, sale_keeper: SaleKeeper, keeper: Keeper, clock: ServerClock
    ) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._keeper = keeper
        self._clock = clock

    def add(self, staff: Claims, event_id: str, draft: QuotaDraft, reason: str = "") -> str:
        """Add a quota, also in mid-sale; returns its id. Once published it is of the currency of the others."""
        plan = tidied(draft)
        refuse_if(chain(reason_faults(reason), quota_faults(plan)))
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            event_access.refuse_ended(event)
            before = repository.plan_of(event)
            refuse_if(event_faults(structs.replace(before, quotas=(*before.quotas, plan))))
            quota = repository.add_quota(session, event, plan)
            event.version += 1
            detail = {"plan": plan, "reason": reason}
            self._record(session, staff, "quota.add", f"quota:{quota.id}", detail)
        self._sale_keeper.apply(event_id)
        return quota.id

    def change(
        self,
        staff: Claims,
        event_id: str,
        quota_id: str,
        changes: QuotaChanges,
        reason: str = "",
        force: bool = False,
    ) -> Event:
        """Change a quota; once published, its price and currency stay and Redis decides its capacity.

        SQL takes a capacity that Redis decided from the log, a moment later. With `force` it may be below
        what is held and sold: nothing is sold until it fits again. Raises `capacity_in_use` otherwise.
        """
        refuse_if(reason_faults(reason))
        if _COUNTED & given(changes).keys():
            event = self._read(staff, event_id)
            if event.state != DRAFT:
                self._resize(staff, event, quota_id, changes, reason, force)
                changes = structs.replace(changes, capacity=UNSET, withheld=UNSET)
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            quota = event_access.quota_of(event, quota_id)
            before = repository.quota_plan_of(quota)
            after = _checked_quota(event, quota, before, changes)
            refuse_if(_overtaken_faults(event, before, after))
            if before != after:
                times = [plan.starts_at or event.starts_at for plan in (before, after)]
                moved = {news.STARTS_AT: (times[0], times[1])}
                news.tell(session, event, moved, self._clock.now_ms(), quota_id)
                repository.write_quota(quota, after)
                event.version += 1
                detail = {"changes": from_to(before, after), "reason": reason}
                self._record(session, staff, "quota.change", f"quota:{quota_id}", detail)
        self._sale_keeper.apply(event_id)
        return self._read(staff, event_id)

    def _read(self, staff: Claims, event_id: str) -> Event:
        event_access.require_writer(staff)
        with reading(self._sessions) as session:
            return event_access.readable(session, staff, event_id)

    def _resize(
        self, staff: Claims, event: Event, quota_id: str, changes: QuotaChanges, reason: str, force: bool
    ) -> None:
        event_access.refuse_ended(event)
        self._sale_keeper.apply(event.id)
        quota = event_access.quota_of(event, quota_id)
        counts = self._counts(event, quota)
        before = structs.replace(
            repository.quota_plan_of(quota), capacity=counts.capacity, withheld=counts.withheld
        )
        after = _checked_quota(event, quota, before, changes)
        act_id = secrets.token_hex(_ACT_BYTES)
        # Written first: the log's entry names the act, so who did it is known even if we stop here.
        wish = {"act": act_id, "changes": from_to(before, after), "force": force, "reason": reason}
        self._record_alone(staff, "quota.resize", quota_id, wish)
        try:
            # Only what was given: somebody else may have changed the other since it was looked at.
            wished = given(changes)
            capacity, withheld = wished.get("capacity"), wished.get("withheld")
            self._sale_keeper.resize(event.id, quota.number, capacity, withheld, act_id=act_id, force=force)
        except Refusal as refusal:
            self._record_alone(staff, "quota.resize_refused", quota_id, {"act": act_id, "code": refusal.code})
            raise

    def _counts(self, event: Event, quota: Quota) -> QuotaCounts:
        group = self._keeper.state(event.group_id)
        if group is None or event.id not in group.events:
            raise Refusal(Code.RECOVERING)
        return group.events[event.id].counts[quota.number]

    def _record_alone(self, staff: Claims, action: str, quota_id: str, detail: Any) -> None:
        with self._sessions.begin() as session:
            self._record(session, staff, action, f"quota:{quota_id}", detail)

    def _record(self, session: Session, staff: Claims, action: str, subject: str, detail: Any) -> None:
        trail.record(session, self._clock.now_ms(), staff.actor, action, subject, detail)


def _checked_quota(event: Event, quota: Quota, before: QuotaDraft, changes: QuotaChanges) -> QuotaDraft:
    after = tidied(changed(before, changes))
    refuse_if(chain(quota_faults(after), fixed_quota_faults(event.state, before, after)))
    others = [after if other is quota else repository.quota_plan_of(other) for other in event.quotas]
    refuse_if(event_faults(structs.replace(repository.plan_of(event), quotas=tuple(others))))
    return after


def _overtaken_faults(event: Event, before: QuotaDraft, after: QuotaDraft) -> Iterator[Fault]:
    """A capacity meant for the draft, when the event was published since it was looked at.

    Written now it would be SQL's alone: Redis takes the capacity of a quota that it knows from nobody.
    """
    for field in differences(before, after):
        if event.state != DRAFT and field in _COUNTED:
            yield field, "was not changed: the event has just been published, try again"
