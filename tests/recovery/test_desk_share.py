"""Goal: what a desk's hold that a rebuild voids took of its share goes back into it once, if Redis knows of it.

Method: the real servers; a desk dies between hold and confirm, and the group is made anew: whole, from an old copy of
Redis, and by rebuilds that die before and after each of their commands and commits.
"""

from typing import Any

import pytest

from tests.support.disasters import Crossings, Died, goes_back, rebuilds, violations
from tests.support.shop import Shop
from ticketing.catalogue.model import QuotaChanges, QuotaDraft
from ticketing.inventory.model import Decided, Hold, HoldRequest, QuotaCounts
from ticketing.inventory.restore import Restore

BEFORE = QuotaCounts(capacity=5, withheld=2, held=0, sold=1)


def died_before_its_confirm(shop: Shop) -> tuple[str, Hold]:
    """Of five tickets two are kept for the desk, which holds three; one is sold on the web."""
    event = shop.sale(quotas=(QuotaDraft(name="Seats", capacity=5, withheld=2),))
    shop.buy(event, 1, (1, 1))
    hold_id = shop.keyring.hold_id(event, 2, "desk.1", "key")
    answer = shop.keeper.hold(event, HoldRequest(hold_id, event, 2, "city", ((1, 3),), "desk"))
    assert isinstance(answer, Decided)
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=3, sold=1)
    return event, answer.hold


def withheld(shop: Shop, event: str) -> tuple[int, int]:
    """In Redis, and in SQL once the log is drained."""
    shop.drain().run(event)
    return shop.counts(event).withheld, shop.event(event).quotas[0].withheld


@pytest.mark.parametrize("drained", [True, False])
def test_the_share_is_as_before_the_hold(shop: Shop, drained: bool) -> None:
    event, hold = died_before_its_confirm(shop)
    if drained:
        shop.drain().run(event)
    for voided in (1, 0):
        assert rebuilds(shop).rebuild(event).voided_holds == voided
        assert shop.counts(event) == BEFORE
        assert withheld(shop, event) == (2, 2)
        assert shop.keeper.acts(event, [hold.id]) == set()
    assert violations(shop) == []


def old_copy_of_a_hold_that_expired_since(shop: Shop) -> str:
    """Redis is as it was when the hold was live; SQL has in its log that the share is whole again."""
    event, hold = died_before_its_confirm(shop)
    shop.drain().run(event)
    with goes_back(shop.redis, event):
        shop.keeper.release(event, hold.id, hold.member)
        shop.quotas.change(shop.street, event, f"{event}-1", QuotaChanges(withheld=1), "one is enough")
        assert withheld(shop, event) == (1, 1)
    return event


def test_an_old_copy_of_redis_gives_nothing_back(shop: Shop) -> None:
    event = old_copy_of_a_hold_that_expired_since(shop)
    assert rebuilds(shop).rebuild(event).voided_holds == 1
    assert withheld(shop, event) == (1, 1)
    assert violations(shop) == []


def test_control_believed_it_keeps_more_than_staff_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event = old_copy_of_a_hold_that_expired_since(shop)
    open_it = Restore.open

    def with_all_it_knows(restore: Restore, position: int, limit: int | None, _: Any) -> bool:
        return open_it(restore, position, limit, [hold for _, hold in restore.holds() if hold])

    monkeypatch.setattr(Restore, "open", with_all_it_knows)
    rebuilds(shop).rebuild(event)
    assert withheld(shop, event) == (3, 3)


def test_wherever_the_rebuild_dies_it_goes_back_once(shop: Shop) -> None:
    event, _ = died_before_its_confirm(shop)
    with Crossings(shop) as whole:
        rebuilds(shop).rebuild(event)
    for dies_at in range(whole.passed):
        event, _ = died_before_its_confirm(shop)
        with Crossings(shop, dies_at), pytest.raises(Died):
            rebuilds(shop).rebuild(event)
        rebuilds(shop).rebuild(event)
        assert shop.counts(event) == BEFORE, dies_at
        assert withheld(shop, event) == (2, 2)
    assert violations(shop) == []
    assert whole.passed > 30
