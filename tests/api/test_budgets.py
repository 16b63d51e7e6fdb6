"""Goal: a budget is kept and read over HTTP in every form, the same figures in each, and a neighbour's is not there.

Method: a whole API process over the real servers; a member buys at the real sale, a clerk hands over, and what the
budget used is read as JSON, CSV and XLSX.
"""

import csv
import io
from typing import Any

from tests.api.pages.test_pages import ENGLISH
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
