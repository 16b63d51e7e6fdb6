"""A campaign begins with what there was: a copy on other days, or a template of its kind.

Goal: a copy is a draft with every time moved and no count carried along; every template makes a draft that can be
published. Method: the service over both databases and the real Redis.
"""

import pytest

from tests.support.office import HOUR_MS, Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue.copies import templates
from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.repository import plan_of
from ticketing.catalogue.tables import DRAFT
from ticketing.clock import DAY_MS
from ticketing.errors import Code
from ticketing.inventory.model import Decided

WEEKS_52 = 364


def test_a_copy_is_a_draft_on_other_days_without_its_counts(office: Office) -> None:
    showing = office.now + 50 * HOUR_MS
    quotas = (QuotaDraft(name="Late", capacity=9, withheld=3, starts_at=showing, price=500, face_price=4000),)
    group = office.catalogue.create_group(office.district, "Films", 3)
    changes = {"collect_until": office.now + 60 * HOUR_MS, "notice": "Doors at 7", "allowance_group": group}
    old_id = office.published(quotas=quotas, **changes)
    assert isinstance(office.hold(old_id, 1, (1, 2)), Decided)
    new = office.event(office.campaigns.copy(office.district, old_id, WEEKS_52))
    old = office.event(old_id)
    moved = WEEKS_52 * DAY_MS
    for field in ("starts_at", "opens_at", "closes_at", "collect_until"):
        assert getattr(new, field) == getattr(old, field) + moved
    [quota] = plan_of(new).quotas
    assert quota == QuotaDraft(name="Late", capacity=9, starts_at=showing + moved, price=500, face_price=4000)
    assert (new.state, new.notice, new.title, new.payment_methods) == (DRAFT, "", old.title, ["desk"])
    assert (new.group_id, new.cancellable_until) == (new.id, None), "a card's use stays with last year"
    assert office.in_redis(new.id) is None
    assert office.story()[-1] == ("event.create", f"event:{new.id}")
    assert office.event(office.campaigns.copy(office.district, old_id, 1, same_series=True)).group_id == group


def test_who_may_copy(office: Office) -> None:
    event_id = office.catalogue.create_event(office.street, office.draft(1))
    copy = office.campaigns.copy
    assert office.event(copy(office.district, event_id, 7)).organisation_id == "street-1", "it stays theirs"
    assert refusal(lambda: copy(claims("district.street-10"), event_id, 7)).code is Code.NOT_FOUND
    assert refusal(lambda: copy(claims("district", "auditor"), event_id, 7)).code is Code.FORBIDDEN
    assert faulty(lambda: copy(office.district, event_id, 100_000)) == ["days"]


@pytest.mark.parametrize("name", list(templates()))
def test_every_template_makes_a_draft_that_can_be_published(office: Office, name: str) -> None:
    starts_at = office.now + 30 * DAY_MS
    made = {
        language: office.campaigns.from_template(office.district, name, starts_at, language)
        for language in ("zh", "en")
    }
    chinese, english = (office.event(made[language]) for language in ("zh", "en"))
    assert chinese.title != english.title
    assert (chinese.starts_at, chinese.state) == (starts_at, DRAFT)
    assert office.catalogue.publish(office.district, english.id).state == "published"


def test_thirty_classes_and_no_such_template(office: Office) -> None:
    starts_at = office.now + 30 * DAY_MS
    event_id = office.campaigns.from_template(office.district, "classes", starts_at, "en", "Spring classes")
    event = office.event(event_id)
    assert (event.title, event.kind, event.per_card_limit) == ("Spring classes", "class", 1)
    assert len(event.quotas) == 30
    assert (event.quotas[29].name, event.quotas[29].starts_at) == ("Class 30", starts_at + 29 * DAY_MS)
    make = office.campaigns.from_template
    assert faulty(lambda: make(office.district, "opera", starts_at, "en")) == ["template"]
    assert faulty(lambda: make(office.district, "cinema", -1, "en")) == ["starts_at"]
    reader = claims("district", "auditor")
    assert refusal(lambda: make(reader, "cinema", starts_at, "en")).code is Code.FORBIDDEN
