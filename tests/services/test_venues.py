"""Goal: a venue that is suspended or removed puts no event on sale, and everybody who may know can read why.

Method: the services over the real Valkey and both databases; the rule is shown with its negative control, an
admitted venue, and against a suspension that commits while an event is being published.
"""

from threading import Thread

import pytest

from tests.support.office import Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue.venues import IS_REMOVED, IS_SUSPENDED, VenuePlan
from ticketing.errors import Code
from ticketing.services.venues import VenueChanges, VenueService

PLAN = VenuePlan(name=" 工人文化宫影院 ", contact="王经理 021-5555", contract_number="2026-031")


@pytest.fixture
def registry(office: Office) -> VenueService:
    return VenueService(office.sessions, office.clock)


def test_a_venue_is_admitted_suspended_admitted_again_and_removed(
    office: Office, registry: VenueService
) -> None:
    venue = registry.add(office.district, PLAN, reason="contract signed")
    for verb in ("suspend", "suspend", "admit", "remove", "admit", "suspend"):
        registry.move(office.district, venue, verb, f"{verb} it")
    file = registry.file(office.district, venue)
    assert (file.venue.name, file.venue.state, file.venue.state_reason) == (
        "工人文化宫影院",
        "suspended",
        "suspend it",
    )
    acts = [row.action.removeprefix("venue.") for row in file.history]
    assert acts == ["suspend", "admit", "remove", "admit", "suspend", "admit"], (
        "newest first, repeats not twice"
    )
    assert file.history[-1].detail["reason"] == "contract signed"
    assert len(office.story()) == 6


@pytest.mark.parametrize(("verb", "reason"), [("suspend", IS_SUSPENDED), ("remove", IS_REMOVED)])
def test_its_events_cannot_go_on_sale(office: Office, registry: VenueService, verb: str, reason: str) -> None:
    good, bad = registry.add(office.district, PLAN), registry.add(office.district, PLAN)
    elsewhere, draft = office.drafted(10, venue_id=good), office.drafted(10, venue_id=bad)
    running = office.published(10, venue_id=bad)
    registry.move(office.district, bad, verb, "dirty hall")
    office.catalogue.publish(office.district, elsewhere)
    no = refusal(office.catalogue.publish, office.district, draft)
    assert (no.code, no.facts["errors"]) == (Code.INVALID, [{"field": "venue_id", "reason": reason}])
    assert office.event(draft).state == "draft"
    file = registry.file(office.district, bad)
    assert [event.id for event in file.running] == [running]
    office.catalogue.pause(office.district, running)
    assert refusal(office.catalogue.resume, office.district, running).code is Code.INVALID
    registry.move(office.district, bad, "admit", "clean again")
    office.catalogue.resume(office.district, running)
    office.catalogue.publish(office.district, draft)


def test_a_suspension_and_a_publication_at_once_come_one_after_the_other(
    office: Office, registry: VenueService
) -> None:
    venue = registry.add(office.district, PLAN)
    for _ in range(5):
        draft = office.drafted(10, venue_id=venue)
        other = Thread(target=registry.move, args=(office.district, venue, "suspend", "now"))
        other.start()
        try:
            office.catalogue.publish(office.district, draft)
        except Exception:  # noqa: BLE001 - either may come first
            assert office.event(draft).state == "draft"
        other.join()
        states = [act for act, subject in office.story() if subject in (f"venue:{venue}", f"event:{draft}")]
        if office.event(draft).state == "published":
            assert states.index("event.publish") < len(states) - 1 - states[::-1].index("venue.suspend")
        registry.move(office.district, venue, "admit", "again")


def test_who_keeps_a_venue_and_who_may_name_it(office: Office, registry: VenueService) -> None:
    of_all, of_street = registry.add(office.district, PLAN), registry.add(office.street, PLAN)
    other = claims("district.street-10")
    names = {
        who.organisation_id: {v.id for v in registry.all(who)}
        for who in (office.district, office.street, other)
    }
    assert names == {"district": {of_all, of_street}, "street-1": {of_all, of_street}, "street-10": {of_all}}
    assert refusal(registry.file, other, of_street).code is Code.NOT_FOUND
    assert refusal(registry.move, other, of_street, "suspend", "not mine").code is Code.NOT_FOUND
    assert refusal(registry.move, office.street, of_all, "suspend", "seen, not kept").code is Code.FORBIDDEN
    assert refusal(registry.add, claims("district", "auditor"), PLAN).code is Code.FORBIDDEN
    assert refusal(registry.all, claims("district", "clerk")).code is Code.FORBIDDEN
    office.catalogue.create_event(office.street, office.draft(10, venue_id=of_all))
    for unknown in (of_street, "nowhere"):
        wish = office.draft(10, venue_id=unknown)
        assert faulty(office.catalogue.create_event, other, wish) == ["venue_id"]


def test_what_is_written_down_changes_and_is_checked(office: Office, registry: VenueService) -> None:
    venue = registry.add(office.district, PLAN)
    registry.change(office.district, venue, VenueChanges(contact="李经理"), "new manager")
    registry.change(office.district, venue, VenueChanges(contact="李经理"), "again")
    file = registry.file(office.district, venue)
    assert (file.venue.contact, file.venue.contract_number) == ("李经理", "2026-031")
    assert file.history[0].detail["changes"] == {"contact": ["王经理 021-5555", "李经理"]}
    assert len(file.history) == 2
    for changes in (VenueChanges(name=""), VenueChanges(contract_number="9" * 101)):
        assert refusal(registry.change, office.district, venue, changes).code is Code.INVALID
    assert refusal(registry.move, office.district, venue, "suspend", " ").code is Code.INVALID
    registry.move(office.district, venue, "remove", "fell short")
    assert refusal(registry.move, office.district, venue, "suspend", "is out already").code is Code.INVALID
