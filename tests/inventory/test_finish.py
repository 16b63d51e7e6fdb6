"""Goal: a hold ends once, as confirmed, released or expired, and tickets that come back count once.

Method: each verb after each other verb against the real server; stock, ledger and log are read back.
"""

from collections.abc import Callable

import pytest

from tests.support.sale import EPOCH, EVENT, GROUP, HOLD_MS, Sale
from ticketing.errors import Code, Refusal
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided, HoldStatus, QuotaRules, Use


def test_confirm_sells_and_writes_the_order_to_the_log(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    decided = sale.confirm(7, hold.id)
    assert decided.hold.status is HoldStatus.CONFIRMED
    entries = sale.keeper.read_log(GROUP, 0, 10)
    assert [entry.kind for entry in entries] == ["configure", "order"]
    assert entries[1].hold == decided.hold
    assert entries[1].position == decided.hold.position == 2
    assert sale.keeper.ledger(GROUP, 7).uses == (Use(EVENT, 1, held=0, bought=2),)
    assert sale.counts() == (3, 0, 2)


def test_confirm_again_answers_as_before_whatever_the_method(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    first, again = sale.confirm(7, hold.id), sale.confirm(7, hold.id, "desk")
    assert again == Decided(first.hold, replayed=True)
    assert len(sale.keeper.read_log(GROUP, 0, 10)) == 2
    assert sale.counts() == (4, 0, 1)


def test_confirm_works_while_the_sale_is_paused_and_closed(sale: Sale) -> None:
    rules = sale.open(5)
    first, second = sale.hold(7, (1, 1)).hold, sale.hold(8, (1, 1)).hold
    for version, state, member, hold in ((2, "paused", 7, first), (3, "closed", 8, second)):
        sale.keeper.configure(
            GROUP, EPOCH, sale.rules(5, version=version, state=state, opens_at=rules.opens_at)
        )
        assert isinstance(sale.confirm(member, hold.id), Decided)
    assert sale.counts() == (3, 0, 2)


@pytest.mark.parametrize(("method", "allowed"), [("free", False), ("desk", True), ("coins", False)])
def test_what_costs_something_is_paid_by_a_method_of_the_event(
    sale: Sale, method: str, allowed: bool
) -> None:
    sale.open(5, quotas=(QuotaRules(1, 500, None, 5),))
    hold = sale.hold(7, (1, 3)).hold
    assert hold.amount == 1_500
    answer = sale.confirm(7, hold.id, method)
    assert isinstance(answer, Decided) if allowed else answer.code is Code.PAYMENT_REQUIRED
    assert sale.counts() == ((2, 0, 3) if allowed else (2, 3, 0))


def test_someone_elses_hold_is_not_found(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    answers = [
        sale.confirm(8, hold.id),
        sale.keeper.release(GROUP, hold.id, 8),
        sale.confirm(7, "event.unknown"),
    ]
    assert [answer.code for answer in answers] == [Code.NOT_FOUND] * 3
    assert sale.counts() == (4, 1, 0)


def test_release_gives_back_once(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    assert [sale.keeper.release(GROUP, hold.id, 7) for _ in range(2)] == [None, None]
    assert sale.confirm(7, hold.id).code is Code.HOLD_RELEASED
    assert sale.keeper.ledger(GROUP, 7).uses == ()
    assert sale.counts() == (5, 0, 0)


def test_a_confirmed_hold_cannot_be_released(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    sale.confirm(7, hold.id)
    refused = sale.keeper.release(GROUP, hold.id, 7)
    assert refused is not None
    assert refused.code is Code.HOLD_CONFIRMED
    assert sale.counts() == (3, 0, 2)


def test_a_hold_expires_when_its_time_is_over_and_not_before(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    assert sale.keeper.next_due(GROUP) == hold.expires_at
    assert sale.at(hold.expires_at - 1).keeper.expire(GROUP, EPOCH) == 0
    assert sale.at(hold.expires_at).confirm(7, hold.id).code is Code.HOLD_EXPIRED
    assert sale.at(hold.expires_at).keeper.expire(GROUP, EPOCH) == 1
    found = sale.keeper.look_up(GROUP, hold.id)
    assert found is not None
    assert found.status is HoldStatus.EXPIRED
    assert sale.keeper.next_due(GROUP) is None
    assert sale.counts() == (5, 0, 0)


def test_expire_is_bounded(sale: Sale) -> None:
    sale.open(50)
    for member in range(10):
        sale.hold(member, (1, 1))
    later = sale.at(sale.now + HOLD_MS + 60_000)
    assert [later.keeper.expire(GROUP, EPOCH, limit=4) for _ in range(4)] == [4, 4, 2, 0]
    assert sale.counts() == (50, 0, 0)


def test_control_without_the_expiry_check_a_dead_hold_is_sold(
    sale: Sale, without: Callable[..., None]
) -> None:
    without("confirm", "or hold[CREATED] + hold[TTL] <= now", "")
    sale.open(5)
    hold = sale.hold(7, (1, 1)).hold
    assert isinstance(sale.at(hold.expires_at + 1).confirm(7, hold.id), Decided)


def test_a_returned_ticket_comes_back_once(sale: Sale) -> None:
    sale.open(5, 5)
    hold = sale.hold(7, (1, 2), (2, 1)).hold
    sale.confirm(7, hold.id)
    assert sale.keeper.restock(GROUP, EPOCH, [(hold.id, 0b101, "web")]) == 2
    assert sale.keeper.restock(GROUP, EPOCH, [(hold.id, 0b101, "web"), (hold.id, 0b111, "web")]) == 1
    assert sale.keeper.ledger(GROUP, 7).uses == ()
    kinds = [entry.kind for entry in sale.keeper.read_log(GROUP, 2, 10)]
    assert kinds == ["restock", "restock"]
    assert (sale.counts(1), sale.counts(2)) == ((5, 0, 0), (5, 0, 0))


def test_control_without_the_returned_bits_a_ticket_comes_back_twice(
    sale: Sale, without: Callable[..., None]
) -> None:
    without("restock", "bit.band(places, bit.bnot(hold[RETURNED]))", "places")
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    sale.confirm(7, hold.id)
    for _ in range(2):
        sale.keeper.restock(GROUP, EPOCH, [(hold.id, 0b01, "web")])
    assert sale.counts() == (5, 0, 0)  # one ticket is still the member's, yet five are on sale


def test_only_what_was_sold_can_be_returned(sale: Sale) -> None:
    sale.open(5)
    hold = sale.hold(7, (1, 2)).hold
    with pytest.raises(Refusal, match=Code.NOT_FOUND):
        sale.keeper.restock(GROUP, EPOCH, [(hold.id, 1, "web")])
    assert sale.counts() == (3, 2, 0)


def test_a_stray_expiry_stops_nobody(sale: Sale) -> None:
    """A due entry without its hold is dropped, and the next wish is decided."""
    sale.open(5)
    sale.redis.zadd(group_keys(GROUP)[5], {"event.stray": 1})
    assert isinstance(sale.hold(7, (1, 1)), Decided)
    assert sale.keeper.next_due(GROUP) != 1
    assert sale.counts() == (4, 1, 0)
