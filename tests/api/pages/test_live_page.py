"""Goal: staff see a sale in numbers, on a page and on a wall, in both languages and without any script; others do not.

Method: the pages of one API process over the real servers, and the stream that changes them.
"""

from typing import Any

import pytest

from tests.support.house import House
from tests.support.streams import Stream
from ticketing.api import live
from ticketing.inventory.watermarks import Watermarks
from ticketing.queue.drain import Drain

ENGLISH = {"accept-language": "en"}
PARTS = ("live", "wall", "curve")


def cookie(session: dict[str, str]) -> dict[str, str]:
    return {"cookie": f"staff_session={session['authorization'][7:]}"}


async def page(house: House, event: str, part: str, **more: str) -> Any:
    return await house.client.get(f"/staff/events/{event}/{part}", headers=cookie(house.staff()) | more)


def drain(house: House, event: str) -> None:
    """What a worker does."""
    services = house.services
    Drain(services.sessions, services.keeper, services.clock, Watermarks(), 500).run(event)


async def test_the_numbers_stand_on_the_page_without_any_script(house: House) -> None:
    event, member = house.publish(10, 5, title="五元看大片"), house.member(house.add_member())
    await house.buy(event, member)
    await house.hold(event, member, key="other", quota=2)
    await house.hold(event, member, 9, key="too many", quota=2)
    await house.count_refusals()
    for language, words in (
        ({}, ("截至", "已订完", "已售 1，锁定 0", "已售 0，锁定 1")),
        (ENGLISH, ("as of", "Sold out", "1 sold, 0 on hold", "0 sold, 1 on hold", "Refresh the numbers")),
    ):
        text = (await page(house, event, "live", **language)).text
        assert [word for word in words if word not in text] == []
        assert 'data-stream="/staff/events/' in text
    wall = await page(house, event, "wall", **ENGLISH)
    assert (wall.status_code, "五元看大片" in wall.text, "<nav" in wall.text) == (200, True, False)
    assert "<noscript><meta" in wall.text


async def test_the_stream_sends_what_the_page_has(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "READ_SECONDS", 0.05)
    event, member = house.publish(10), house.member(house.add_member())
    for part, one in (("live", "1 sold, 0 on hold"), ("wall", "<dd>1</dd>")):
        before = await page(house, event, part, **ENGLISH)
        path = f"/staff/events/{event}/{part}/stream"
        async with Stream.open(house, path, cookie(house.staff()) | ENGLISH) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in stream.headers  # what is packed is kept back until it is enough
            first = await stream.next()
            assert first is not None
            assert "<dl" in first.text
            if part == "live":
                assert one not in before.text
                await house.buy(event, member)
            await stream.until(lambda e: one in e.text)  # noqa: B023


async def test_the_course_of_a_sale_is_a_page(house: House) -> None:
    event, member = house.publish(10), house.member(house.add_member())
    house.services.catalogue.pause(house.claims("staff", 1, "district", role="manager"), event, "网络")
    empty = await page(house, event, "curve", **ENGLISH)
    assert "Nothing has been sold yet." in empty.text
    assert ("Sale paused" in empty.text, "网络" in empty.text) == (True, True)
    house.services.catalogue.resume(house.claims("staff", 1, "district", role="manager"), event)
    await house.buy(event, member)
    drain(house, event)
    full = await page(house, event, "curve", **ENGLISH)
    assert "1 ticket, those cancelled since included" in full.text
    assert '<svg class="curve"' in full.text
    told = await house.client.get(f"/api/v1/staff/events/{event}/curve", headers=house.staff())
    assert (told.json()["tickets"], told.json()["step_ms"], told.json()["sold"]) == ([1], 1_000, 1)
    assert [one["action"] for one in told.json()["moments"]] == [
        "event.publish",
        "event.pause",
        "event.resume",
    ]


async def test_a_neighbour_sees_none_of_it(house: House) -> None:
    event = house.publish(10, organisation="east")
    neighbour = cookie(house.staff(path="district.west"))
    paths = [f"/staff/events/{event}/{part}" for part in (*PARTS, "live/stream", "wall/stream")]
    for path in paths:
        refused = await house.client.get(path, headers=neighbour)
        assert (refused.status_code, "五元看大片" in refused.text) == (404, False)
        stranger = await house.client.get(path)
        assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (
            303,
            "/staff/login",
        )
    api = await house.client.get(
        f"/api/v1/staff/events/{event}/curve", headers=house.staff(path="district.west")
    )
    assert api.status_code == 404
    for part in PARTS:
        assert (await page(house, event, part)).status_code == 200
