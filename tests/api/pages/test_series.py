"""Goal: a series is made, filled, emptied and changed by forms, and what cannot be is refused in words.

Method: forms to a whole API process over the real servers; what was saved is read from the service. The limit itself:
tests/services/test_series.py.
"""

from typing import Any

import httpx2

from tests.api.pages.test_campaigns import event_of, shows
from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import HOUR_MS, House
from ticketing.catalogue.model import EventDraft, QuotaDraft

PAGE = "/staff/series"


async def post(house: House, path: str, staff: dict[str, str], **fields: str) -> httpx2.Response:
    return await house.client.post(path, data={"reason": "r"} | fields, headers=OWN | ENGLISH | staff)


def drafted(house: House, path: str = "district") -> str:
    quotas = (QuotaDraft(name="A", capacity=5),)
    times: dict[str, Any] = {
        "opens_at": house.now,
        "closes_at": house.now + HOUR_MS,
        "starts_at": house.now + 2 * HOUR_MS,
    }
    draft = EventDraft(title="五一 <1>", quotas=quotas, **times)
    return house.services.catalogue.create_event(house.claims("staff", 1, path, role="manager"), draft)


async def made(house: House, **fields: str) -> str:
    answer = await post(house, PAGE, house.staff(), **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removesuffix("?done=series")


async def test_a_series_over_forms(house: House) -> None:
    staff, event = house.staff(), drafted(house)
    one = await made(house, name="May Day films", per_card_limit="3")
    empty = await house.client.get(one, headers=ENGLISH | staff)
    shows(empty, 200, "Up to 3 tickets per card", f'<option value="{event}">五一 &lt;1&gt;')
    put = await post(house, f"{one}/events", staff, event_id=event)
    assert put.headers["location"] == f"{one}?done=series-in"
    assert event_of(house, event).group_id == one.removeprefix(f"{PAGE}/")
    shows(await house.client.get(PAGE, headers=ENGLISH | staff), 200, f'href="/staff/events/{event}"')
    shows(await house.client.get(f"/staff/events/{event}", headers=ENGLISH | staff), 200, f'href="{one}"')
    changed = await post(house, one, staff, name="Films", per_card_limit="1")
    assert changed.headers["location"] == f"{one}?done=series-changed"
    shows(await house.client.get(one, headers=ENGLISH | staff), 200, "<h1>Films</h1>", "1 ticket per card")
    out = await post(house, f"{one}/events/{event}/take-out", staff)
    assert (out.headers["location"], event_of(house, event).group_id) == (f"{one}?done=series-out", event)


async def test_what_is_refused_is_said_in_words(house: House) -> None:
    staff, event, other = house.staff(), drafted(house), drafted(house, "district.east")
    shows(
        await post(house, PAGE, staff, name="x", per_card_limit="0"),
        422,
        "A limit is from 1 to 1,000.",
        'value="x"',
    )
    shows(await post(house, PAGE, staff, name="x", per_card_limit="two"), 422, "Please give a whole number.")
    one = await made(house, name="Films", per_card_limit="3")
    shows(await post(house, f"{one}/events", staff, event_id=event, reason=" "), 422, "Please fill this in.")
    shows(await post(house, f"{one}/events", staff, event_id=other), 422, "belongs to another organisation")
    await post(house, f"{one}/events", staff, event_id=event)
    await post(house, f"/staff/events/{event}/publish", staff)
    shows(
        await post(house, f"{one}/events/{event}/take-out", staff),
        422,
        "cannot change once the event is published",
    )
    fixed = await post(house, one, staff, name="Films", per_card_limit="4")
    shows(fixed, 422, "The limit is fixed: an event of this series was published.")
    shown = await house.client.get(one, headers=ENGLISH | staff)
    assert ("readonly" in shown.text, "/take-out" in shown.text) == (True, False)


async def test_a_neighbours_series_is_not_there(quick_house: House) -> None:
    house = quick_house
    one, event = await made(house, name="Films", organisation="east"), drafted(house, "district.east")
    beside: list[dict[str, Any]] = [house.staff(path="district.west"), house.staff("admin", "district.west")]
    for staff in beside:
        assert (await house.client.get(one, headers=staff)).status_code == 404
        for path in ("", "/events", f"/events/{event}/take-out"):
            says(
                await post(house, f"{one}{path}", staff, name="x", event_id=event),
                404,
                "There is nothing here",
            )
    staff = house.staff(path="district.east")
    says(
        await post(house, f"{one}/events/{event}/take-out", staff), 404, "There is nothing here"
    )  # it is in no series
    assert (await house.client.get(PAGE, headers=house.staff("clerk"))).status_code == 403
    auditor = await house.client.get(one, headers=house.staff("auditor"))
    assert ("<form" in auditor.text.partition("<main")[2], auditor.status_code) == (False, 200)
