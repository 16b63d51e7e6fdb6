"""Goal: the registry of venues over HTTP and on its pages, within one's own part of the tree, in plain words.

Method: the JSON routes and the forms of a whole API process, over the real Valkey and both databases.
"""

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import House

VENUES = "/api/v1/staff/venues"
PLAN = {"name": "工人文化宫影院", "contact": "王经理", "contract_number": "2026-031"}


async def test_the_registry_and_what_a_suspension_does(house: House) -> None:
    manager, west = house.staff(), house.staff(path="district.west")
    made = await house.client.post(VENUES, headers=manager, json=PLAN | {"reason": "signed"})
    venue = made.json()
    assert (made.status_code, venue["state"], venue["history"][0]["action"]) == (
        201,
        "admitted",
        "venue.admit",
    )
    url = f"{VENUES}/{venue['id']}"
    changed = await house.client.patch(url, headers=manager, json={"contact": "李经理"})
    assert (changed.json()["contact"], changed.json()["name"]) == ("李经理", PLAN["name"])
    event = house.draft(9, venue_id=venue["id"])
    running = house.publish(9, venue_id=venue["id"])
    assert (await house.client.post(f"{url}/suspend", headers=manager, json={})).status_code == 422
    told = (await house.client.post(f"{url}/suspend", headers=manager, json={"reason": "dirty"})).json()
    assert (told["state"], told["state_reason"]) == ("suspended", "dirty")
    assert [sale["event_id"] for sale in told["running"]] == [running]
    no = await house.client.post(f"/api/v1/staff/events/{event}/publish", headers=manager)
    assert (no.status_code, no.json()["errors"]) == (
        422,
        [{"field": "venue_id", "reason": "the venue is suspended"}],
    )
    seen = (await house.client.get(VENUES, headers=west)).json()["venues"]
    assert [one["state"] for one in seen] == ["suspended"]
    assert (await house.client.post(f"{url}/admit", headers=west, json={"reason": "x"})).status_code == 403
    assert (await house.client.get(VENUES, headers=house.staff("clerk"))).status_code == 403
    own = (await house.client.post(VENUES, headers=west, json=PLAN)).json()["id"]
    east = house.staff(path="district.east")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("POST", "/remove", {"reason": "x"}),
    ):
        answer = await house.client.request(method, f"{VENUES}/{own}{path}", headers=east, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_pages_say_what_a_suspension_means(house: House) -> None:
    manager = OWN | ENGLISH | house.staff()
    made = await house.client.post("/staff/venues", data=PLAN, headers=manager)
    page = made.headers["location"].partition("?")[0]
    venue = page.rpartition("/")[2]
    empty = await house.client.post("/staff/venues", data=PLAN | {"name": " "}, headers=manager)
    says(empty, 422, "check what you filled in")
    running, draft = house.publish(9, venue_id=venue), house.draft(9, venue_id=venue)
    assert "hall" not in (await house.client.get(page, headers=manager)).text
    await house.client.post(page, data=PLAN | {"contact": "the hall"}, headers=manager)
    await house.client.post(f"{page}/suspend", data={"reason": "<dirty>"}, headers=manager)
    shown = (await house.client.get(page, headers=manager)).text
    for part in (
        "the hall",
        "Suspended",
        "&lt;dirty&gt;",
        "Pause those that should stop",
        f"/staff/events/{running}",
    ):
        assert part in shown
    no = await house.client.post(f"/staff/events/{draft}/publish", data={"reason": "x"}, headers=manager)
    assert no.status_code == 422
    assert "The venue is suspended: an event there cannot go on sale" in no.text
    form = (await house.client.get("/staff/events/new", headers=manager)).text
    assert f'value="{venue}"' in form
    west = ENGLISH | house.staff(path="district.west")
    seen = (await house.client.get(page, headers=west)).text
    assert "Suspended" in seen
    assert "<button" not in seen.partition("<main")[2]
    listed = (await house.client.get("/staff/venues", headers=ENGLISH | house.staff("auditor"))).text
    assert page in listed
    assert 'action="/staff/venues"' not in listed
    assert (await house.client.get("/staff/venues/nowhere", headers=manager)).status_code == 404


async def test_the_trail_names_a_venue_and_leads_to_it(quick_house: House) -> None:
    manager = quick_house.staff()
    made = (await quick_house.client.post(VENUES, headers=manager, json=PLAN)).json()
    page = (await quick_house.client.get("/staff/trail", headers=manager | ENGLISH)).text
    assert f'<a href="/staff/venues/{made["id"]}">{PLAN["name"]}</a>' in page
    assert "Contract no.: 2026-031" in page
