"""Goal: a budget is kept and read over HTTP in every form, the same figures in each, and a neighbour's is not there.

Method: a whole API process over the real servers; a member buys at the real sale, a clerk hands over, and what the
budget used is read as JSON, CSV and XLSX.
"""

import csv
import io
from typing import Any

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.api.test_desk import bought, pick_up
from tests.support.house import House
from tests.support.sheets import first_sheet
from ticketing.catalogue.model import QuotaChanges

BUDGETS = "/api/v1/staff/budgets"
PLAN = {"name": "=五一电影", "amount": 10_000, "note": "工会经费"}


async def a_budget(house: House, **changes: Any) -> Any:
    """A fresh budget, as it is told."""
    made = await house.client.post(BUDGETS, headers=house.staff(), json=PLAN | changes)
    assert made.status_code == 201, made.text
    return made.json()


async def handed_out(house: House) -> str:
    """An event of nine tickets for which the union pays 30 yuan each, two of them collected; its id."""
    event, order = await bought(house)
    changes = QuotaChanges(face_price=3_500)
    manager = house.claims("staff", 1, "district", role="manager")
    house.services.quotas.change(manager, event, f"{event}-1", changes, "as the venue says")
    clerk = house.add_staff("clara", "clerk")
    await pick_up(house, clerk, "p", order_id=order["id"], payment={"method": "cash"})
    return str(event)


async def test_a_budget_in_every_form(house: House) -> None:
    manager, auditor = house.staff(), house.staff("auditor")
    event = await handed_out(house)
    budget = await a_budget(house)
    url = f"{BUDGETS}/{budget['budget_id']}"
    told = (await house.client.put(f"{url}/events/{event}", headers=manager)).json()
    [line] = told["events"]
    figures = (line["event_id"], line["planned"], line["reserved"], line["used"])
    assert figures == (event, 27_000, 0, 6_000)
    assert (told["used"], told["left"], told["share"], told["is_exceeded"]) == (6_000, 4_000, 0.6, False)
    assert (await house.client.get(BUDGETS, headers=auditor)).json()["budgets"] == [told]
    less = (await house.client.patch(url, headers=manager, json={"amount": 5_000})).json()
    assert (less["left"], less["is_exceeded"], less["budget"]) == (-1_000, True, PLAN["name"])
    file = await house.client.get(f"{BUDGETS}.csv", headers=auditor)
    whole, of_event = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (whole["of"], whole["budget"], whole["subsidy_used"], whole["left"]) == (
        "budget",
        "'=五一电影",
        "6000",
        "-1000",
    )
    assert (of_event["of"], of_event["event_id"], of_event["subsidy_used"], of_event["amount"]) == (
        "event",
        event,
        "6000",
        "",
    )
    workbook = await house.client.get(f"{BUDGETS}.xlsx", headers=auditor | ENGLISH)
    headings, cells = first_sheet(workbook.content)[:2]
    row = dict(zip(headings, cells, strict=True))
    assert (row["Budget"], row["Subsidy used"], row["Share used"]) == ("=五一电影", 60, 1.2)
    out = (await house.client.delete(f"{url}/events/{event}", headers=manager)).json()
    assert (out["events"], out["used"]) == ([], 0)


async def test_who_may_see_and_change_what(quick_house: House) -> None:
    house, west = quick_house, quick_house.staff(path="district.west")
    budget = (await a_budget(house, organisation="east"))["budget_id"]
    event = house.draft(5, organisation="east")
    for method, path in (
        ("GET", budget),
        ("PATCH", budget),
        ("PUT", f"{budget}/events/{event}"),
        ("DELETE", f"{budget}/events/{event}"),
    ):
        body = {"amount": 1} if method == "PATCH" else None
        answer = await house.client.request(method, f"{BUDGETS}/{path}", headers=west, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), method
    assert (await house.client.get(BUDGETS, headers=west)).json() == {"budgets": []}
    for ending in ("", ".csv", ".xlsx"):
        url, query = f"{BUDGETS}{ending}", {"organisation": "east"}
        assert (await house.client.get(url, headers=west, params=query)).status_code == 404
        assert (await house.client.get(url, headers=house.staff("clerk"))).status_code == 403
    east = await house.client.put(
        f"{BUDGETS}/{budget}/events/{event}", headers=house.staff(path="district.east")
    )
    assert [line["event_id"] for line in east.json()["events"]] == [event]
    second = (await a_budget(house))["budget_id"]
    no = await house.client.put(f"{BUDGETS}/{second}/events/{event}", headers=house.staff())
    assert (no.status_code, no.json()["errors"]) == (
        422,
        [{"field": "event", "reason": "is in another budget"}],
    )
    wrong = await house.client.post(BUDGETS, headers=house.staff(), json=PLAN | {"amount": -1})
    assert wrong.status_code == 422


async def test_the_pages_make_change_and_fill_a_budget(house: House) -> None:
    manager = OWN | ENGLISH | house.staff()
    wrong = await house.client.post("/staff/budgets", data={"name": "May", "amount": "x"}, headers=manager)
    says(wrong, 422, "check what you filled in")
    typed = {"name": "<May>", "amount": "50.5", "note": "二季度"}
    made = await house.client.post("/staff/budgets", data=typed, headers=manager)
    page, _, done = made.headers["location"].partition("?")
    assert (made.status_code, done) == (303, "done=budget")
    event, draft = await handed_out(house), house.draft(1, title="第二场")
    for one in (event, draft):
        await house.client.post(f"{page}/events", data={"event": one}, headers=manager)
    twice = await house.client.post("/staff/budgets", data=typed | {"name": "June"}, headers=manager)
    june = twice.headers["location"].partition("?")[0]
    no = await house.client.post(f"{june}/events", data={"event": event}, headers=manager)
    assert no.status_code == 422
    assert "This event is in another budget" in no.text
    shown = (await house.client.get(page, headers=manager)).text
    for part in ("&lt;May&gt;", "¥50.50", "¥60.00", "118.8%", "¥9.50 more than the budget", 'value="50.50"'):
        assert part in shown
    less = await house.client.post(page, data=typed | {"amount": "100"}, headers=manager)
    assert less.headers["location"].endswith("done=budget-changed")
    of_event = (await house.client.get(f"/staff/events/{draft}", headers=manager)).text
    assert f'href="{page}">Budget: &lt;May&gt;</a>' in of_event
    assert f'href="/staff/events/{draft}/quotas/table#text">Budget</a>' in of_event, "the other takes it all"
    await house.client.post(f"{page}/events/{draft}/take-out", headers=manager, data={})
    trail = (await house.client.get("/staff/trail", headers=manager)).text
    for part in ("Event taken out of a budget", f'href="{page}"', "¥50.50 → ¥100.00"):
        assert part in trail
    auditor = ENGLISH | house.staff("auditor")
    listed = (await house.client.get("/staff/budgets", headers=auditor)).text
    assert page in listed
    assert "More planned than there is" in listed
    assert 'method="post" action="/staff/budgets"' not in listed
    assert "Put an event in" not in (await house.client.get(page, headers=auditor)).text
    west = OWN | ENGLISH | house.staff(path="district.west")
    assert (await house.client.get(page, headers=west)).status_code == 404
    assert (await house.client.post(page, data=typed, headers=west)).status_code == 404
    assert (await house.client.get("/staff/budgets", headers=house.staff("clerk"))).status_code == 403
