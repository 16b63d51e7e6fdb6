"""Series of events: seen with their events within reach, and their limit set until Redis has it, not after.

Goal: the limit that staff read is the one that Redis keeps. Method: the service over both databases and a real Redis,
also where a process died between the two.
"""

from functools import partial

import pytest
from sqlalchemy import select

from tests.support.office import Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue import repository
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.services.series import SeriesService
from ticketing.staff.tables import AuditEntry


@pytest.fixture
def series(sessions: Sessions, office: Office) -> SeriesService:
    return SeriesService(sessions, office.clock)


def test_a_limit_is_set_until_an_event_is_published(office: Office, series: SeriesService) -> None:
    group = office.catalogue.create_group(office.district, "Films", 3)
    series.change(office.district, group, " May Day films ", 1, "as last year")
    with reading(office.sessions) as session:
        [act] = session.scalars(select(AuditEntry).where(AuditEntry.action == "group.change"))
    assert act.detail["changes"] == {"name": ["Films", "May Day films"], "per_card_limit": [3, 1]}
    assert (act.subject, act.detail["reason"]) == (f"group:{group}", "as last year")
    first, second = (office.published(5, allowance_group=group) for _ in range(2))
    office.buy(first, 1, (1, 1))
    refused = office.hold(second, 1, (1, 1))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["limit"]) == (Code.CARD_LIMIT_EXCEEDED, 1)
    assert faulty(lambda: series.change(office.district, group, "Films", None)) == ["per_card_limit"]
    series.change(office.district, group, "Films", 1)
    shown, _ = series.one(office.district, group)
    assert (shown.name, shown.per_card_limit, shown.is_set) == ("Films", 1, True)
    assert {event.id for event in shown.events} == {first, second}


def test_a_limit_is_fixed_once_redis_may_have_it(
    office: Office, series: SeriesService, sessions: Sessions
) -> None:
    group = office.catalogue.create_group(office.district, "Films", 3)
    with sessions.begin() as session:  # a process died after it chose the epoch
        repository.set_epoch(session, group, "e")
    assert faulty(lambda: series.change(office.district, group, "Films", 4)) == ["per_card_limit"]


def test_series_are_seen_and_changed_within_reach(office: Office, series: SeriesService) -> None:
    above = office.catalogue.create_group(office.district, "Above", 3)
    mine = office.catalogue.create_group(office.street, "Mine", None)
    draft, alone = office.catalogue.create_event(office.street, office.draft(1)), office.drafted(1)
    assert [one.id for one in series.all(office.district)] == [above, mine]
    assert [one.id for one in series.all(office.street)] == [mine]
    _, drafts = series.one(claims(office.street.organisation_path, "auditor"), mine)
    assert [event.id for event in drafts] == [draft]
    for asked in (above, alone, "nothing"):  # the last has a group of its own, which is no series
        assert refusal(partial(series.one, office.street, asked)).code is Code.NOT_FOUND
        assert refusal(partial(series.change, office.street, asked, "x", 1)).code is Code.NOT_FOUND
    auditor, clerk = claims("district", "auditor"), claims("district", "clerk")
    assert refusal(lambda: series.change(auditor, mine, "x", 1)).code is Code.FORBIDDEN
    assert refusal(lambda: series.all(clerk)).code is Code.FORBIDDEN
    assert faulty(lambda: series.change(office.street, mine, "", 0)) == ["name", "per_card_limit"]
