"""What to look at before an event is published: what publishing refuses, and what is most often a slip of the pen."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository, venues
from ticketing.catalogue.model import EventDraft
from ticketing.catalogue.tables import Event
from ticketing.catalogue.validation import Fault, event_faults, publishing_faults
from ticketing.clock import ZONE, ServerClock
from ticketing.database import Sessions, reading
from ticketing.members import repository as members
from ticketing.reports.budgets import is_exceeded_by
from ticketing.services import event_access
from ticketing.services.tokens import Claims

SOON_MS = 5 * 60_000
"""An opening as near as this leaves no time to see a mistake."""

_NIGHT_FROM, _NIGHT_TO = 22, 7


class Remark(Struct, frozen=True):
    """One thing to look at. What `refuses` keeps the event from being published."""

    refuses: bool
    field: str
    reason: str


class CheckService:
    """Checks events. Refusals are raised."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def check(self, staff: Claims, event_id: str) -> list[Remark]:
        """Everything there is to say, what refuses first."""
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            event = event_access.readable(session, staff, event_id)
            refused = [Remark(True, *fault) for fault in refused_at_publishing(session, event, now)]
            doubtful = [Remark(False, *fault) for fault in _doubts(session, event, now)]
        return refused + doubtful


def refused_at_publishing(
    session: Session, event: Event, now: int, *, keep_venue: bool = False
) -> Iterator[Fault]:
    """What keeps an event from being published; publishing itself asks the same, and keeps the venue as it is."""
    plan = repository.plan_of(event)
    yield from event_faults(plan)
    yield from publishing_faults(plan, now)
    yield from venues.selling_faults(session, event.venue_id, keep=keep_venue)


def _doubts(session: Session, event: Event, now: int) -> Iterator[Fault]:
    plan = repository.plan_of(event)
    yield from _doubtful_times(plan, now)
    planned = sum(quota.capacity for quota in plan.quotas) + sum(
        wave.quantity for wave in event.waiting_waves
    )
    if plan.per_card_limit is not None and 0 < planned < plan.per_card_limit:
        yield "per_card_limit", "is larger than the number of tickets"
    later = {wave.quota_id for wave in event.waiting_waves}
    for index, quota in enumerate(event.quotas):
        if not quota.capacity and quota.id not in later:
            yield f"quotas[{index}].capacity", "is 0"
    if not plan.pickup:
        yield "pickup", "is empty"
    if plan.eligible_organisations and not _has_cards(session, plan.eligible_organisations):
        yield "eligible_organisations", "has no card"
    if is_exceeded_by(session, event, now):
        yield "budget", "is smaller than the subsidy planned"


def _doubtful_times(plan: EventDraft, now: int) -> Iterator[Fault]:
    if plan.opens_at <= now:
        yield "opens_at", "is now: it opens when it is published"
    elif plan.opens_at < now + SOON_MS:
        yield "opens_at", "is in less than five minutes"
    if not _NIGHT_TO <= datetime.fromtimestamp(plan.opens_at / 1000, ZONE).hour < _NIGHT_FROM:
        yield "opens_at", "is at night"
    if plan.starts_at < plan.opens_at:
        yield "starts_at", "is before the booking opens"
    if plan.collect_until is not None and plan.collect_until < plan.starts_at:
        yield "collect_until", "is before the event"


def _has_cards(session: Session, organisation_ids: Sequence[str]) -> bool:
    return any(members.has_active_card(session, organisation_id) for organisation_id in organisation_ids)
