"""Goal: while a sale is recovering, everybody is told the truth, and afterwards gets the first answers again.

Method: one API process through its ASGI application; the servers' data is taken away and a rebuild brings it
back, as another process would.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, update

from tests.support.house import EVENTS, House
from ticketing.bootstrap import build
from ticketing.orders.tables import Cursor, Order, Ticket
from ticketing.queue.worker import drain_of
from ticketing.settings import Settings


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with House.open(settings) as opened:
        yield opened


def rebuild_elsewhere(settings: Settings, event_id: str) -> None:
    """As `ticketing rebuild` does, in a process of its own."""
    services = build(settings)
    services.rebuilds.rebuild(event_id)
    services.close()


def drain_elsewhere(settings: Settings, event_id: str) -> None:
    """As a worker does."""
    services = build(settings)
    while drain_of(services).run(event_id):
        pass
    services.close()


def wipe(house: House) -> None:
    """Redis forgets everything."""
    house.services.redis.flushall()


async def look(house: House) -> None:
    """What housekeeping does each second, after counts have grown old."""
    await asyncio.sleep(0.3)
    await house.front.board.refresh()


async def status_of(house: House, event_id: str) -> Any:
    return (await house.client.get(f"{EVENTS}/{event_id}")).json()["status"]


async def code_of(answer: Any) -> tuple[int, str]:
    response = await answer
    return response.status_code, response.json().get("code")


RECOVERING = (503, "recovering")


async def test_from_the_wipe_to_the_first_answers_again(house: House, settings: Settings) -> None:
    member = house.add_member()
    session, other = house.member(member), house.member(house.add_member(number="6222000000000002"))
    event = house.publish(10)
    await look(house)
    held = await house.hold(event, session, 2)
    sold = await house.confirm(held.json()["id"], session)
    live = await house.hold(event, session, 1, key="live")
    drain_elsewhere(settings, event)
    wipe(house)
    await look(house)

    hold_id, live_id = held.json()["id"], live.json()["id"]
    assert await status_of(house, event) == "recovering"
    assert await code_of(house.hold(event, other)) == RECOVERING
    assert await code_of(house.confirm(hold_id, session)) == RECOVERING
    assert await code_of(house.client.get(f"/api/v1/holds/{hold_id}", headers=session)) == RECOVERING
    assert await code_of(house.client.get(f"/api/v1/orders/{live_id}", headers=session)) == RECOVERING
    refused = await house.hold(event, other)
    assert int(refused.headers["retry-after"]) >= 1
    recorded = await house.client.get(f"/api/v1/orders/{hold_id}", headers=session)
    assert recorded.json()["number"] == sold.json()["number"], "what SQL has goes on being shown"
    ready = await house.client.get("/readyz")
    assert (ready.status_code, ready.json()["recovering"]) == (503, [event])
    clerk = house.add_staff("lan", "clerk")
    body = {"order_id": hold_id, "desk": "1"}
    picked_up = await house.client.post(
        "/api/v1/desk/pickups", json=body, headers=clerk | {"idempotency-key": "pick"}
    )
    assert picked_up.status_code == 200, "tickets that SQL has are handed out"

    rebuild_elsewhere(settings, event)
    assert await code_of(house.hold(event, other)) == RECOVERING, "until this process hears of the epoch"
    await look(house)

    assert await status_of(house, event) == "open"
    assert (await house.client.get("/readyz")).status_code == 200
    again = await house.hold(event, session, 2)
    assert (again.status_code, again.content) == (201, held.content)
    assert again.headers["idempotent-replayed"] == "true"
    confirmed = await house.confirm(hold_id, session)
    assert (confirmed.status_code, confirmed.content) == (200, sold.content)
    assert (await house.hold(event, other)).status_code == 201
    assert house.counts(event).sold == 2


async def test_staff_see_it_and_what_they_wish_meanwhile_comes_later(
    house: House, settings: Settings
) -> None:
    session = house.member(house.add_member())
    event = house.publish(10)
    await look(house)
    await house.buy(event, session, quantity=2)
    drain_elsewhere(settings, event)
    wipe(house)
    await look(house)
    manager = house.add_staff("wang", "manager")
    for path in ("/api/v1/staff/events", f"/api/v1/staff/events/{event}"):
        seen = (await house.client.get(path, headers=manager)).json()
        assert seen.get("events", [seen])[0]["status"] == "recovering"
    stats = await house.client.get(f"/api/v1/staff/events/{event}/stats", headers=manager)
    assert stats.json()["quotas"][0]["sold"] == 2, "what SQL has"
    renamed = {"title": "Renamed", "reason": "while it is recovering"}
    path = f"/api/v1/staff/events/{event}"
    patched = await house.client.patch(path, headers=manager, json=renamed)
    assert (patched.status_code, patched.json()["code"]) == RECOVERING, (
        "the wish stands, and is applied later"
    )
    rebuild_elsewhere(settings, event)
    await look(house)
    assert (await house.client.get(f"{EVENTS}/{event}")).json()["title"] == "Renamed"


async def test_one_group_recovers_while_the_others_sell(house: House, settings: Settings) -> None:
    session = house.member(house.add_member())
    ill, well = house.publish(10), house.publish(10)
    await look(house)
    house.set_epoch(ill, "another")
    await look(house)
    ready = await house.client.get("/readyz")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["recovering"])
    assert await code_of(house.hold(ill, session)) == RECOVERING
    assert (await house.hold(well, session)).status_code == 201


async def test_an_api_process_alone_notices_that_sql_went_back(house: House, settings: Settings) -> None:
    session = house.member(house.add_member())
    event = house.publish(10)
    order = await house.buy(event, session)
    drain_elsewhere(settings, event)
    await look(house)
    with house.services.sessions.begin() as sql:
        sql.execute(delete(Ticket).where(Ticket.order_id == order["id"]))
        sql.execute(delete(Order).where(Order.id == order["id"]))
        sql.execute(update(Cursor).where(Cursor.group_id == event).values(position=1))
    await look(house)
    assert house.front.board.suspects == [event]
    assert house.services.recovery.suspend_if_gap(event)
    await look(house)
    assert house.front.board.recovering() == [event]
    assert await code_of(house.hold(event, session, key="more")) == RECOVERING
    rebuild_elsewhere(settings, event)
    await look(house)
    found = await house.client.get(f"/api/v1/orders/{order['id']}", headers=session)
    assert found.json()["number"] == order["number"]
    assert found.json()["recorded_at"] is not None


async def test_a_drain_makes_no_suspect(house: House, settings: Settings) -> None:
    session = house.member(house.add_member())
    event = house.publish(10)
    for key in ("a", "b"):
        await house.buy(event, session, key=key)
        await look(house)
        drain_elsewhere(settings, event)
        await look(house)
        assert house.front.board.suspects == []


async def test_members_of_void_holds_are_told(house: House, settings: Settings) -> None:
    session = house.member(house.add_member())
    event = house.publish(10)
    held = await house.hold(event, session)
    rebuild_elsewhere(settings, event)
    await look(house)
    me = (await house.client.get("/api/v1/me", headers=session)).json()
    assert [(notice["kind"], notice["event_id"]) for notice in me["notices"]] == [("hold_void", event)]
    assert await code_of(house.confirm(held.json()["id"], session)) == (409, "hold_expired")
