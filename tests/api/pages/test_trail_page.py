"""Goal: staff read who did what, in words of their language, on a page, by the API and as files; and nobody else's.

Method: acts on an event of one union, read by its staff and by a neighbour's, over both databases.
"""

import csv
import io
from typing import Any

import pytest

from tests.api.pages.test_live_page import ENGLISH, cookie
from tests.support.house import House
from tests.support.sheets import first_sheet
from ticketing.api.pages.details import details
from ticketing.api.pages.languages import load_languages
from ticketing.catalogue.model import QuotaChanges
from ticketing.resources import package_files

API = "/api/v1/staff/trail"


async def _paused(house: House) -> str:
    event = house.publish(10, organisation="east", title="五元看大片")
    east = house.claims("staff", 1, "district.east", role="manager", name="wang")
    house.services.catalogue.pause(east, event, "=网络")
    house.services.quotas.change(east, event, f"{event}-1", QuotaChanges(capacity=15), "more seats")
    return event


async def test_acts_are_read_in_words(house: House) -> None:
    event = await _paused(house)
    mine = cookie(house.staff(path="district.east"))
    chinese = (await house.client.get("/staff/trail", headers=mine)).text
    english = (await house.client.get(f"/staff/trail?about=event:{event}", headers=mine | ENGLISH)).text
    for text, words in (
        (chinese, ("暂停订票", "改票数", "wang", "原因: =网络", "10 → 15")),
        (english, ("Sale paused", "Number of tickets changed", "Reason: =网络", "Tickets: 10 → 15")),
    ):
        assert [word for word in words if word not in text] == []
        assert f'href="/staff/events/{event}"' in text
        assert "{&#39;" not in text
    only = (await house.client.get("/staff/trail?act=event.pause&who=WANG", headers=mine | ENGLISH)).text
    assert (only.count('<th scope="row">'), "=网络" in only) == (1, True)
    none = await house.client.get("/staff/trail?first=1999-01-01&last=1999-12-31", headers=mine | ENGLISH)
    assert "Nothing was found." in none.text
    assert (await house.client.get("/staff/trail?first=1999-99-01", headers=mine)).status_code == 422


async def test_a_neighbour_reads_nothing_of_it(house: House) -> None:
    event = await _paused(house)
    west = house.staff(path="district.west")
    page = await house.client.get(f"/staff/trail?about=event:{event}", headers=cookie(west) | ENGLISH)
    assert (page.status_code, "Nothing was found." in page.text) == (200, True)
    for name in ("", ".csv", ".xlsx"):
        answer = await house.client.get(API + name, headers=west)
        assert answer.status_code == 200
        assert event.encode() not in answer.content
    assert (await house.client.get(API, headers=west)).json() == {"entries": [], "next_cursor": None}
    clerk = house.staff("clerk", "district.east")
    assert (await house.client.get("/staff/trail", headers=cookie(clerk))).status_code == 403
    assert (await house.client.get(API, headers=clerk)).status_code == 403


async def test_programs_and_spreadsheets_get_the_same(house: House) -> None:
    event = await _paused(house)
    member = house.member(house.add_member())
    session = house.staff(path="district.east")
    entries = (await house.client.get(f"{API}?about={event}", headers=session)).json()["entries"]
    assert [entry["action"] for entry in entries] == [
        "quota.resize",
        "event.pause",
        "event.publish",
        "event.create",
    ]
    assert entries[1] | {"at": ""} == {
        "at": "",
        "actor": "staff:wang",
        "action": "event.pause",
        "subject": f"event:{event}",
        "name": "五元看大片",
        "event_id": event,
        "organisation": "east",
        "detail": {"reason": "=网络"},
    }
    text = (await house.client.get(f"{API}.csv?act=event", headers=session | ENGLISH)).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["act"] for row in rows] == ["Sale paused", "Event published", "Event drafted"]
    assert (rows[0]["actor"], rows[0]["in_words"]) == ("wang", "Reason: =网络")
    book = await house.client.get(f"{API}.xlsx?act=event.pause", headers=session)
    heads, pause = first_sheet(book.content)
    assert heads[:4] == ["时间", "操作人", "操作代码", "操作"]
    assert pause[1:4] == ["wang", "event.pause", "暂停订票"]
    assert (await house.client.get(f"{API}?since=yesterday", headers=session)).status_code == 422
    assert (await house.client.get(API, headers=member)).status_code == 403


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"reason": "rain", "act": "f00", "epoch": "e"}, ["Reason: rain"]),
        (
            {"changes": {"capacity": [5, 9], "venue": [None, "hall"]}},
            ["Tickets: 5 → 9", "Venue: nothing → hall"],
        ),
        (
            {"paid": 1500, "desk": "1", "tickets": ["A-1", "A-2"]},
            ["Paid: ¥15.00", "Desk: 1", "Which tickets: A-1, A-2"],
        ),
        ({"counted": {"cash": 500, "card": 0}}, ["Counted: Cash: ¥5.00; Card: ¥0.00"]),
        (
            {"opens_at": 1_777_600_000_000, "force": True},
            ["Booking opens: Fri 1 May 2026, 09:46", "Below what is sold: yes"],
        ),
        ({"some_thing": 3, "empty": None, "code": "sold_out"}, ["some thing: 3", "Why refused: Sold out"]),
    ],
)
def test_details_are_no_data(detail: Any, said: list[str]) -> None:
    english = load_languages(package_files("web"))["en"]
    assert details(detail, english) == said
