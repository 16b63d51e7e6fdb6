"""Quotas change in SQL until they are published, and then in Redis, which counts them.

Goal: a quota is added, raised and lowered in mid-sale without losing a count or a name in the trail, and SQL never
says what Redis never hears. Method: the service over both databases and the real Redis, read back from all three.
"""

from typing import Any, cast

import pytest

from tests.support.interleaving import Between
from tests.support.office import Office
from tests.support.refusals import faulty, refusal
from ticketing.catalogue.model import QuotaChanges, QuotaDraft
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.services.keeper import SaleKeeper
from ticketing.services.quotas import QuotaService


def test_a_quota_added_in_mid_sale_is_on_sale(office: Office) -> None:
    event_id = office.published(5)
    extra = QuotaDraft(name="Extra showing", capacity=4, withheld=1)
    quota_id = office.quotas.add(office.district, event_id, extra, "demand")
    assert quota_id == f"{event_id}-2"
    assert isinstance(office.hold(event_id, 1, (2, 3)), Decided)
    assert isinstance(office.hold(event_id, 2, (2, 1)), Refusal), "one is withheld"
    add = office.quotas.add
    repeated = faulty(lambda: add(office.district, event_id, extra))
    assert repeated == ["quotas[2].name"], "a repeated call adds no second one"
    dear = QuotaDraft(name="Dear", capacity=1, price=500)
    assert faulty(lambda: add(office.district, event_id, dear)) == ["payment_methods"]
    assert office.story()[-1] == ("quota.add", f"quota:{quota_id}")


def test_a_draft_quota_changes_in_sql_alone(office: Office) -> None:
    event_id = office.drafted(5)
    changes = QuotaChanges(capacity=9, withheld=2, name="Other")
    event = office.quotas.change(office.district, event_id, f"{event_id}-1", changes)
    assert (event.quotas[0].capacity, event.quotas[0].withheld, event.quotas[0].name) == (9, 2, "Other")
    assert office.in_redis(event_id) is None


def overtaken_by_publishing(office: Office, event_id: str) -> QuotaService:
    """A service that has seen the draft and writes only after somebody else has published it."""

    def publish() -> None:
        office.catalogue.publish(office.district, event_id)

    sessions = cast("Sessions", Between(office.sessions, "begin", publish))
    return QuotaService(sessions, office.sale_keeper, office.keeper, office.clock)


def test_a_capacity_meant_for_the_draft_does_not_slip_in_after_publishing(office: Office) -> None:
    event_id = office.drafted(5)
    change = overtaken_by_publishing(office, event_id).change
    raised = QuotaChanges(capacity=9)
    assert faulty(lambda: change(office.district, event_id, f"{event_id}-1", raised)) == ["capacity"]
    assert office.event(event_id).quotas[0].capacity == 5
    change(office.district, event_id, f"{event_id}-1", raised)
    assert capacities(office, event_id) == (5, 9), "SQL waits for the log"


def test_control_without_the_second_look_sql_says_what_redis_never_hears(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketing.services.quotas._overtaken_faults", lambda *_: ())
    event_id = office.drafted(5)
    service = overtaken_by_publishing(office, event_id)
    service.change(office.district, event_id, f"{event_id}-1", QuotaChanges(capacity=9))
    assert capacities(office, event_id) == (9, 5)


def capacities(office: Office, event_id: str) -> tuple[int, int]:
    """The first quota's capacity in SQL and in Redis."""
    state = office.in_redis(event_id)
    assert state is not None
    return office.event(event_id).quotas[0].capacity, state.counts[1].capacity


def test_raised_in_mid_sale(office: Office) -> None:
    event_id = office.published(2)
    office.buy(event_id, 1, (1, 2))
    assert isinstance(office.hold(event_id, 2, (1, 1)), Refusal)
    quota_id = f"{event_id}-1"
    changes = QuotaChanges(capacity=3, name="More seats")
    event = office.quotas.change(office.district, event_id, quota_id, changes, "demand")
    assert event.quotas[0].name == "More seats"
    assert event.quotas[0].capacity == 2, "SQL waits for the log"
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(3, 0, 0, 2)
    assert isinstance(office.hold(event_id, 2, (1, 1)), Decided)
    assert [act for act, _ in office.story()][-2:] == ["quota.resize", "quota.change"]


def test_only_what_is_asked_changes_what_redis_counts(office: Office) -> None:
    event_id = office.published(5)
    quota_id, change = f"{event_id}-1", office.quotas.change
    change(office.district, event_id, quota_id, QuotaChanges(capacity=8))
    change(office.district, event_id, quota_id, QuotaChanges(withheld=3))
    change(office.district, event_id, quota_id, QuotaChanges(capacity=9))
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(9, 3, 0, 0), "though SQL still has 5 and 0"
    assert faulty(lambda: change(office.district, event_id, quota_id, QuotaChanges(capacity=2))) == [
        "withheld"
    ]


def test_two_changes_at_once_overwrite_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = office.published(5)
    quota_id, change = f"{event_id}-1", office.quotas.change
    resize = SaleKeeper.resize

    def overtaken(*arguments: Any, **options: Any) -> QuotaCounts:
        monkeypatch.undo()
        change(office.district, event_id, quota_id, QuotaChanges(withheld=3))
        return resize(*arguments, **options)

    monkeypatch.setattr(SaleKeeper, "resize", overtaken)
    change(office.district, event_id, quota_id, QuotaChanges(capacity=9))
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(9, 3, 0, 0)


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        (QuotaChanges(capacity=2), QuotaChanges(withheld=3)),
        (QuotaChanges(withheld=4), QuotaChanges(capacity=3)),
    ],
)
def test_of_two_changes_at_once_that_do_not_fit_the_second_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch, mine: QuotaChanges, others: QuotaChanges
) -> None:
    """Each would fit what it saw; only Redis sees both."""
    event_id = office.published(5)
    quota_id = f"{event_id}-1"
    change = office.quotas.change
    resize = SaleKeeper.resize

    def overtaken(*arguments: Any, **options: Any) -> QuotaCounts:
        monkeypatch.undo()
        change(office.district, event_id, quota_id, others)
        return resize(*arguments, **options)

    monkeypatch.setattr(SaleKeeper, "resize", overtaken)
    assert faulty(lambda: change(office.district, event_id, quota_id, mine, force=True)) == ["withheld"]
    state = office.in_redis(event_id)
    assert state is not None
    assert 0 <= state.counts[1].withheld <= state.counts[1].capacity
    assert office.story()[-1] == ("quota.resize_refused", f"quota:{quota_id}")


def test_below_what_is_sold_needs_force_and_the_refused_wish_is_on_record(office: Office) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 3))
    quota_id, lower = f"{event_id}-1", QuotaChanges(capacity=2, name="Smaller hall")
    change = office.quotas.change
    refused = refusal(lambda: change(office.district, event_id, quota_id, lower))
    assert (refused.code, refused.facts) == (Code.CAPACITY_IN_USE, {"in_use": 3})
    assert office.event(event_id).quotas[0].name == "Quota 1", "refused as a whole"
    change(office.district, event_id, quota_id, lower, "hall flooded", force=True)
    state = office.in_redis(event_id)
    assert state is not None
    assert (state.counts[1], state.counts[1].available) == (QuotaCounts(2, 0, 0, 3), 0)
    acts = ["quota.resize", "quota.resize_refused", "quota.resize", "quota.change"]
    assert [act for act, _ in office.story()][-4:] == acts


def test_price_stays_once_published_and_nothing_else_happens_then(office: Office) -> None:
    event_id = office.published(5)
    changes = QuotaChanges(price=100, face_price=100, capacity=50)
    change = office.quotas.change
    assert faulty(lambda: change(office.district, event_id, f"{event_id}-1", changes)) == ["price"]
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1].capacity == 5
    missing = refusal(lambda: change(office.district, event_id, f"{event_id}-7", QuotaChanges(capacity=1)))
    assert missing.code is Code.NOT_FOUND


def test_after_the_end_the_quotas_stay(office: Office) -> None:
    event_id = office.published(5)
    office.catalogue.close(office.district, event_id)
    add, change = office.quotas.add, office.quotas.change
    quota, raised = QuotaDraft(name="New", capacity=1), QuotaChanges(capacity=9)
    assert refusal(lambda: add(office.district, event_id, quota)).code is Code.SALE_CLOSED
    closed = refusal(lambda: change(office.district, event_id, f"{event_id}-1", raised))
    assert closed.code is Code.SALE_CLOSED


def test_a_forgotten_group_is_not_resized(office: Office) -> None:
    event_id = office.published(5)
    office.redis.flushall()
    change, raised = office.quotas.change, QuotaChanges(capacity=9)
    lost = refusal(lambda: change(office.district, event_id, f"{event_id}-1", raised))
    assert lost.code is Code.RECOVERING
    assert [act for act, _ in office.story()][-1] == "event.publish"
