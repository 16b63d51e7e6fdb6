"""Goal: a group made anew from its orders is the group that was, and while it is being made nothing is sold.

Method: a sale with every kind of hold; its confirmed holds are taken away, written anew, and compared.
"""

import pytest

from tests.support.sale import EPOCH, EVENT, GROUP, Sale
from ticketing.errors import Code
from ticketing.inventory import protocol
from ticketing.inventory.model import Decided, HoldStatus, QuotaCounts
from ticketing.inventory.restore import Restore


def test_a_row_is_the_inverse_of_a_hold(sale: Sale) -> None:
    sale.open(5)
    held, sold = sale.hold(7, (1, 2)).hold, sale.hold(8, (1, 1)).hold
    for hold in (held, sale.confirm(8, sold.id).hold):
        assert protocol.hold_from(hold.id, protocol.hold_row(hold)) == hold


def test_a_fenced_group_sells_nothing(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    assert Restore(sale.redis, GROUP).fence() == 1
    assert sale.hold(8, (1, 1)).code is Code.RECOVERING
    assert sale.confirm(7, hold.id).code is Code.RECOVERING


def test_a_restored_group_is_what_its_orders_say(sale: Sale) -> None:
    rules = sale.open(5, 5, per_card_limit=3)
    kept, partly = sale.hold(7, (1, 2)).hold, sale.hold(8, (1, 1), (2, 2)).hold
    first = {hold.id: sale.confirm(hold.member, hold.id).hold for hold in (kept, partly)}
    sale.keeper.restock(GROUP, EPOCH, [(partly.id, 0b010)])
    sale.hold(9, (1, 1))  # unconfirmed: void afterwards
    before = [sale.counts(1), sale.counts(2)]
    orders = [hold for hold in sale.keeper.all_holds(GROUP) if hold.status is HoldStatus.CONFIRMED]

    restore = Restore(sale.redis, GROUP)
    position = restore.fence()
    sale.redis.delete(*[key for key in sale.redis.scan_iter("*") if not key.endswith(b":meta")])
    stock = {(EVENT, quota): QuotaCounts(5, 0, 0, 0) for quota in (1, 2)}
    assert restore.replace([rules], stock, orders) == 2
    restore.open("second", position, None)
    sale.keeper._watermarks.expect(GROUP, "second", position)

    assert before == [(1, 1, 3), (4, 0, 1)]
    assert [sale.counts(1), sale.counts(2)] == [(2, 0, 3), (4, 0, 1)]
    again = sale.confirm(7, kept.id)
    assert again == Decided(first[kept.id], replayed=True)
    assert sale.hold(8, (1, 2), key="more").facts == {"scope": "event", "limit": 3, "used": 2}
    assert sale.keeper.restock(GROUP, "second", [(partly.id, 0b010)]) == 0
    confirmed = sale.confirm(9, sale.hold(9, (1, 1), key="new").hold.id)
    assert confirmed.hold.position == position + 1


@pytest.mark.parametrize("steps", [1, 2])
def test_an_interrupted_restore_stays_fenced_and_can_be_repeated(sale: Sale, steps: int) -> None:
    rules = sale.open(5)
    order = sale.confirm(7, sale.hold(7, (1, 2)).hold.id).hold
    restore = Restore(sale.redis, GROUP)
    stock = {(EVENT, 1): QuotaCounts(5, 0, 0, 0)}
    for _ in range(steps):
        restore.fence()
        restore.replace([rules], stock, [order])
        assert sale.hold(8, (1, 1)).code is Code.RECOVERING
    restore.open("second", 9, None)
    sale.keeper._watermarks.expect(GROUP, "second", 9)
    assert sale.counts() == (3, 0, 2)
