"""Goal: who watches an event sees its numbers change, and nobody sees what is not theirs, or no longer is.

Method: streams of one API process over the real servers, read message by message while tickets are sold, sessions end,
servers go away and the process ends.
"""

import asyncio
import threading
from typing import Any

import pytest

from tests.api.test_degraded import without_sql
from tests.support.house import House
from tests.support.streams import Event, Stream
from ticketing.api import live
from ticketing.errors import StoreUnavailable
from ticketing.members import repository as members
from ticketing.services.api_tokens import ApiTokens

PATH = "/api/v1/staff/events/{}/stream"


@pytest.fixture(autouse=True)
def quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "READ_SECONDS", 0.05)


def watch(house: House, event: str, headers: dict[str, str] | None = None) -> Any:
    return Stream.open(house, PATH.format(event), headers or house.staff())


def sold(count: int) -> Any:
    return lambda event: event.name == "message" and event.data["quotas"][0]["sold"] == count


async def test_the_numbers_come_as_they_change(house: House) -> None:
    event, member = house.publish(10), house.member(house.add_member())
    async with watch(house, event) as stream:
        assert (stream.status, stream.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        first = await stream.next()
        assert first is not None
        asked = await house.client.get(f"/api/v1/staff/events/{event}/stats", headers=house.staff())
        same = set(asked.json()) - {"as_of", "series"}
        assert {name: first.data[name] for name in same} == {name: asked.json()[name] for name in same}
        assert (first.data["status"], first.data["watching"]) == ("open", ["somebody"])
        held = await house.hold(event, member)
        seen = await stream.until(lambda e: e.data["live_holds"] == 1)
        assert seen.data["quotas"][0]["held"] == 1
        await house.confirm(held.json()["id"], member)
        now = await stream.until(sold(1))
        assert (now.data["live_holds"], now.data["backlog"]) == (0, 2)


async def test_numbers_that_stay_the_same_are_not_sent_again_until_the_line_must_show_that_it_lives(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = quick_house.publish(10)
    async with watch(quick_house, event) as stream:
        await stream.next()
        with pytest.raises(TimeoutError):
            await stream.next(0.6)
        monkeypatch.setattr(live, "ALIVE_SECONDS", 0.2)
        assert await stream.next() is not None


async def test_one_reader_serves_all_and_rests_when_the_last_has_left(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, reads = quick_house.publish(10), []
    real = quick_house.services.stats.watched

    def counted(*arguments: Any) -> Any:
        reads.append(arguments[0])
        return real(*arguments)

    monkeypatch.setattr(quick_house.services.stats, "watched", counted)
    monkeypatch.setattr(live, "READ_SECONDS", 0.3)
    async with watch(quick_house, event) as one, watch(quick_house, event) as other:
        for stream in (one, other):
            assert (await stream.next()) is not None
        await asyncio.sleep(1)
        assert 2 <= len(reads) <= 5
    done = len(reads)
    await asyncio.sleep(0.7)
    assert len(reads) == done


async def test_all_who_watch_are_named_over_all_processes(quick_house: House) -> None:
    event = quick_house.publish(10)
    await quick_house.services.presence.note(event, ["elsewhere"], quick_house.services.clock.now_ms())
    async with watch(quick_house, event) as stream:
        first = await stream.next()
        assert first is not None
        assert first.data["watching"] == ["elsewhere", "somebody"]


async def test_a_stream_ends_with_its_session(house: House) -> None:
    event = house.publish(10)
    session = house.add_staff("wang", "manager")
    async with watch(house, event, session) as stream:
        await stream.next()
        await asyncio.to_thread(house.services.staff.disable, "wang")  # the house hears of it by itself
        end = await stream.until(lambda e: e.name == "end", 2)
        assert end.data == {"code": "unauthenticated"}
        assert await stream.next() is None


async def test_a_stream_ends_when_its_watcher_is_moved(house: House) -> None:
    event = house.publish(10, organisation="east")
    async with watch(house, event, house.staff(path="district.east", staff_id=7)) as stream:
        await stream.next()
        with house.services.sessions.begin() as session:
            members.note_change(
                session, house.services.clock.now_ms(), "s:7", organisation_path="district.west"
            )
        end = await stream.until(lambda e: e.name == "end", 2)
        assert end.data == {"code": "forbidden"}


async def test_a_stream_of_a_program_ends_with_its_token_and_not_with_its_makers_sessions(
    house: House,
) -> None:
    services, event, maker = house.services, house.publish(10), house.add_staff("wang", "manager")
    wish = {"name": "wall", "scopes": ["stats:read"]}
    made = (await house.client.post("/api/v1/staff/tokens", headers=maker, json=wish)).json()
    token = {"authorization": f"Bearer {made['token']}"}
    async with watch(house, event, token) as stream, watch(house, event, maker) as own:
        first = await stream.until(lambda e: len(e.data["watching"]) > 1)
        assert first.data["watching"] == [f"token:{made['details']['id']}", "wang"]
        assert (await house.client.delete("/api/v1/staff/sessions", headers=maker)).status_code == 204
        await own.until(lambda e: e.name == "end", 2)
        await house.buy(event, house.member(house.add_member()))
        await stream.until(sold(1))
        elsewhere = ApiTokens(services.sessions, services.clock)  # the house hears of it by itself
        manager = house.claims("staff", 9, "district", role="manager")
        await asyncio.to_thread(elsewhere.revoke, manager, made["details"]["id"])
        end = await stream.until(lambda e: e.name == "end", 3)
        assert end.data == {"code": "unauthenticated"}
        assert await stream.next() is None


async def test_a_neighbours_event_is_not_streamed(house: House) -> None:
    event, member = house.publish(10, organisation="east"), house.member(house.add_member())
    for headers, status in (
        (house.staff(path="district.west"), 404),
        (house.staff("admin", path="district.west"), 404),
        (member, 403),
        ({}, 401),
    ):
        answer = await house.client.get(PATH.format(event), headers=headers)
        assert answer.status_code == status
        assert "quotas" not in answer.text


async def test_without_sql_the_stream_says_so_and_goes_on(house: House) -> None:
    event, member = house.publish(10), house.member(house.add_member())
    async with watch(house, event) as stream:
        await stream.next()
        with without_sql(house):
            await house.buy(event, member)
            away = await stream.until(sold(1))
            assert away.data["books_answer"] is False
        await stream.until(lambda e: e.data["books_answer"])


async def test_without_sql_from_the_start_it_waits(house: House) -> None:
    event = house.publish(10)

    def reads(event_: Event) -> bool:
        return event_.name == "message"

    async with watch(house, event) as stream:
        await stream.next()
        reader = house.front.live._readers[event]
        with without_sql(house):
            reader._before = None
            away = await stream.until(lambda e: e.name == "away")
            assert away.data == {"code": "unavailable"}
        assert (await stream.until(reads)).data["books_answer"] is True


async def test_a_sale_that_recovers_and_a_redis_that_is_away_are_said(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = quick_house.publish(10)
    async with watch(quick_house, event) as stream:
        await stream.next()
        epoch = quick_house.set_epoch(event, "another")
        seen = await stream.until(lambda e: e.data["status"] == "recovering")
        assert seen.data["live"] is False
        quick_house.set_epoch(event, epoch)
        await stream.until(lambda e: e.data["live"])

        def away(*_: object) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(quick_house.services.keeper, "state", away)
        gone = await stream.until(lambda e: e.data["status"] is None)
        assert (gone.data["live"], gone.data["quotas"][0]["capacity"]) == (False, 10)


async def test_too_many_streams_are_refused(quick_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    event = quick_house.publish(10)
    monkeypatch.setattr(live, "WATCHERS_OF_ONE_MAX", 1)
    async with watch(quick_house, event):
        answer = await quick_house.client.get(PATH.format(event), headers=quick_house.staff())
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.headers["retry-after"]


async def test_the_end_of_the_process_ends_every_stream(quick_house: House) -> None:
    event = quick_house.publish(10)
    async with watch(quick_house, event) as stream:
        await stream.next()
        quick_house.front.live.close()
        assert await stream.next() is None
        answer = await quick_house.client.get(PATH.format(event), headers=quick_house.staff())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_a_reading_that_nobody_waits_for_gives_its_connection_back_before_the_process_ends(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, goes_on = quick_house.publish(10), threading.Event()
    real, read = quick_house.services.stats.watched, asyncio.Event()
    loop, ends = asyncio.get_running_loop(), list[str]()

    def slow(*arguments: Any) -> Any:
        loop.call_soon_threadsafe(read.set)
        goes_on.wait(10)
        ends.append("read")
        return real(*arguments)

    monkeypatch.setattr(quick_house.services.stats, "watched", slow)
    async with watch(quick_house, event):
        await read.wait()
    settling = asyncio.create_task(quick_house.front.live.settle())
    settling.add_done_callback(lambda _: ends.append("settled"))
    await asyncio.sleep(0.1)
    goes_on.set()
    await settling
    assert ends == ["read", "settled"]
