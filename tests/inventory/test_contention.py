"""Goal: under contention exactly what there is gets sold, and no card passes its limit.

Method: hundreds of concurrent buyers through the async client, many rounds, then the same with the
guard taken out of the script, which must break.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.sale import EVENT, GROUP, Sale
from ticketing.inventory.model import Decided, Use
from ticketing.inventory.rush import Inventory

ROUNDS = 20


async def crowd(inventory: Inventory, sale: Sale, round_: int, buyers: int = 500) -> int:
    """How many of `buyers` get a ticket of quota `round_` when all ask at once."""
    asks = [inventory.hold(GROUP, sale.request(m, (round_, 1), key=str(round_))) for m in range(buyers)]
    return sum(isinstance(answer, Decided) for answer in await asyncio.gather(*asks))


async def test_one_ticket_and_five_hundred_buyers_sell_exactly_one(sale: Sale, inventory: Inventory) -> None:
    sale.open(*[1] * ROUNDS)
    for round_ in range(1, ROUNDS + 1):
        assert await crowd(inventory, sale, round_) == 1
        assert sale.counts(round_) == (0, 1, 0)


async def test_control_without_the_stock_check_it_oversells(
    sale: Sale, inventory: Inventory, without: Callable[..., None]
) -> None:
    without("hold", "if free < items[i + 1] then", "if false then")
    sale.open(1)
    assert await crowd(inventory, sale, 1) > 1


@pytest.mark.parametrize("limit", [1, 3])
async def test_one_card_and_a_hundred_requests_keep_to_the_limit(
    sale: Sale, inventory: Inventory, limit: int
) -> None:
    sale.open(1_000, per_card_limit=limit)
    asks = [inventory.hold(GROUP, sale.request(7, (1, 1), key=str(n))) for n in range(100)]
    answers = Counter(type(answer).__name__ for answer in await asyncio.gather(*asks))
    assert answers == {"Decided": limit, "Refusal": 100 - limit}
    assert sale.keeper.ledger(GROUP, 7).uses == (Use(EVENT, 1, held=limit, bought=0),)
    assert sale.counts() == (1_000 - limit, limit, 0)


async def test_control_without_the_limit_check_a_card_passes_it(
    sale: Sale, inventory: Inventory, without: Callable[..., None]
) -> None:
    without("hold", "if limit > 0 and used + wanted > limit then", "if false then")
    sale.open(1_000, per_card_limit=1)
    asks = [inventory.hold(GROUP, sale.request(7, (1, 1), key=str(n))) for n in range(100)]
    await asyncio.gather(*asks)
    assert sale.counts()[1] > 1


async def test_the_same_key_a_hundred_times_takes_once(sale: Sale, inventory: Inventory) -> None:
    sale.open(1_000)
    asks = [inventory.hold(GROUP, sale.request(7, (1, 1))) for _ in range(100)]
    answers = await asyncio.gather(*asks)
    assert len({answer.hold for answer in answers if isinstance(answer, Decided)}) == 1
    assert sum(not answer.replayed for answer in answers if isinstance(answer, Decided)) == 1
    assert sale.counts() == (999, 1, 0)


async def test_control_without_the_id_check_a_retry_takes_again(
    sale: Sale, inventory: Inventory, without: Callable[..., None]
) -> None:
    without("hold", "if known then", "if false then")
    sale.open(1_000)
    for _ in range(2):
        await inventory.hold(GROUP, sale.request(7, (1, 1)))
    assert sale.counts() == (998, 2, 0)


async def test_confirms_and_releases_race_for_a_hold_and_one_wins(sale: Sale, inventory: Inventory) -> None:
    sale.open(100)
    for member in range(50):
        hold = sale.hold(member, (1, 1)).hold
        number = sale.keyring.order_number(hold.id)
        confirmed, released = await asyncio.gather(
            inventory.confirm(GROUP, hold.id, member, "free", number),
            inventory.release(GROUP, hold.id, member),
        )
        assert isinstance(confirmed, Decided) == (released is not None)
    available, held, sold = sale.counts()
    assert (available + sold, held) == (100, 0)
    assert len(sale.keeper.read_log(GROUP, 1, 100)) == sold
