"""Goal: a calendar that subscribes to the events shows each showing once, and nobody sees a draft that is not theirs.

Method: the feeds of a real API process, read by a library as a calendar would.
"""

from typing import Any

from icalendar import Calendar

from tests.support.house import HOUR_MS, House
from ticketing.api.views import instant
from ticketing.catalogue.model import QuotaDraft


def _entries(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


async def _feed(house: House, path: str = "/events.ics", **headers: str) -> list[Any]:
    answer = await house.client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    return _entries(answer.content)


async def test_published_events_are_entries_one_for_each_showing(quick_house: House) -> None:
    house = quick_house
    house.draft(5)
    times = [house.now + hours * HOUR_MS for hours in (48, 50)]
    showings = tuple(
        QuotaDraft(name=name, capacity=5, starts_at=at)
        for at in times
        for name in (f"一号厅 {at}", f"二号厅 {at}")
    )
    film = house.publish(organisation="east", quotas=showings, venue="文化宫")
    fair = house.publish(5, organisation="west")
    await house.front.board.refresh()
    entries = await _feed(house)
    assert len({str(entry["uid"]) for entry in entries}) == 3
    of_film = [entry for entry in entries if str(entry["url"]) == f"http://test/events/{film}"]
    assert [entry["dtstart"].dt for entry in of_film] == [instant(at).replace(microsecond=0) for at in times]
    assert {str(entry["location"]) for entry in of_film} == {"文化宫"}
    [one] = await _feed(house, "/events.ics?organisation=west")
    assert (str(one["uid"]), str(one["status"])) == (f"{fair}@tickets", "CONFIRMED")
    assert await _feed(house, "/events.ics?organisation=nowhere") == []


async def test_an_event_called_off_says_so_under_the_same_name(quick_house: House) -> None:
    house = quick_house
    fair = house.publish(5)
    house.services.catalogue.cancel(house.claims("staff", 1, "district", role="manager"), fair)
    await house.front.board.refresh()
    [one] = await _feed(house)
    assert (str(one["uid"]), str(one["status"])) == (f"{fair}@tickets", "CANCELLED")


async def test_staff_get_their_own_drafts_too_and_no_neighbours(quick_house: House) -> None:
    house = quick_house
    draft = house.draft(5, organisation="east")
    for path, names in (("district.east", [draft]), ("district.west", []), ("district", [draft])):
        cookie = house.staff(path=path)["authorization"].replace("Bearer ", "staff_session=")
        entries = await _feed(house, "/staff/events.ics", cookie=cookie)
        assert [str(entry["uid"]) for entry in entries] == [f"{name}@tickets" for name in names]
        assert all(str(entry["status"]) == "TENTATIVE" for entry in entries)
    assert (await house.client.get("/staff/events.ics")).status_code == 303


async def test_a_draft_without_quotas_stands_at_the_events_own_time(quick_house: House) -> None:
    house = quick_house
    draft, noon = house.draft(), house.now + 48 * HOUR_MS
    cookie = house.staff()["authorization"].replace("Bearer ", "staff_session=")
    [entry] = await _feed(house, "/staff/events.ics", cookie=cookie)
    assert str(entry["uid"]) == f"{draft}@tickets"
    assert entry["dtstart"].dt == instant(noon).replace(microsecond=0)
