"""Goal: a sale that is over leaves Redis only when SQL has all of it, and everything that comes later still works.

Method: a sale whose window is past, with one thing at a time still on its way; then acts on the archived group.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.disasters import Story, acts_of, rebuild
from tests.support.house import EVENTS, House
from tests.support.shop import Shop, card_number
from ticketing.bootstrap import build
from ticketing.catalogue import refusals
from ticketing.catalogue.model import EventChanges
from ticketing.catalogue.tables import Event
from ticketing.errors import Code, Refusal
from ticketing.inventory.keys import refusals_key
from ticketing.inventory.model import Decided
from ticketing.queue.worker import drain_of
from ticketing.services.archive import ArchiveService
from ticketing.settings import Settings

DAY_MS = 24 * 3_600_000


def archive(shop: Shop) -> ArchiveService:
    """As a worker has it."""
    return ArchiveService(shop.sessions, shop.keeper, shop.clock)


def end(shop: Shop, event_id: str, ms_ago: int = 2 * DAY_MS) -> None:
    """Let the sale's window be past."""
    with shop.sessions.begin() as session:
        ended = {"opens_at": shop.now - 9 * DAY_MS, "closes_at": shop.now - ms_ago}
        session.execute(update(Event).where(Event.id == event_id).values(**ended))


def keys_of(shop: Shop, event_id: str) -> list[bytes]:
    return list(shop.redis.scan_iter(f"ticketing:{{{event_id}}}:*"))


@pytest.fixture
def over(shop: Shop) -> Story:
    """A sale that is over and drained; nothing is held."""
    story = Story(shop)
    shop.keeper.release(story.event, story.held.id, story.held.member)
    shop.drain().run(story.event)
    end(shop, story.event)
    return story


def test_a_sale_that_is_over_leaves_redis(shop: Shop, over: Story) -> None:
    assert archive(shop).archive_ended() == 1
    assert keys_of(shop, over.event) == []
    assert over.event not in shop.keeper.directory()
    assert shop.event(over.event).group.archived_at is not None
    assert archive(shop).archive_ended() == 0
    assert acts_of(shop, "group.archive") == 1


def refusals_of(shop: Shop, event_id: str) -> dict[str, int]:
    """As staff see them."""
    return shop.stats.event_stats(shop.district, event_id).refusals


def refuse(shop: Shop, event_id: str, **counts: int) -> None:
    """Count as an API process does."""
    for code, count in counts.items():
        shop.redis.hincrby(refusals_key(event_id), f"{event_id}:{code}", count)


def test_why_wishes_were_refused_is_kept_when_the_sale_leaves_redis(shop: Shop, over: Story) -> None:
    refuse(shop, over.event, sold_out=12, sale_paused=1)
    before = refusals_of(shop, over.event)
    assert before == {"sale_paused": 1, "sold_out": 12}
    assert archive(shop).archive_ended() == 1
    assert keys_of(shop, over.event) == []
    assert refusals_of(shop, over.event) == before
    refuse(shop, over.event, sale_closed=1)
    assert refusals_of(shop, over.event) == before, "a late wish belongs to no sale"


def test_an_archival_that_fails_and_is_tried_again_keeps_each_refusal_once(
    shop: Shop, over: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(shop, over.event, sold_out=12)
    with monkeypatch.context() as failing:
        failing.setattr(shop.keeper, "archive", lambda *_: False)
        assert archive(shop).archive_ended() == 0
    refuse(shop, over.event, sold_out=1)
    with shop.sessions.begin() as session:
        refusals.keep(session, [over.event], {(over.event, "sold_out"): 12, ("other", "sold_out"): 1})
    assert archive(shop).archive_ended() == 1
    assert refusals_of(shop, over.event) == {"sold_out": 13}


def test_what_is_not_over_stays(shop: Shop, over: Story) -> None:
    end(shop, over.event, ms_ago=DAY_MS - 60_000)
    assert archive(shop).archive_ended() == 0
    assert keys_of(shop, over.event) != []


def undrained(shop: Shop, story: Story) -> None:
    shop.sale_keeper.resize(story.event, 1, 13, 3, act_id="late")


def held(shop: Shop, story: Story) -> None:
    assert isinstance(shop.hold(story.event, 40, (1, 1)), Decided)


def on_its_way_back(shop: Shop, story: Story) -> None:
    with pytest.MonkeyPatch.context() as away:
        away.setattr(shop.returns, "give_back", lambda _order_id=None: 0)
        shop.orders.cancel(1, story.bought[0])


def unsound(shop: Shop, story: Story) -> None:
    shop.redis.hdel(f"ticketing:{{{story.event}}}:holds", story.bought[0])


def recovering(shop: Shop, story: Story) -> None:
    shop.keeper.suspend(story.event, "gap")


@pytest.mark.parametrize("left", [undrained, held, on_its_way_back, unsound, recovering])
def test_nothing_is_archived_while_something_is_left(
    shop: Shop, over: Story, left: Callable[[Shop, Story], None]
) -> None:
    left(shop, over)
    end(shop, over.event)
    assert archive(shop).archive_ended() == 0
    assert keys_of(shop, over.event) != []
    assert shop.event(over.event).group.archived_at is None


def test_control_without_the_check_of_the_position_an_act_is_lost(
    shop: Shop, over: Story, without: Callable[..., None]
) -> None:
    guard = "position ~= request or redis.call('XLEN', LOG) > 0 or redis.call('ZCARD', DUE) > 0"
    without("archive", guard, "false")
    undrained(shop, over)
    assert archive(shop).archive_ended() == 1
    assert shop.event(over.event).quotas[0].capacity == 12, "staff were told 13"


def test_one_that_is_not_clean_is_tried_again_after_an_hour(shop: Shop, over: Story) -> None:
    keeper_of_archive = archive(shop)
    undrained(shop, over)
    assert keeper_of_archive.archive_ended() == 0
    shop.drain().run(over.event)
    assert keeper_of_archive.archive_ended() == 0
    keeper_of_archive._tried_at[over.event] -= 3_601
    assert keeper_of_archive.archive_ended() == 1


def test_later_acts_touch_sql_only(shop: Shop, over: Story) -> None:
    archive(shop).archive_ended()
    order = shop.orders.cancel(1, over.bought[0])
    assert order.status == "cancelled"
    assert shop.returns.give_back() == 0
    shop.catalogue.patch_event(shop.district, over.event, EventChanges(description="Thank you"), "thanks")
    assert shop.event(over.event).applied_version == shop.event(over.event).version
    assert shop.drain().run(over.event) == 0
    later = EventChanges(closes_at=shop.now + DAY_MS)
    with pytest.raises(Refusal) as refused:
        shop.catalogue.patch_event(shop.district, over.event, later, "once more")
    assert refused.value.code is Code.INVALID
    with pytest.raises(Refusal):
        rebuild(over)
    items = [(f"{over.event}-1", 1)]
    with pytest.raises(Refusal, match=Code.SALE_CLOSED):
        shop.desk.sell(shop.clerk, "key", card_number(9), over.event, items, "free", "desk 1")
    assert keys_of(shop, over.event) == []


async def test_members_of_an_archived_sale_get_their_first_answers(
    settings: Settings, tmp_path: Path
) -> None:
    async with House.open(settings) as house:
        session = house.member(house.add_member())
        event = house.publish(10)
        await house.front.board.refresh()
        held = await house.hold(event, session)
        sold = await house.confirm(held.json()["id"], session)
        services = build(settings)
        drain_of(services).run(event)
        with services.sessions.begin() as sql:
            past = house.now - 2 * DAY_MS
            sql.execute(update(Event).where(Event.id == event).values(opens_at=past - 1, closes_at=past))
        assert services.archive.archive_ended() == 1
        services.close()
        await house.front.board.refresh()

        hold_id = held.json()["id"]
        assert (await house.client.get(f"{EVENTS}/{event}")).json()["status"] == "closed"
        assert (await house.client.get("/readyz")).json()["recovering"] == []
        assert (await house.hold(event, session)).content == held.content
        assert (await house.confirm(hold_id, session)).content == sold.content
        assert (await house.hold(event, session, 2)).json()["code"] == "idempotency_key_reused"
        assert (await house.hold(event, session, key="new")).json()["code"] == "sale_closed"
        assert (await house.client.get(f"/api/v1/holds/{hold_id}", headers=session)).status_code == 200
        released = await house.client.delete(f"/api/v1/holds/{hold_id}", headers=session)
        assert released.json()["code"] == "hold_confirmed"
