"""Goal: the drain finds the group, the currency and the quota it writes about, and nothing of other events.

Method: both databases, two events of one series and one alone.
"""

from tests.support.shop import Shop
from ticketing.catalogue import log
from ticketing.catalogue.model import QuotaDraft
from ticketing.database import reading


def test_it_answers_for_the_events_asked_about(shop: Shop) -> None:
    group = shop.catalogue.create_group(shop.district, "May Day", 3)
    first, second = (shop.drafted(5, allowance_group=group) for _ in range(2))
    euros = (QuotaDraft(name="Seats", capacity=7, price=500, currency="EUR"),)
    alone = shop.catalogue.create_event(shop.district, shop.draft(quotas=euros))
    with shop.sessions.begin() as session:
        assert log.group_of(session, first) == group
        assert log.group_of(session, "unknown") is None
        assert log.groups_of(session, {first, alone, "unknown"}) == {first: group, alone: alone}
        assert log.currencies(session, {second, alone}) == {second: "CNY", alone: "EUR"}
        assert sorted(log.events_of(session, group)) == sorted([first, second])
        log.follow_capacity(session, f"{alone}-1", 9, 2)
    with reading(shop.sessions):
        quota = shop.event(alone).quotas[0]
    assert (quota.capacity, quota.withheld) == (9, 2)
    assert shop.event(first).quotas[0].capacity == 5
