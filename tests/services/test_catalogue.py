"""Staff draft, publish, change and close events; SQL, Redis and the audit trail tell the same story.

Goal: every act does what its name says, once, and refuses what is out of place or out of reach without a trace
in SQL or Redis. Method: the service over both databases and the real Redis, read back from all three.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.interleaving import looks_before_it_waits, until_somebody_waits
from tests.support.office import HOUR_MS, Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue import repository
from ticketing.catalogue.model import EventChanges, QuotaChanges, QuotaDraft
from ticketing.catalogue.tables import AllowanceGroup, Event
from ticketing.database import reading
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.model import Decided
from ticketing.staff.tables import AuditEntry

# Drafting


def test_a_draft_is_kept_as_it_was_given(office: Office) -> None:
    quotas = (
        QuotaDraft(name="周六", capacity=100, withheld=10, price=500, face_price=4_000, starts_at=9_000),
        QuotaDraft(name="周日", capacity=50, price=500, per_card_limit=1),
    )
    draft = office.draft(
        quotas=quotas,
        description=" two\r\nlines ",
        per_card_limit=3,
        eligible_organisations=("street-1", "mill"),
        hold_seconds=120,
        collect_until=office.now + 30 * 24 * HOUR_MS,
    )
    event = office.event(office.catalogue.create_event(office.district, draft))
    assert (event.state, event.organisation_id, event.group_id) == ("draft", "district", event.id)
    assert (event.description, event.per_card_limit, event.hold_seconds) == ("two\nlines", 3, 120)
    assert (event.eligible_organisations, event.payment_methods) == (["street-1", "mill"], ["desk"])
    assert [quota.id for quota in event.quotas] == [f"{event.id}-1", f"{event.id}-2"]
    assert [quota.face_price for quota in event.quotas] == [4_000, 500]
    assert [(quota.capacity, quota.withheld) for quota in event.quotas] == [(100, 10), (50, 0)]
    assert office.in_redis(event.id) is None
    assert office.story() == [("event.create", f"event:{event.id}")]


def test_a_faulty_draft_leaves_nothing_behind(office: Office) -> None:
    draft = office.draft(1, title="", eligible_organisations=("moon",))
    assert faulty(lambda: office.catalogue.create_event(office.district, draft)) == ["title"]
    draft = office.draft(1, allowance_group="nothing", eligible_organisations=("moon",))
    refused = faulty(lambda: office.catalogue.create_event(office.district, draft))
    assert refused == ["allowance_group", "eligible_organisations"]
    assert office.catalogue.list_events(office.district) == []
    assert office.story() == []


def test_who_may_draft_for_whom(office: Office) -> None:
    create = office.catalogue.create_event
    assert office.event(create(office.street, office.draft(1))).organisation_id == "street-1"
    assert office.event(create(office.street, office.draft(1, organisation="mill"))).organisation_id == "mill"
    for staff, organisation in ((office.street, "street-10"), (claims("district", "clerk"), "district")):
        draft = office.draft(1, organisation=organisation)
        assert refusal(lambda s=staff, d=draft: create(s, d)).code is Code.FORBIDDEN


def test_staff_list_their_own_events_and_those_below(office: Office) -> None:
    event_ids = {path: office.catalogue.create_event(claims(path), office.draft(1)) for path in ("district",)}
    event_ids["street"] = office.catalogue.create_event(office.street, office.draft(1))
    listed = office.catalogue.list_events
    assert {event.id for event in listed(office.district)} == set(event_ids.values())
    assert [event.id for event in listed(office.street)] == [event_ids["street"]]
    assert listed(claims("district.street-10")) == []


# Groups


def test_a_series_shares_its_limit(office: Office) -> None:
    group_id = office.catalogue.create_group(office.district, " Evening classes ", 1)
    first, second = (office.published(5, allowance_group=group_id) for _ in range(2))
    assert [group.name for group in office.catalogue.list_groups(office.district)] == ["Evening classes"]
    office.buy(first, 1, (1, 1))
    refused = office.hold(second, 1, (1, 1))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["scope"]) == (Code.CARD_LIMIT_EXCEEDED, "group")
    assert isinstance(office.hold(second, 2, (1, 1)), Decided)


def test_a_group_of_another_organisation_is_refused(office: Office) -> None:
    group_id = office.catalogue.create_group(office.street, "Street's own", 1)
    create = office.catalogue.create_event
    draft = office.draft(1, allowance_group=group_id)
    assert faulty(lambda: create(office.district, draft)) == ["allowance_group"]
    assert faulty(lambda: office.catalogue.create_group(office.district, "", 0)) == ["name", "per_card_limit"]


def test_a_draft_may_move_between_groups_and_a_published_event_may_not(office: Office) -> None:
    group_id = office.catalogue.create_group(office.district, "Films", 3)
    event_id = office.drafted(1)

    def move(to: str | None) -> str:
        changes = EventChanges(allowance_group=to)
        return office.catalogue.patch_event(office.district, event_id, changes).group_id

    def own_group_exists() -> bool:
        with reading(office.sessions) as session:
            return session.get(AllowanceGroup, event_id) is not None

    assert (move(group_id), own_group_exists()) == (group_id, False)
    assert (move(None), own_group_exists()) == (event_id, True)
    assert move(group_id) == group_id
    assert move(event_id) == event_id
    office.catalogue.publish(office.district, event_id)
    assert move(event_id) == event_id, "what clients are shown may be sent back"
    assert faulty(lambda: move(group_id)) == ["allowance_group"]


def patched_while_it_moves(office: Office) -> str | None:
    """The group of a draft, as whoever changes something else reads it who came while it was put into a series."""
    event_id, group_id = office.drafted(1), office.catalogue.create_group(office.district, "Films", 3)
    with ThreadPoolExecutor(1) as pool:
        with office.sessions.begin() as session:
            event = repository.lock(session, event_id)
            assert event is not None
            repository.move_to_group(session, event, group_id)
            changes = EventChanges(title="Films in May")
            patched = pool.submit(office.catalogue.patch_event, office.district, event_id, changes)
            until_somebody_waits(office.sessions)
        return patched.result().group.name


def test_two_who_change_a_draft_at_once_both_do(office: Office) -> None:
    assert patched_while_it_moves(office) == "Films"


def test_control_read_by_the_statement_that_waits_the_event_has_no_group(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(session: Session, event_id: str) -> Event | None:
        query = select(Event).where(Event.id == event_id).with_for_update(of=Event, key_share=True)
        return session.scalar(query)

    monkeypatch.setattr(repository, "lock", at_once)
    if not looks_before_it_waits(office.sessions):
        assert patched_while_it_moves(office) == "Films"
        return
    with pytest.raises(AttributeError):
        patched_while_it_moves(office)


# On sale and off it


def test_the_life_of_an_event(office: Office) -> None:
    event_id = office.drafted(5)
    staff, catalogue = office.district, office.catalogue
    seen = []
    for act in (catalogue.publish, catalogue.pause, catalogue.resume, catalogue.close):
        event = act(staff, event_id, "as planned")
        state = office.in_redis(event_id)
        assert state is not None
        assert event.applied_version == event.version == state.rules.version
        seen.append((event.state, state.rules.state))
        again = act(staff, event_id, "as planned")
        assert again.version == event.version, "a repeated verb changes nothing"
    assert seen == [(state, state) for state in ("published", "paused", "published", "closed")]
    acts = ["event.create", "event.publish", "event.pause", "event.resume", "event.close"]
    assert office.story() == [(act, f"event:{event_id}") for act in acts]


def test_a_verb_out_of_place_is_refused(office: Office) -> None:
    event_id = office.drafted(5)
    staff, catalogue = office.district, office.catalogue
    opens_at = office.event(event_id).opens_at
    for act in (catalogue.pause, catalogue.resume, catalogue.close):
        refused = refusal(lambda act=act: act(staff, event_id))
        assert (refused.code, refused.facts) == (Code.SALE_NOT_OPEN, {"opens_at": opens_at})
    catalogue.publish(staff, event_id)
    catalogue.pause(staff, event_id)
    assert refusal(lambda: catalogue.publish(staff, event_id)).code is Code.SALE_PAUSED
    catalogue.close(staff, event_id)
    for act in (catalogue.publish, catalogue.pause, catalogue.resume):
        assert refusal(lambda act=act: act(staff, event_id)).code is Code.SALE_CLOSED
    assert faulty(lambda: catalogue.close(staff, event_id, "a bell \a")) == ["reason"]


def test_publishing_needs_something_to_sell_and_time_to_do_it(office: Office) -> None:
    past = {"opens_at": office.now - 2 * HOUR_MS, "closes_at": office.now - HOUR_MS}
    event_id = office.drafted(**past)
    assert faulty(lambda: office.catalogue.publish(office.district, event_id)) == ["quotas", "closes_at"]
    assert office.event(event_id).state == "draft"


def test_a_neighbour_may_not_even_know(office: Office) -> None:
    event_id = office.drafted(5)
    stranger, reader = claims("district.street-10"), claims("district", "auditor")
    catalogue = office.catalogue
    changes, quota = EventChanges(title="Mine"), QuotaDraft(name="New", capacity=1)
    raised = QuotaChanges(capacity=9)
    for staff, code in ((stranger, Code.NOT_FOUND), (reader, Code.FORBIDDEN)):
        acts: list[Callable[[], object]] = [
            lambda staff=staff: catalogue.publish(staff, event_id),  # type: ignore[misc]
            lambda staff=staff: catalogue.patch_event(staff, event_id, changes),  # type: ignore[misc]
            lambda staff=staff: office.quotas.add(staff, event_id, quota),  # type: ignore[misc]
            lambda staff=staff: office.quotas.change(staff, event_id, f"{event_id}-1", raised),  # type: ignore[misc]
        ]
        assert [refusal(act).code for act in acts] == [code] * 4
    assert refusal(lambda: catalogue.event(stranger, event_id)).code is Code.NOT_FOUND
    assert catalogue.event(reader, event_id).version == 1


def test_redis_away_the_wish_stands_and_the_same_call_carries_it_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = office.published(5)
    with monkeypatch.context() as away, Redis(port=1, retry=Retry(NoBackoff(), 0)) as nobody:
        away.setattr(office.keeper, "_redis", nobody)
        with pytest.raises(StoreUnavailable):
            office.catalogue.pause(office.district, event_id)
    assert (office.event(event_id).state, office.event(event_id).applied_version) == ("paused", 2)
    assert office.catalogue.pause(office.district, event_id).applied_version == 3
    state = office.in_redis(event_id)
    assert state is not None
    assert state.rules.state == "paused"
    assert [act for act, _ in office.story()].count("event.pause") == 1


# Changing


def test_changes_reach_redis_and_the_trail(office: Office) -> None:
    event_id = office.published(5, per_card_limit=2)
    changes = EventChanges(title="新片", per_card_limit=None, closes_at=office.now + 48 * HOUR_MS)
    event = office.catalogue.patch_event(office.district, event_id, changes, "longer")
    assert (event.title, event.per_card_limit, event.version, event.applied_version) == ("新片", None, 3, 3)
    state = office.in_redis(event_id)
    assert state is not None
    assert (state.rules.per_card_limit, state.rules.closes_at) == (None, office.now + 48 * HOUR_MS)
    with reading(office.sessions) as session:
        query = select(AuditEntry).where(AuditEntry.action == "event.change")
        entry = session.scalars(query).one()
        assert entry.actor == "staff:manager-of-district"
        assert entry.detail["reason"] == "longer"
        assert entry.detail["changes"] == {
            "title": ["五元看大片", "新片"],
            "per_card_limit": [2, None],
            "closes_at": [office.now + 24 * HOUR_MS, office.now + 48 * HOUR_MS],
        }


def test_no_difference_no_version(office: Office) -> None:
    event_id = office.published(5)
    same = EventChanges(title=" 五元看大片 ", allowance_group=event_id)
    assert office.catalogue.patch_event(office.district, event_id, same).version == 2
    assert office.catalogue.patch_event(office.district, event_id, EventChanges()).version == 2


def test_opens_at_may_move_until_it_has_come(office: Office) -> None:
    opened, ahead = office.published(5), office.published(5, opens_at=office.now + HOUR_MS)
    changes = EventChanges(opens_at=office.now + 2 * HOUR_MS)
    assert faulty(lambda: office.catalogue.patch_event(office.district, opened, changes)) == ["opens_at"]
    office.catalogue.patch_event(office.district, ahead, changes)
    state = office.in_redis(ahead)
    assert state is not None
    assert state.rules.opens_at == office.now + 2 * HOUR_MS
