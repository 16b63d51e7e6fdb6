"""Goal: reports over HTTP and on their pages say what the services say, as JSON, CSV, XLSX and in words.

Method: a whole API process over the real servers; a member buys at the real sale, a clerk hands over, and the report
of the day is read in every form. A neighbour's organisation is not there, a clerk may read none.
"""

import csv
import io
import re
from html import unescape

import pytest

from tests.api.pages.test_pages import ENGLISH
from tests.api.test_desk import bought, pick_up
from tests.support.house import House
from tests.support.sheets import first_sheet

REPORTS = "/api/v1/staff/reports"
BELOW = re.compile(r'<a href="([^"]+)">东街道工会</a>')
NAMES = ("settlement", "participation", "attendance", "demand")


async def handed_out(house: House) -> str:
    """An event with one ticket collected, for 10 yuan; its id."""
    event, order = await bought(house)
    await pick_up(
        house, house.add_staff("clara", "clerk"), "p", order_id=order["id"], payment={"method": "cash"}
    )
    return str(event)


async def test_the_settlement_in_every_form(house: House) -> None:
    event, auditor = await handed_out(house), house.staff("auditor")
    told = (await house.client.get(f"{REPORTS}/settlement", headers=auditor)).json()
    [line] = told["lines"]
    assert (line["event_id"], line["state"], line["member_total"]) == (event, "collected", 1_000)
    assert told["ties"] == [{"currency": "CNY", "orders": 1_000, "lines": 1_000}]
    file = await house.client.get(f"{REPORTS}/settlement.csv", headers=auditor)
    [row] = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["event_id"], row["member_total"]) == (event, "1000")
    workbook = await house.client.get(f"{REPORTS}/settlement.xlsx", headers=auditor | ENGLISH)
    headings, cells = first_sheet(workbook.content)
    assert dict(zip(headings, cells, strict=True))["Paid by members"] == 10
    page = (await house.client.get("/staff/reports/settlement", headers=auditor | ENGLISH)).text
    for part in (
        "¥10.00",
        "which is what the orders of these events come to",
        "Collected: owed",
        ".xlsx?since=",
    ):
        assert part in page
    old = {"first": "2020-01-01", "last": "2020-01-31"}
    page = (await house.client.get("/staff/reports/settlement", headers=auditor | ENGLISH, params=old)).text
    assert "No ticket was collected on these days" in page


async def test_use_of_the_card_and_attendance(house: House) -> None:
    event, auditor = await handed_out(house), house.staff("auditor")
    told = (await house.client.get(f"{REPORTS}/participation", headers=auditor)).json()
    assert (told["published_rate"], told["lines"][0]["used"]) == (0.56, 1)
    page = (await house.client.get("/staff/reports/participation", headers=auditor | ENGLISH)).text
    assert "1 of 1 cards were used: 100.0%. The published year had 56.0%" in page
    assert '<rect class="mark" x="56.0"' in page
    assert '<a href="/staff/reports" aria-current="true">' in page
    street = (await house.client.get(unescape(BELOW.findall(page)[0]), headers=auditor | ENGLISH)).text
    assert ("东街道工会</th>" in street, "西街道工会</th>" in street) == (True, False)
    later = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
    await house.client.patch(
        f"/api/v1/staff/events/{event}", headers=house.staff(), json={"starts_at": "2020-01-15T00:00:00Z"}
    )
    told = (await house.client.get(f"{REPORTS}/attendance", headers=auditor, params=later)).json()
    [quota] = told["quotas"]
    assert (quota["collected"], quota["not_collected"], quota["starts_at"][:10]) == (2, 0, "2020-01-15")
    days = {"first": "2020-01-01", "last": "2020-01-31"}
    page = (await house.client.get("/staff/reports/attendance", headers=auditor | ENGLISH, params=days)).text
    assert f"/staff/events/{event}" in page
    odd = await house.client.get(f"{REPORTS}/participation", headers=auditor, params={"kind": "opera"})
    assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "kind")


async def test_demand_in_every_form(house: House) -> None:
    auditor, session = house.staff("auditor"), house.member(house.add_member())
    event = house.publish(2, opens_at=house.now - 1)
    order = await house.buy(event, session, quantity=2)
    late = await house.hold(event, house.member(house.add_member(number="6222000000000002")))
    assert late.json()["code"] == "sold_out"
    await house.count_refusals()
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    told = (await house.client.get(f"{REPORTS}/demand", headers=auditor)).json()
    [row] = told["events"]
    assert (row["event_id"], row["sold"], row["buyers"]) == (event, 2, 1)
    assert (row["refused"], row["refusals"]) == (1, {"sold_out": 1})
    assert row["sold_out_at"] is not None
    file = await house.client.get(f"{REPORTS}/demand.csv", headers=auditor)
    [line] = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (line["event_id"], line["refused"], line["sold_out"], line["sale_closed"]) == (
        event,
        "1",
        "1",
        "0",
    )
    workbook = await house.client.get(f"{REPORTS}/demand.xlsx", headers=auditor | ENGLISH)
    headings, cells = first_sheet(workbook.content)
    assert dict(zip(headings, cells, strict=True))["Refused"] == 1
    page = (await house.client.get("/staff/reports/demand", headers=auditor | ENGLISH)).text
    assert "Sold out 1" in page
    assert f"/staff/events/{event}" in page
    old = {"first": "2020-01-01", "last": "2020-01-31"}
    page = (await house.client.get("/staff/reports/demand", headers=auditor | ENGLISH, params=old)).text
    assert "No sale opened on these days" in page


@pytest.mark.parametrize("name", NAMES)
async def test_who_may_read_what(quick_house: House, name: str) -> None:
    house, west = quick_house, quick_house.staff(path="district.west")
    for ending in ("", ".csv", ".xlsx"):
        url = f"{REPORTS}/{name}{ending}"
        assert (await house.client.get(url, headers=west)).status_code == 200
        neighbour = await house.client.get(url, headers=west, params={"organisation": "east"})
        assert (neighbour.status_code, neighbour.json()["code"]) == (404, "not_found")
        assert (await house.client.get(url, headers=house.staff("clerk"))).status_code == 403
    page = f"/staff/reports/{name}"
    assert (await house.client.get(page, headers=west)).status_code == 200
    assert (await house.client.get(page, headers=west, params={"organisation": "east"})).status_code == 404
    assert (await house.client.get(page, headers=house.staff("clerk"))).status_code == 403
    assert (await house.client.get(page)).headers["location"].startswith("/staff/login")
