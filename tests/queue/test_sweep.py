"""Goal: expired holds give back their tickets, all of them, and a group that is recovering is left alone.

Method: the real server, with more due holds than one call takes.
"""

import time

import pytest

from tests.support.shop import MEMBERS, Shop
from ticketing.errors import Code, Refusal
from ticketing.queue import sweep as subject
from ticketing.queue.sweep import sweep


def test_all_due_holds_give_back_in_bounded_calls(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BATCH_MAX", 8)
    event_id = shop.sale(500, hold_seconds=1)
    epoch = shop.event(event_id).group.epoch
    assert epoch is not None
    for member in range(1, MEMBERS + 1):
        shop.hold(event_id, member, (1, 2))
    assert sweep(shop.keeper, event_id, epoch) == 0
    time.sleep(1.1)
    assert sweep(shop.keeper, event_id, epoch) == MEMBERS
    counts = shop.counts(event_id)
    assert (counts.held, counts.available) == (0, 500)
    assert sweep(shop.keeper, event_id, epoch) == 0


def test_one_run_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BATCH_MAX", 2)
    monkeypatch.setattr(subject, "BATCHES_PER_RUN", 3)
    event_id = shop.sale(500, hold_seconds=1)
    epoch = shop.event(event_id).group.epoch
    assert epoch is not None
    for member in range(1, 11):
        shop.hold(event_id, member, (1, 1))
    time.sleep(1.1)
    assert [sweep(shop.keeper, event_id, epoch) for _ in range(3)] == [6, 4, 0]


def test_another_epoch_is_left_alone(shop: Shop) -> None:
    event_id = shop.sale(5, hold_seconds=1)
    shop.hold(event_id, 1, (1, 1))
    time.sleep(1.1)
    assert sweep(shop.keeper, event_id, "another") == 0
    with pytest.raises(Refusal) as refused:
        shop.keeper.expire(event_id, "another")
    assert refused.value.code is Code.RECOVERING
