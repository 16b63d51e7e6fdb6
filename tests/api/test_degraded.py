"""Goal: a process whose servers are away says so, goes on with what it can, and comes back by itself.

Method: SQL and Redis are taken away from a running API process, by closing its way to them.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Unreachable
from sqlalchemy import event as sql_event
from sqlalchemy.exc import OperationalError

from tests.support.house import EVENTS, House
from ticketing.inventory.wire import Wire


@contextmanager
def without_sql(house: House) -> Iterator[None]:
    """Every new transaction fails, as when the server is away."""

    def fail(connection: Any) -> None:
        raise OperationalError("BEGIN", {}, ConnectionRefusedError("away"))

    sql_event.listen(house.services.engine, "begin", fail, insert=True)
    yield
    sql_event.remove(house.services.engine, "begin", fail)


@contextmanager
def without_redis(house: House) -> Iterator[None]:
    """Every command fails, as when the server is away."""

    async def fail(*_: object, **__: object) -> None:
        raise Unreachable("away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.services.async_redis, "execute_command", fail)
        patch.setattr(Wire, "is_open", False)
        patch.setattr(Wire, "run", fail)
        yield


async def readiness(house: House) -> tuple[int, dict[str, Any]]:
    answer = await house.client.get("/readyz")
    return answer.status_code, answer.json()


async def test_a_process_that_is_well_says_so(quick_house: House) -> None:
    quick_house.publish(5)
    await quick_house.front.board.refresh()
    told = {"ready": True, "degraded": [], "recovering": [], "rehearsal": False}
    status, body = await readiness(quick_house)
    assert (status, {name: body[name] for name in told}) == (200, told)


async def test_the_sale_goes_on_without_sql(house: House) -> None:
    event, session = house.publish(5), house.member(house.add_member())
    await house.front.board.refresh()
    with without_sql(house):
        await house.front.board.refresh()
        status, body = await readiness(house)
        assert (status, body["degraded"]) == (200, ["sql"])
        held = await house.hold(event, session)
        sold = await house.confirm(held.json()["id"], session)
        assert (held.status_code, sold.status_code) == (201, 200)
        assert (await house.client.get(f"{EVENTS}/{event}")).status_code == 200
        assert [one["id"] for one in (await house.client.get(EVENTS)).json()["events"]] == [event]
        away = await house.client.get("/api/v1/me", headers=session)
        assert (away.status_code, away.json()["code"]) == (503, "unavailable")
    await house.front.board.refresh()
    assert (await readiness(house))[1]["degraded"] == []


async def test_without_redis_nothing_is_sold_and_the_pages_go_on(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    await quick_house.front.board.refresh()
    await asyncio.sleep(0.26)
    with without_redis(quick_house):
        refused = await quick_house.hold(event, session)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        assert (await quick_house.client.get(f"{EVENTS}/{event}")).json()["status"] == "open"
        stale = await quick_house.client.get(f"{EVENTS}/{event}/availability")
        assert (stale.status_code, stale.json()["code"]) == (503, "unavailable")
        await quick_house.front.board.refresh()
        status, body = await readiness(quick_house)
        assert (status, body["ready"], body["degraded"]) == (503, False, ["redis"])
    assert (await quick_house.hold(event, session)).status_code == 201
    await quick_house.front.board.refresh()
    assert (await readiness(quick_house))[0] == 200


async def test_a_group_that_redis_forgot_is_recovering_and_the_others_sell(quick_house: House) -> None:
    forgotten, well, session = quick_house.publish(5), quick_house.publish(5), quick_house.member(7)
    await quick_house.front.board.refresh()
    quick_house.set_epoch(forgotten, "another")
    await asyncio.sleep(0.26)
    await quick_house.front.board.refresh()
    status, body = await readiness(quick_house)
    assert (status, body["degraded"], body["recovering"]) == (200, ["recovering"], [forgotten])
    assert (await quick_house.client.get(f"{EVENTS}/{forgotten}")).json()["status"] == "recovering"
    refused = await quick_house.hold(forgotten, session)
    assert (refused.status_code, refused.json()["code"]) == (503, "recovering")
    assert (await quick_house.hold(well, session)).status_code == 201


async def test_the_metrics_count_answers_and_show_the_sale(quick_house: House) -> None:
    event, session = quick_house.publish(1), quick_house.member(7)
    await quick_house.hold(event, session)
    await quick_house.hold(event, quick_house.member(8))
    await quick_house.client.get("/api/v1/nothing")
    await asyncio.sleep(0.26)
    await quick_house.front.board.refresh()
    await quick_house.count_refusals()
    page = (await quick_house.client.get("/metrics")).text
    call = "POST /api/v1/events/{event_id}/holds"
    assert f'ticketing_answers_total{{call="{call}",status="201"}}' in page
    assert f'ticketing_refusals_total{{code="sold_out",event="{event}"}} 1.0' in page
    assert f'ticketing_tickets{{event="{event}",quota="1",state="held"}} 1.0' in page
    assert f'ticketing_backlog_entries{{group="{event}"}}' in page
    assert "nothing" not in page
