"""Goal: expired holds give back their tickets, all of them, and a group that is recovering is left alone.

Method: the real server at times of the test's choosing, with more due holds than one call takes.
"""

from dataclasses import replace

import pytest

from tests.support.shop import MEMBERS, Shop
from ticketing.clock import ServerClock
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.watermarks import Watermarks
from ticketing.queue import sweep as subject
from ticketing.queue.sweep import sweep

HOLD_SECONDS = 300


def later(shop: Shop) -> Keeper:
    """A keeper to whom every hold of the test is due."""
    now = shop.keeper.now_ms() + HOLD_SECONDS * 1000 + 1
    return Keeper(shop.redis, ServerClock(), replace(shop.keeper._bounds, now_ms=now), Watermarks())


def sale_with_holds(shop: Shop, members: int) -> tuple[str, str]:
    """An event of 500 tickets of which each member holds two; its id and its epoch."""
    event_id = shop.sale(500, hold_seconds=HOLD_SECONDS)
    for member in range(1, members + 1):
        shop.hold(event_id, member, (1, 2))
    epoch = shop.event(event_id).group.epoch
    assert epoch is not None
    return event_id, epoch


def test_all_due_holds_give_back_in_bounded_calls(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BATCH_MAX", 8)
    event_id, epoch = sale_with_holds(shop, MEMBERS)
    assert sweep(shop.keeper, event_id, epoch) == 0
    assert sweep(later(shop), event_id, epoch) == MEMBERS
    counts = shop.counts(event_id)
    assert (counts.held, counts.available) == (0, 500)
    assert sweep(later(shop), event_id, epoch) == 0


def test_one_run_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BATCH_MAX", 2)
    monkeypatch.setattr(subject, "BATCHES_PER_RUN", 3)
    event_id, epoch = sale_with_holds(shop, 10)
    assert [sweep(later(shop), event_id, epoch) for _ in range(3)] == [6, 4, 0]


def test_another_epoch_is_left_alone(shop: Shop) -> None:
    event_id, _ = sale_with_holds(shop, 1)
    assert sweep(later(shop), event_id, "another") == 0
    with pytest.raises(Refusal) as refused:
        shop.keeper.expire(event_id, "another")
    assert refused.value.code is Code.RECOVERING
    assert shop.counts(event_id).held == 2
