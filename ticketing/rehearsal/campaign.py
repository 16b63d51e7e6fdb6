"""Puts a scenario on sale: the event with its quotas, made and published as staff would."""

from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.clock import DAY_MS
from ticketing.rehearsal.scenarios import Scenario
from ticketing.services.catalogue import CatalogueService
from ticketing.services.tokens import Claims

HOUR_MS = 3600 * 1000
GROUP = "group"


def publish(
    catalogue: CatalogueService, staff: Claims, scenario: Scenario, *, opens_at: int, hold_seconds: int
) -> str:
    """Create and publish the scenario's event; returns its id. `opens_at` is in milliseconds by Redis' clock."""
    group_id = None
    if scenario.limit_scope == GROUP:
        group_id = catalogue.create_group(staff, scenario.title, scenario.per_card_limit)
    event_id = catalogue.create_event(staff, _draft(scenario, opens_at, hold_seconds, group_id), "rehearsal")
    catalogue.publish(staff, event_id, "rehearsal")
    return event_id


def _draft(scenario: Scenario, opens_at: int, hold_seconds: int, group_id: str | None) -> EventDraft:
    starts_at = _at_ten(opens_at + scenario.starts_in_days * DAY_MS)
    return EventDraft(
        title=scenario.title,
        venue=scenario.venue,
        pickup=scenario.pickup,
        starts_at=starts_at,
        opens_at=opens_at,
        closes_at=starts_at,
        collect_until=starts_at + DAY_MS,
        cancellable_until=starts_at - DAY_MS,
        per_card_limit=None if group_id else scenario.per_card_limit,
        allowance_group=group_id,
        hold_seconds=hold_seconds,
        payment_methods=(scenario.payment_method,),
        quotas=tuple(
            QuotaDraft(name=name, capacity=capacity, price=scenario.price, face_price=scenario.face_price)
            for name, capacity in scenario.each_quota()
        ),
    )


def _at_ten(day_ms: int) -> int:
    """Ten in the morning, Beijing time (02:00 UTC), of that day."""
    return day_ms // DAY_MS * DAY_MS + 2 * HOUR_MS
