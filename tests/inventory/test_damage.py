"""Goal: a damaged record hurts whoever asks for it and nobody else, and a script that fails has written nothing.

Method: bytes that are no record are put into Redis; then members ask together. The control leaves a batch that
failed as it is.
"""

import asyncio
from typing import Any

import pytest

from tests.support.sale import GROUP, Sale
from ticketing.errors import StoreUnavailable
from ticketing.inventory.coalescer import Coalescer, _fail
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided
from ticketing.inventory.rush import Inventory

DAMAGED = b"\xc1"
KEYS = group_keys(GROUP)


async def ask_together(sale: Sale, inventory: Inventory) -> list[Any]:
    """What members 1 to 6 get for one ticket each; the hold that member 3 asks for is damaged."""
    sale.redis.hset(KEYS.holds, sale.request(3, (1, 1)).id, DAMAGED)
    asks = (inventory.hold(GROUP, sale.request(member, (1, 1))) for member in range(1, 7))
    return await asyncio.gather(*asks, return_exceptions=True)


async def test_its_neighbours_get_their_answers(sale: Sale, inventory: Inventory) -> None:
    sale.open(9)
    answers = await ask_together(sale, inventory)
    assert isinstance(answers.pop(2), StoreUnavailable)
    assert all(isinstance(answer, Decided) for answer in answers)
    assert sale.counts() == (4, 5, 0)


async def test_control_a_batch_that_is_not_run_singly_takes_them_along(
    sale: Sale, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def give_up(_: Coalescer, batch: Any, error: Exception) -> None:
        _fail(batch, error)

    monkeypatch.setattr(Coalescer, "_explain", give_up)
    sale.open(9)
    answers = await ask_together(sale, inventory)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert sale.counts() == (9, 0, 0)


async def test_a_damaged_ledger_keeps_only_its_member(sale: Sale, inventory: Inventory) -> None:
    sale.open(9)
    sale.redis.hset(KEYS.ledgers, "3", DAMAGED)
    asks = (inventory.hold(GROUP, sale.request(member, (1, 1))) for member in range(1, 7))
    answers = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(answer) for answer in answers].count(Decided) == 5
    assert isinstance(answers[2], StoreUnavailable)
    assert sale.counts() == (4, 5, 0)


def test_what_fails_half_way_has_written_nothing(sale: Sale) -> None:
    """The stock of the second quota is damaged: the first was looked at already."""
    sale.open(5, 5)
    hold = sale.hold(1, (1, 1), (2, 1)).hold
    sale.redis.hset(KEYS.stock, "event/2", DAMAGED)
    before = {key: sale.redis.dump(key) for key in KEYS}
    with pytest.raises(StoreUnavailable):
        sale.confirm(1, hold.id)
    with pytest.raises(StoreUnavailable):
        sale.hold(2, (1, 1), (2, 1))
    assert {key: sale.redis.dump(key) for key in KEYS} == before
