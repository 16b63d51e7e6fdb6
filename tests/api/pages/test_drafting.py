"""Goal: who may book is searched for and ticked in the form of an event, and nothing typed is ever lost by it.

Method: forms as browsers send them, without a script and as htmx does, to a whole API process; what was saved is read
from the service. What may be chosen by whom: tests/services/test_organisations.py.
"""

import re
from typing import Any

import httpx2
import pytest

from tests.api.pages.test_campaigns import event_of, made
from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House

NEW = "/staff/events/new"
PLAN = {
    "title": "五月 <films>",
    "opens_at": "2030-04-01T08:00",
    "closes_at": "2030-04-30T08:00",
    "starts_at": "2030-05-01T08:00",
    "hold_minutes": "5",
    "kind": "cinema",
    "notice": "请自带\n饮料",
}
TICK = re.compile(r'name="eligible" value="([^"]+)"( checked)?')


async def post(house: House, path: str, role: str = "manager", **fields: Any) -> httpx2.Response:
    headers = OWN | ENGLISH | house.staff(role) | fields.pop("headers", {})
    return await house.client.post(path, data=PLAN | fields, headers=headers)


def ticks(page: httpx2.Response) -> list[tuple[str, bool]]:
    """The boxes for organisations, and whether each is ticked."""
    assert page.status_code == 200, page.text
    return [(value, bool(checked)) for value, checked in TICK.findall(page.text)]


async def test_organisations_are_searched_for_without_a_script(quick_house: House) -> None:
    house = quick_house
    first = await house.client.get(NEW, headers=house.staff())
    assert ticks(first) == [("district", False), ("east", False), ("west", False)]
    assert "不限：所有持卡会员" in first.text
    found = await post(house, f"{NEW}/organisations", eligible=["east"], eligible_q="西街")
    assert ticks(found) == [("east", True), ("west", False)]
    assert "Members of 1 organisation, with all below it" in found.text
    kept = ('value="五月 &lt;films&gt;"', '<option value="cinema" selected>', "请自带\n饮料</textarea>")
    assert [part for part in kept if part not in found.text] == []
    assert 'name="eligible_sought" value="西街"' in found.text
    none = await post(house, f"{NEW}/organisations", eligible=["moon"], eligible_q="月亮")
    assert (ticks(none), "is called “月亮”" in none.text) == ([], True)


@pytest.mark.parametrize("place", ["events", "edit"])
async def test_a_search_that_was_not_answered_saves_nothing(quick_house: House, place: str) -> None:
    house = quick_house
    event = made(await post(house, "/staff/events", eligible=["west"]))
    path = "/staff/events" if place == "events" else f"/staff/events/{event}/edit"
    known = len(house.services.catalogue.list_events(house.claims("staff", 1, "district")))
    held = await post(house, path, title="other", reason="r", eligible_q="东街", eligible_sought="东")
    assert (ticks(held), "Nothing is saved yet" in held.text) == ([("east", False)], True)
    assert 'autofocus aria-describedby="eligible_q-wrong"' in held.text
    assert len(house.services.catalogue.list_events(house.claims("staff", 1, "district"))) == known
    assert event_of(house, event).title == PLAN["title"]
    answered: dict[str, Any] = {"eligible_q": "东街", "eligible_sought": "东街", "eligible": ["east", "west"]}
    saved = await post(house, path, title="other", reason="r", **answered)
    event = made(saved) if place == "events" else event
    assert saved.status_code == 303
    assert event_of(house, event).eligible_organisations == ["east", "west"]


async def test_what_is_chosen_of_an_event_is_shown_by_name_and_can_be_taken_off(quick_house: House) -> None:
    house = quick_house
    event = made(await post(house, "/staff/events", eligible=["east", "west"]))
    path = f"/staff/events/{event}/edit"
    form = await house.client.get(path, headers=house.staff())
    assert ticks(form) == [("east", True), ("west", True), ("district", False)]
    assert "东街道工会" in form.text
    await post(house, path, reason="r", eligible=["west"])
    assert event_of(house, event).eligible_organisations == ["west"]
    await post(house, path, reason="r")
    assert event_of(house, event).eligible_organisations is None
    refused = await post(house, path, reason="r", eligible=["moon"])
    assert (refused.status_code, 'id="eligible-wrong"' in refused.text) == (422, True)


async def test_htmx_gets_the_part_alone(quick_house: House) -> None:
    event = made(await post(quick_house, "/staff/events", eligible=["east"]))
    part = await post(
        quick_house,
        f"/staff/events/{event}/edit/organisations",
        headers={"hx-request": "true"},
        eligible=["east"],
        eligible_q="west",
    )
    assert ticks(part) == [("east", True), ("west", False)]
    assert ("<main" in part.text, part.text.count('id="eligible-words"')) == (False, 1)


@pytest.mark.parametrize("how", [{}, {"hx-request": "true"}])
async def test_the_search_is_for_who_writes_events(quick_house: House, how: dict[str, str]) -> None:
    for path in (f"{NEW}/organisations", f"/staff/events/{quick_house.publish(5)}/edit/organisations"):
        for role in ("clerk", "auditor"):
            assert (await post(quick_house, path, role, headers=how)).status_code == 403
    event = quick_house.publish(5)
    beside = quick_house.staff(path="district.west")
    path = f"/staff/events/{event}/edit/organisations"
    assert (await quick_house.client.post(path, data=PLAN, headers=OWN | beside | how)).status_code == 404
