"""Staff draft, publish, change and close events; SQL, Redis and the audit trail tell the same story.

Goal: every act does what its name says, once, and refuses what is out of place or out of reach without a trace
in SQL or Redis. Method: the service over both databases and the real Redis, read back from all three.
"""

from collections.abc import Callable

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from tests.support.office import HOUR_MS, Office, claims
from ticketing.catalogue.model import EventChanges, QuotaChanges, QuotaDraft
from ticketing.catalogue.tables import AllowanceGroup
from ticketing.database import reading
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.services import trail
from ticketing.staff.tables import AuditEntry


def refusal(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


def faulty(act: Callable[[], object]) -> list[str]:
    """The fields that an act is refused for."""
    refused = refusal(act)
    assert refused.code is Code.INVALID
    return [error["field"] for error in refused.facts["errors"]]


def story(office: Office) -> list[tuple[str, str]]:
    """(action, subject) of every act, after checking the chain."""
    with reading(office.sessions) as session:
        assert trail.verify(session) is None
        rows = session.execute(select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id))
        return [(action, subject) for action, subject in rows]


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
    assert story(office) == [("event.create", f"event:{event.id}")]


def test_a_faulty_draft_leaves_nothing_behind(office: Office) -> None:
    draft = office.draft(1, title="", eligible_organisations=("moon",))
    assert faulty(lambda: office.catalogue.create_event(office.district, draft)) == ["title"]
    draft = office.draft(1, allowance_group="nothing", eligible_organisations=("moon",))
    refused = faulty(lambda: office.catalogue.create_event(office.district, draft))
    assert refused == ["allowance_group", "eligible_organisations"]
    assert office.catalogue.list_events(office.district) == []
    assert story(office) == []


def test_who_may_draft_for_whom(office: Office) -> None:
    create = office.catalogue.create_event
    assert office.event(create(office.street, office.draft(1))).organisation_id == "street-1"
    assert office.event(create(office.street, office.draft(1, organisation="mill"))).organisation_id == "mill"
    for staff, organisation in ((office.street, "street-10"), (claims("district", "clerk"), "district")):
        draft = office.draft(1, organisation=organisation)
        assert refusal(lambda s=staff, d=draft: create(s, d)).code is Code.FORBIDDEN  # type: ignore[misc]


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
    assert story(office) == [(act, f"event:{event_id}") for act in acts]


def test_a_verb_out_of_place_is_refused(office: Office) -> None:
    event_id = office.drafted(5)
    staff, catalogue = office.district, office.catalogue
    opens_at = office.event(event_id).opens_at
    for act in (catalogue.pause, catalogue.resume, catalogue.close):
        refused = refusal(lambda act=act: act(staff, event_id))  # type: ignore[misc]
        assert (refused.code, refused.facts) == (Code.SALE_NOT_OPEN, {"opens_at": opens_at})
    catalogue.publish(staff, event_id)
    catalogue.pause(staff, event_id)
    assert refusal(lambda: catalogue.publish(staff, event_id)).code is Code.SALE_PAUSED
    catalogue.close(staff, event_id)
    for act in (catalogue.publish, catalogue.pause, catalogue.resume):
        assert refusal(lambda act=act: act(staff, event_id)).code is Code.SALE_CLOSED  # type: ignore[misc]
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
            lambda staff=staff: catalogue.add_quota(staff, event_id, quota),  # type: ignore[misc]
            lambda staff=staff: catalogue.change_quota(staff, event_id, f"{event_id}-1", raised),  # type: ignore[misc]
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
    assert [act for act, _ in story(office)].count("event.pause") == 1


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


# Quotas


def test_a_quota_added_in_mid_sale_is_on_sale(office: Office) -> None:
    event_id = office.published(5)
    extra = QuotaDraft(name="Extra showing", capacity=4, withheld=1)
    quota_id = office.catalogue.add_quota(office.district, event_id, extra, "demand")
    assert quota_id == f"{event_id}-2"
    assert isinstance(office.hold(event_id, 1, (2, 3)), Decided)
    assert isinstance(office.hold(event_id, 2, (2, 1)), Refusal), "one is withheld"
    add = office.catalogue.add_quota
    repeated = faulty(lambda: add(office.district, event_id, extra))
    assert repeated == ["quotas[2].name"], "a repeated call adds no second one"
    dear = QuotaDraft(name="Dear", capacity=1, price=500)
    assert faulty(lambda: add(office.district, event_id, dear)) == ["payment_methods"]
    assert story(office)[-1] == ("quota.add", f"quota:{quota_id}")


def test_a_draft_quota_changes_in_sql_alone(office: Office) -> None:
    event_id = office.drafted(5)
    changes = QuotaChanges(capacity=9, withheld=2, name="Other")
    event = office.catalogue.change_quota(office.district, event_id, f"{event_id}-1", changes)
    assert (event.quotas[0].capacity, event.quotas[0].withheld, event.quotas[0].name) == (9, 2, "Other")
    assert office.in_redis(event_id) is None


def test_raised_in_mid_sale(office: Office) -> None:
    event_id = office.published(2)
    office.buy(event_id, 1, (1, 2))
    assert isinstance(office.hold(event_id, 2, (1, 1)), Refusal)
    quota_id = f"{event_id}-1"
    changes = QuotaChanges(capacity=3, name="More seats")
    event = office.catalogue.change_quota(office.district, event_id, quota_id, changes, "demand")
    assert event.quotas[0].name == "More seats"
    assert event.quotas[0].capacity == 2, "SQL waits for the log"
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(3, 0, 0, 2)
    assert isinstance(office.hold(event_id, 2, (1, 1)), Decided)
    assert [act for act, _ in story(office)][-2:] == ["quota.resize", "quota.change"]


def test_only_what_is_asked_changes_what_redis_counts(office: Office) -> None:
    event_id = office.published(5)
    quota_id, change = f"{event_id}-1", office.catalogue.change_quota
    change(office.district, event_id, quota_id, QuotaChanges(capacity=8))
    change(office.district, event_id, quota_id, QuotaChanges(withheld=3))
    change(office.district, event_id, quota_id, QuotaChanges(capacity=9))
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(9, 3, 0, 0), "though SQL still has 5 and 0"
    assert faulty(lambda: change(office.district, event_id, quota_id, QuotaChanges(capacity=2))) == [
        "withheld"
    ]


def test_below_what_is_sold_needs_force_and_the_refused_wish_is_on_record(office: Office) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 3))
    quota_id, lower = f"{event_id}-1", QuotaChanges(capacity=2, name="Smaller hall")
    change = office.catalogue.change_quota
    refused = refusal(lambda: change(office.district, event_id, quota_id, lower))
    assert (refused.code, refused.facts) == (Code.CAPACITY_IN_USE, {"in_use": 3})
    assert office.event(event_id).quotas[0].name == "Quota 1", "refused as a whole"
    change(office.district, event_id, quota_id, lower, "hall flooded", force=True)
    state = office.in_redis(event_id)
    assert state is not None
    assert (state.counts[1], state.counts[1].available) == (QuotaCounts(2, 0, 0, 3), 0)
    acts = ["quota.resize", "quota.resize_refused", "quota.resize", "quota.change"]
    assert [act for act, _ in story(office)][-4:] == acts


def test_price_stays_once_published_and_nothing_else_happens_then(office: Office) -> None:
    event_id = office.published(5)
    changes = QuotaChanges(price=100, face_price=100, capacity=50)
    change = office.catalogue.change_quota
    assert faulty(lambda: change(office.district, event_id, f"{event_id}-1", changes)) == ["price"]
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1].capacity == 5
    missing = refusal(lambda: change(office.district, event_id, f"{event_id}-7", QuotaChanges(capacity=1)))
    assert missing.code is Code.NOT_FOUND


def test_after_the_end_the_quotas_stay(office: Office) -> None:
    event_id = office.published(5)
    office.catalogue.close(office.district, event_id)
    add, change = office.catalogue.add_quota, office.catalogue.change_quota
    quota, raised = QuotaDraft(name="New", capacity=1), QuotaChanges(capacity=9)
    assert refusal(lambda: add(office.district, event_id, quota)).code is Code.SALE_CLOSED
    closed = refusal(lambda: change(office.district, event_id, f"{event_id}-1", raised))
    assert closed.code is Code.SALE_CLOSED


def test_a_forgotten_group_is_not_resized(office: Office) -> None:
    event_id = office.published(5)
    office.redis.flushall()
    change, raised = office.catalogue.change_quota, QuotaChanges(capacity=9)
    lost = refusal(lambda: change(office.district, event_id, f"{event_id}-1", raised))
    assert lost.code is Code.RECOVERING
    assert [act for act, _ in story(office)][-1] == "event.publish"
