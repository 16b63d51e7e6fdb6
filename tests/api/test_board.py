"""Goal: what a process shows of a sale that ends is its end, and then it asks Redis no more.

Method: one API process; sales end by the clock, by staff at another process, and by the archive, and the list of
events and `/readyz` are read, which ask Redis nothing themselves.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.house import EVENTS, House
from ticketing.bootstrap import Services, build
from ticketing.catalogue.tables import CLOSED, Event
from ticketing.queue.worker import drain_of
from ticketing.settings import Settings

DAY_MS = 24 * 3_600_000


class Elsewhere:
    """Another process."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def close(self, house: House, event: str) -> None:
        """Staff close the sale."""
        self.services.catalogue.close(house.claims("staff", 1, "district", role="manager"), event)

    def drain(self, event: str) -> None:
        """A worker takes everything into SQL."""
        while drain_of(self.services).run(event):
            pass


@pytest.fixture
def elsewhere(quick_settings: Settings) -> Any:
    services = build(quick_settings)
    yield Elsewhere(services)
    services.close()


async def look(house: House) -> None:
    """What housekeeping does each second, after counts have grown old."""
    await asyncio.sleep(0.3)
    await house.front.board.refresh()


async def listed(house: House) -> dict[str, str]:
    """The status of each event in the list."""
    events = (await house.client.get(EVENTS)).json()["events"]
    return {event["id"]: event["status"] for event in events}


async def backlog(house: House) -> int:
    return int((await house.client.get("/readyz")).json()["backlog"])


def available(house: House, event: str) -> int:
    shown = house.front.board.event(event)
    assert shown is not None
    return shown.quotas[0].available


def end(house: House, event: str) -> None:
    """Let the sale's window be past for two days."""
    ended = {"opens_at": house.now - 9 * DAY_MS, "closes_at": house.now - 2 * DAY_MS}
    with house.services.sessions.begin() as session:
        change = update(Event).where(Event.id == event)
        session.execute(change.values(**ended, version=Event.version + 1))


async def reads(house: House) -> int:
    """How often the next look asks Redis for a group."""
    asked: list[str] = []
    inventory = house.services.inventory
    state = inventory.state

    async def count(group_id: str) -> Any:
        asked.append(group_id)
        return await state(group_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "state", count)
        await look(house)
    return len(asked)


async def test_a_sale_whose_window_ends_is_listed_closed(quick_house: House, elsewhere: Elsewhere) -> None:
    event = quick_house.publish(5, closes_at=quick_house.services.clock.now_ms() + 1_000)
    await quick_house.front.board.refresh()
    assert await listed(quick_house) == {event: "open"}
    await asyncio.sleep(1.0)
    await look(quick_house)
    assert await listed(quick_house) == {event: "closed"}
    elsewhere.drain(event)
    await look(quick_house)
    assert await reads(quick_house) == 0


async def test_a_close_that_reaches_redis_late_is_shown(quick_house: House, elsewhere: Elsewhere) -> None:
    event = quick_house.publish(5)
    await quick_house.front.board.refresh()
    with quick_house.services.sessions.begin() as session:
        change = update(Event).where(Event.id == event).values(state=CLOSED, version=Event.version + 1)
        session.execute(change)
    await look(quick_house)
    assert await listed(quick_house) == {event: "open"}, "Redis still sells"
    elsewhere.services.sale_keeper.apply(event)
    await look(quick_house)
    assert await listed(quick_house) == {event: "closed"}


async def test_the_backlog_of_a_closed_sale_goes_when_it_is_drained(
    quick_house: House, elsewhere: Elsewhere
) -> None:
    event = quick_house.publish(5)
    await quick_house.buy(event, quick_house.member(quick_house.add_member()))
    elsewhere.close(quick_house, event)
    await look(quick_house)
    assert await listed(quick_house) == {event: "closed"}
    assert await backlog(quick_house) > 0
    elsewhere.drain(event)
    await look(quick_house)
    assert await backlog(quick_house) == 0
    assert await reads(quick_house) == 0


async def test_what_is_held_when_a_sale_closes_is_followed_to_its_end(
    quick_house: House, elsewhere: Elsewhere
) -> None:
    event, session = quick_house.publish(5), quick_house.member(quick_house.add_member())
    held = await quick_house.hold(event, session)
    elsewhere.close(quick_house, event)
    elsewhere.drain(event)
    await look(quick_house)
    assert await backlog(quick_house) == 0
    assert (await quick_house.confirm(held.json()["id"], session)).status_code == 200
    await look(quick_house)
    assert await backlog(quick_house) == 1
    elsewhere.drain(event)
    await look(quick_house)
    assert await backlog(quick_house) == 0
    assert await reads(quick_house) == 0


async def test_an_archived_sale_is_closed_and_neither_recovering_nor_behind(
    quick_house: House, elsewhere: Elsewhere
) -> None:
    event = quick_house.publish(5)
    await quick_house.buy(event, quick_house.member(quick_house.add_member()))
    await look(quick_house)
    assert await backlog(quick_house) > 0
    end(quick_house, event)
    elsewhere.drain(event)
    assert elsewhere.services.archive.archive(event)
    await look(quick_house)
    ready = (await quick_house.client.get("/readyz")).json()
    assert (ready["ready"], ready["recovering"], ready["backlog"]) == (True, [], 0)
    assert await listed(quick_house) == {event: "closed"}
    assert await reads(quick_house) == 0


async def test_a_look_at_a_sale_archived_a_moment_ago_sees_no_loss(
    quick_house: House, elsewhere: Elsewhere
) -> None:
    event = quick_house.publish(5)
    end(quick_house, event)
    elsewhere.services.sale_keeper.apply(event)
    elsewhere.drain(event)
    await look(quick_house)
    await asyncio.sleep(0.26)
    assert elsewhere.services.archive.archive(event)
    shown = await quick_house.client.get(f"{EVENTS}/{event}")
    assert shown.json()["status"] == "closed"
    assert quick_house.front.board.recovering() == []


# Sales that stand still


async def at_rest(house: House) -> str:
    """An event on sale of which the board knows that nothing has changed."""
    event = house.publish(5)
    await house.front.board.refresh()
    await look(house)
    assert await reads(house) == 0
    return event


async def test_a_sale_in_which_nothing_happens_is_not_read_again_and_opens_all_the_same(
    quick_house: House,
) -> None:
    soon = quick_house.services.clock.now_ms() + 1_500
    event = quick_house.publish(5, opens_at=soon)
    await quick_house.front.board.refresh()
    await look(quick_house)
    assert await listed(quick_house) == {event: "scheduled"}
    await asyncio.sleep(1.5)
    assert await reads(quick_house) == 0
    assert await listed(quick_house) == {event: "open"}


async def test_a_hold_elsewhere_is_seen(quick_house: House) -> None:
    event = await at_rest(quick_house)
    await quick_house.hold(event, quick_house.member(quick_house.add_member()))
    assert await reads(quick_house) == 1
    assert available(quick_house, event) == 4
    assert await reads(quick_house) == 0


async def test_a_drain_elsewhere_is_seen_though_it_moves_no_ticket(
    quick_house: House, elsewhere: Elsewhere
) -> None:
    event = await at_rest(quick_house)
    await quick_house.buy(event, quick_house.member(quick_house.add_member()))
    await look(quick_house)
    elsewhere.drain(event)
    await look(quick_house)
    assert await backlog(quick_house) == 0


async def test_a_fence_set_elsewhere_is_seen(quick_house: House, elsewhere: Elsewhere) -> None:
    event = await at_rest(quick_house)
    elsewhere.services.keeper.suspend(event, "gap")
    await look(quick_house)
    assert quick_house.front.board.recovering() == [event]


async def test_a_server_that_forgot_is_seen(quick_house: House) -> None:
    event = await at_rest(quick_house)
    quick_house.services.redis.flushdb()
    await look(quick_house)
    assert quick_house.front.board.recovering() == [event]


async def test_two_changes_in_one_millisecond_are_both_seen(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis' clock stands still from the first look on, so the second change has the time of the first."""
    event = await at_rest(quick_house)
    bounds = quick_house.services.inventory._bounds
    still = quick_house.services.clock.now_ms() + 1_000
    monkeypatch.setattr(quick_house.services.inventory, "_bounds", replace(bounds, now_ms=still))
    session = quick_house.member(quick_house.add_member())
    for left in (4, 3):
        assert (await quick_house.hold(event, session, key=f"key-{left}")).status_code == 201
        await look(quick_house)
        assert available(quick_house, event) == left
