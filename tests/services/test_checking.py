"""Before an event is published: what publishing refuses is named as such, and what is doubtful is only pointed at.

Goal: the check and publishing never disagree, and each doubt is raised by what it is about and by nothing else.
Method: the service over both databases, a draft for each mistake.
"""

from datetime import datetime
from typing import Any

import pytest

from tests.support.office import HOUR_MS, Office, claims
from tests.support.refusals import faulty, refusal
from tests.support.shop import Shop
from ticketing.catalogue.venues import VenuePlan
from ticketing.clock import DAY_MS, ZONE
from ticketing.errors import Code
from ticketing.services.venues import VenueService
from ticketing.services.waves import WavePlan


def noon_in(days: int, hour: int = 12) -> int:
    """An hour of a day to come, in Beijing."""
    day = datetime.now(ZONE).replace(hour=hour, minute=0, second=0, microsecond=0)
    return round(day.timestamp() * 1000) + days * DAY_MS


def flawless(**changes: Any) -> dict[str, Any]:
    fields = {
        "opens_at": noon_in(2),
        "closes_at": noon_in(5),
        "starts_at": noon_in(6),
        "pickup": "at the desk",
    }
    return fields | {"collect_until": noon_in(6, 20), "per_card_limit": 2} | changes


def remarks(office: Office, *capacities: int, **changes: Any) -> list[tuple[bool, str, str]]:
    event_id = office.drafted(*(capacities or (5,)), **flawless(**changes))
    return [
        (each.refuses, each.field, each.reason) for each in office.checks.check(office.district, event_id)
    ]


def test_nothing_is_said_of_a_flawless_draft(office: Office) -> None:
    assert remarks(office) == []


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"per_card_limit": 6}, "per_card_limit", "is larger than the number of tickets"),
        ({"pickup": ""}, "pickup", "is empty"),
        ({"collect_until": noon_in(5)}, "collect_until", "is before the event"),
        ({"opens_at": noon_in(2, 23)}, "opens_at", "is at night"),
        ({"opens_at": noon_in(2, 6)}, "opens_at", "is at night"),
        ({"starts_at": noon_in(1)}, "starts_at", "is before the booking opens"),
        ({"eligible_organisations": ("mill",)}, "eligible_organisations", "has no card"),
    ],
)
def test_what_is_doubtful_is_pointed_at(
    office: Office, changes: dict[str, Any], field: str, reason: str
) -> None:
    assert (False, field, reason) in remarks(office, **changes)
    assert not any(refuses for refuses, _, _ in remarks(office, **changes))


def test_how_near_the_opening_is(office: Office) -> None:
    for after, reason in (
        (-1_000, "is now: it opens when it is published"),
        (60_000, "is in less than five minutes"),
    ):
        found = remarks(office, opens_at=office.now + after)
        assert (False, "opens_at", reason) in found


def test_who_has_a_card(shop: Shop) -> None:
    for organisations, doubted in (
        (("street-1",), False),
        (("mill", "street-10"), True),
        (("district",), False),
    ):
        found = remarks(shop, eligible_organisations=organisations)
        assert ((False, "eligible_organisations", "has no card") in found) is doubted


def test_what_publishing_refuses_is_what_the_check_calls_refused(office: Office) -> None:
    past = {"opens_at": office.now - 2 * HOUR_MS, "closes_at": office.now - HOUR_MS}
    registry = VenueService(office.sessions, office.clock)
    venue = registry.add(office.district, VenuePlan(name="Hall"))
    registry.move(office.district, venue, "suspend", "it falls short")
    at_venue = {"venue_id": venue}
    for changes in (past, {"quotas": ()}, at_venue, past | at_venue):
        event_id = office.drafted(**flawless(collect_until=None, **changes))
        found = office.checks.check(office.district, event_id)
        refused = [each.field for each in found if each.refuses]
        assert refused
        assert faulty(lambda e=event_id: office.catalogue.publish(office.district, e)) == refused


def test_a_quota_without_tickets_is_doubtful_unless_a_wave_brings_some(office: Office) -> None:
    assert remarks(office, 0, 5) == [(False, "quotas[0].capacity", "is 0")]
    event_id = office.drafted(0, **flawless())
    wave = WavePlan(noon_in(3), 5)
    office.waves.raise_quota(office.district, "key", f"{event_id}-1", 0, [wave], "")
    assert office.checks.check(office.district, event_id) == []
    assert office.catalogue.publish(office.district, event_id).state == "published"


def test_who_may_check(office: Office) -> None:
    event_id = office.catalogue.create_event(office.street, office.draft(1))
    neighbour = claims("district.street-10")
    assert refusal(lambda: office.checks.check(neighbour, event_id)).code is Code.NOT_FOUND
