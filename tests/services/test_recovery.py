"""Goal: every way in which Redis or SQL can go back stops the group by itself, in every process, and says why.

Method: each disaster on a sale; a process that has seen everything and one that starts now both try to sell.
What is healthy, also in the middle of a drain, must stay open.
"""

from collections.abc import Callable
from itertools import count

import pytest

from tests.support.disasters import Story, redis_goes_back, sql_forgets_a_cancel, sql_goes_back, wipe
from tests.support.office import keeper_on
from tests.support.shop import Shop
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.services.recovery import Recovery

_KEYS = count(1)


def recovery(shop: Shop) -> Recovery:
    """As a process has it that starts now."""
    return Recovery(shop.sessions, keeper_on(shop.redis, shop.clock), Watermarks())


def refused(shop: Shop, event_id: str) -> bool:
    """Whether both the process that saw everything and one that starts now sell nothing."""
    known, shop.keeper = shop.keeper, keeper_on(shop.redis, shop.clock)
    newcomer = shop.hold(event_id, 30, (1, 1), key=f"key {next(_KEYS)}")
    shop.keeper = known
    veteran = shop.hold(event_id, 31, (1, 1), key=f"key {next(_KEYS)}")
    codes = [answer.code if isinstance(answer, Refusal) else None for answer in (newcomer, veteran)]
    return codes == [Code.RECOVERING] * 2


@pytest.mark.parametrize("disaster", [sql_goes_back, sql_forgets_a_cancel])
def test_a_drain_that_finds_a_gap_stops_the_sale_everywhere(
    shop: Shop, disaster: Callable[[Story], None]
) -> None:
    story = Story(shop)
    disaster(story)
    assert not refused(shop, story.event), "no script can see that SQL went back"
    assert shop.drain().run(story.event) == 0
    assert refused(shop, story.event)
    assert "SQL went back" in str(recovery(shop).reason(story.event))


def test_control_without_the_look_at_an_empty_log_nobody_notices(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(shop)
    sql_goes_back(story)
    monkeypatch.setattr(Keeper, "last_position", lambda *_: 0)
    shop.drain().run(story.event)
    assert not refused(shop, story.event)


def test_a_drain_in_between_makes_no_gap(shop: Shop) -> None:
    """Positions read before another drain's commit and trim look like a gap; the locked look says otherwise."""
    story = Story(shop, drained=False)
    slow = shop.drain(batch_max=1)
    at = slow._cursor(story.event)
    assert at is not None
    shop.drain().run(story.event)
    shop.buy(story.event, 20, (1, 1))
    entries = shop.keeper.read_log(story.event, at.position, 1)
    assert entries[0].position > at.position + 1
    slow._look_for_gap(at, entries)
    assert recovery(shop).recovering() == {}
    assert isinstance(shop.hold(story.event, 30, (1, 1)), Decided)


def test_control_judged_by_a_cursor_that_was_read_before_a_healthy_sale_stops(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(shop, drained=False)
    at = shop.drain()._cursor(story.event)
    shop.drain().run(story.event)
    monkeypatch.setattr(orders, "cursor", lambda *_, **__: at)
    assert recovery(shop).suspend_if_gap(story.event)
    assert refused(shop, story.event)


def test_a_wiped_redis_is_recovering(shop: Shop) -> None:
    story = Story(shop)
    wipe(story)
    assert "does not know it" in recovery(shop).recovering()[story.event]
    known = shop.hold(story.event, 31, (1, 1))
    assert isinstance(known, Refusal)
    assert known.code is Code.RECOVERING


def test_an_old_copy_of_redis_is_recovering(shop: Shop) -> None:
    story = Story(shop)
    with redis_goes_back(story):
        shop.buy(story.event, 20, (1, 1))
        shop.drain().run(story.event)
    assert "Redis went back" in recovery(shop).recovering()[story.event]
    shop.hold(story.event, 31, (1, 1))  # by a process that remembers
    assert refused(shop, story.event)
    assert "Redis went back" in recovery(shop).recovering()[story.event]


def test_another_server_is_recovering(shop: Shop) -> None:
    story = Story(shop)
    shop.redis.hset(f"ticketing:{{{story.event}}}:meta", "epoch", "another")
    assert "different epochs" in recovery(shop).recovering()[story.event]


def test_a_rebuild_that_was_begun_is_named(shop: Shop) -> None:
    story = Story(shop)
    shop.keeper.restore(story.event, "token").fence()
    assert "has not ended" in recovery(shop).recovering()[story.event]
