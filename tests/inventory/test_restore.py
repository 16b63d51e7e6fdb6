"""Goal: a group made anew from its orders is the group that was, and while it is being made nothing is sold or lost.

Method: a sale with every kind of hold; its confirmed holds are taken away, written anew, and compared.
"""

from collections.abc import Callable

import msgspec
import pytest

from tests.support.sale import EPOCH, EVENT, GROUP, Sale
from ticketing.errors import Code
from ticketing.inventory import protocol
from ticketing.inventory.model import Decided, EventRules, Hold, HoldStatus, QuotaCounts, QuotaRules
from ticketing.inventory.restore import Restore


def restored(sale: Sale, rules: EventRules, orders: list[Hold], token: str = "second") -> Restore:
    """A restore that is ready to open."""
    restore = sale.keeper.restore(GROUP, token)
    restore.fence()
    restore.add(orders)
    stock = {(EVENT, quota.number): QuotaCounts(quota.capacity, 0, 0, 0) for quota in rules.quotas}
    restore.complete([rules], stock)
    return restore


def test_a_row_is_the_inverse_of_a_hold(sale: Sale) -> None:
    sale.open(5)
    held, sold = sale.hold(7, (1, 2)).hold, sale.hold(8, (1, 1)).hold
    for hold in (held, sale.confirm(8, sold.id).hold):
        assert protocol.hold_from(hold.id, protocol.hold_row(hold)) == hold


def test_a_fenced_group_sells_nothing(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    remains = sale.keeper.restore(GROUP, "second").fence()
    assert (remains.position, remains.stock) == (1, {(EVENT, 1): QuotaCounts(5, 0, 1, 0)})
    assert sale.hold(8, (1, 1)).code is Code.RECOVERING
    assert sale.confirm(7, hold.id).code is Code.RECOVERING
    assert sale.hold(7, (1, 1)) == Decided(hold, replayed=True)


def test_a_process_that_first_meets_a_fenced_group_does_not_sell_either(sale: Sale) -> None:
    sale.open(5)
    sale.keeper.suspend(GROUP, "gap")
    sale.keeper._watermarks._known.clear()  # it starts now, and takes Redis' word for the epoch
    assert sale.hold(8, (1, 1)).code is Code.RECOVERING


def test_control_without_the_fence_it_sells(sale: Sale, without: Callable[..., None]) -> None:
    without("hold", "and not fence", "")
    sale.open(5)
    sale.keeper.suspend(GROUP, "gap")
    assert isinstance(sale.hold(8, (1, 1)), Decided)


def test_a_fenced_group_that_redis_forgot_is_not_opened_as_new(sale: Sale) -> None:
    sale.keeper.restore(GROUP, "second").fence()
    with pytest.raises(Exception, match="recovering"):
        sale.keeper.open_group(GROUP, "another", None)


@pytest.mark.parametrize("wiped", [True, False])
def test_a_restored_group_is_what_its_orders_say(sale: Sale, wiped: bool) -> None:
    rules = sale.open(5, 5, per_card_limit=3)
    kept, partly = sale.hold(7, (1, 2)).hold, sale.hold(8, (1, 1), (2, 2)).hold
    first = {hold.id: sale.confirm(hold.member, hold.id).hold for hold in (kept, partly)}
    sale.keeper.restock(GROUP, EPOCH, [(partly.id, 0b010, "web")])
    sale.hold(9, (1, 1))  # unconfirmed: void afterwards
    before = [sale.counts(1), sale.counts(2)]
    orders = [hold for hold in sale.keeper.all_holds(GROUP) if hold.status is HoldStatus.CONFIRMED]
    position = sale.keeper.last_position(GROUP)
    assert position is not None

    if wiped:
        sale.redis.flushall()
    assert restored(sale, rules, orders).open(position, None, [])
    sale.keeper._watermarks.expect(GROUP, "second", position)

    assert before == [(1, 1, 3), (4, 0, 1)]
    assert [sale.counts(1), sale.counts(2)] == [(2, 0, 3), (4, 0, 1)]
    again = sale.confirm(7, kept.id)
    assert again == Decided(first[kept.id], replayed=True)
    assert sale.hold(8, (1, 2), key="more").facts == {"scope": "event", "limit": 3, "used": 2}
    assert sale.keeper.restock(GROUP, "second", [(partly.id, 0b010, "web")]) == 0
    confirmed = sale.confirm(9, sale.hold(9, (1, 1), key="new").hold.id)
    assert confirmed.hold.position == position + 1
    assert [sale.redis.ttl(key) for key in sale.redis.keys("*")] == [-1] * len(sale.redis.keys("*"))


def test_an_interrupted_restore_stays_fenced_loses_nothing_and_can_be_repeated(sale: Sale) -> None:
    rules = sale.open(5)
    order = sale.confirm(7, sale.hold(7, (1, 2)).hold.id).hold
    restored(sale, rules, [], "interrupted")
    assert sale.hold(8, (1, 1)).code is Code.RECOVERING
    assert list(sale.keeper.all_holds(GROUP)) == [order]
    assert restored(sale, rules, [order]).open(9, None, [])
    sale.keeper._watermarks.expect(GROUP, "second", 9)
    assert sale.counts() == (3, 0, 2)
    assert list(sale.redis.scan_iter("*:new:*")) == []


def test_of_two_restores_only_the_later_one_opens(sale: Sale) -> None:
    rules = sale.open(5)
    order = sale.confirm(7, sale.hold(7, (1, 2)).hold.id).hold
    earlier = restored(sale, rules, [], "earlier")
    later = restored(sale, rules, [order], "later")
    assert (earlier.is_mine(), earlier.open(9, None, [])) == (False, False)
    assert (later.is_mine(), later.open(9, None, [])) == (True, True)
    sale.keeper._watermarks.expect(GROUP, "later", 9)
    assert sale.counts() == (3, 0, 2)


def test_control_without_the_check_of_the_fence_the_earlier_one_sells_twice(
    sale: Sale, without: Callable[..., None]
) -> None:
    without("restore", "if fence ~= mine then return { RECOVERING } end", "")
    rules = sale.open(5)
    sale.confirm(7, sale.hold(7, (1, 2)).hold.id)
    earlier = restored(sale, rules, [], "earlier")
    sale.redis.hset(earlier._keys[0], "fence", "later")
    assert earlier.open(9, None, [])
    sale.keeper._watermarks.expect(GROUP, "earlier", 9)
    assert sale.counts() == (5, 0, 0), "two sold seats are on sale again"


def test_a_void_hold_of_a_quota_that_is_not_there_any_more_hinders_nothing(sale: Sale) -> None:
    """SQL went back to before the second quota, whose share the desk had in hand."""
    rules = sale.open(quotas=(QuotaRules(1, 0, None, 5, 1), QuotaRules(2, 0, None, 5, 5)))
    hold = sale.keeper.hold(GROUP, sale.request(7, (1, 2), (2, 2), channel="desk"))
    assert isinstance(hold, Decided)
    before = msgspec.structs.replace(rules, quotas=rules.quotas[:1])
    assert restored(sale, before, []).open(9, None, [hold.hold])
    sale.keeper._watermarks.expect(GROUP, "second", 9)
    assert sale.counts() == (4, 0, 0)
    assert [entry.position for entry in sale.keeper.read_log(GROUP, 0, 10)] == [10]


def test_what_was_made_and_lost_again_is_not_opened(sale: Sale) -> None:
    rules = sale.open(5)
    order = sale.confirm(7, sale.hold(7, (1, 2)).hold.id).hold
    restore = restored(sale, rules, [order])
    sale.redis.delete(restore._new[2])
    assert not restore.open(9, None, [])
    sale.redis.flushall()
    assert not restore.is_mine()
    assert not restore.open(9, None, [])


def test_damaged_bytes_are_named_not_followed(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    restore = sale.keeper.restore(GROUP, "second")
    sale.redis.hset(restore._keys[3], "damaged", b"\xc1")
    assert dict(restore.holds()) == {hold.id: hold, "damaged": None}
