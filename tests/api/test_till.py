"""Goal: a shift opens and closes over HTTP with its totals, once, and the finance office gets every sum as a file.

Method: the JSON routes of a whole API process, over the real Valkey and both databases.
"""

import csv
import io

from tests.api.test_desk import bought, pick_up
from tests.support.house import House
from tests.support.sheets import first_sheet

SHIFTS, REPORT = "/api/v1/desk/shifts", "/api/v1/staff/till"


async def test_a_shift_with_its_totals_from_opening_to_the_report(house: House) -> None:
    _, order = await bought(house)
    clerk, auditor = house.add_staff("clara", "clerk"), house.staff("auditor")
    wish = {"desk": "1", "opening_cash": 10_000}
    opened = await house.client.post(SHIFTS, headers=clerk | {"idempotency-key": "k"}, json=wish)
    again = await house.client.post(SHIFTS, headers=clerk | {"idempotency-key": "k"}, json=wish)
    assert (opened.status_code, again.status_code, again.content) == (201, 201, opened.content)
    assert [answer.headers.get("idempotent-replayed") for answer in (opened, again)] == [None, "true"]
    second = await house.client.post(SHIFTS, headers=clerk | {"idempotency-key": "l"}, json=wish)
    assert (second.status_code, second.json()["code"]) == (409, "shift_open")
    assert second.json()["opened_at"] == opened.json()["opened_at"]
    await pick_up(house, clerk, "p", order_id=order["id"], payment={"method": "cash"})

    url = f"{SHIFTS}/{opened.json()['id']}"
    open_now = (await house.client.get(url, headers=clerk)).json()
    assert open_now["expected"] == {"cash": 11_000, "card": 0}
    (line,) = open_now["lines"]
    assert (line["kind"], line["method"], line["count"], line["amount"]) == ("taken", "cash", 1, 1_000)
    counts = {"counted_cash": 10_990, "counted_card": 0}
    unexplained = await house.client.post(f"{url}/close", headers=clerk, json=counts)
    assert (unexplained.status_code, unexplained.json()["errors"][0]["field"]) == (422, "remark")
    counts["remark"] = "=ten short"  # type: ignore[assignment]
    closed, repeated = [await house.client.post(f"{url}/close", headers=clerk, json=counts) for _ in range(2)]
    assert (closed.status_code, repeated.content) == (200, closed.content)
    assert (closed.json()["difference"], closed.json()["closed_by"]) == ({"cash": -10, "card": 0}, "clara")
    other = await house.client.post(f"{url}/close", headers=clerk, json=counts | {"counted_cash": 1})
    assert (other.status_code, other.json()["code"]) == (409, "shift_closed")
    assert (await house.client.get(SHIFTS, headers=clerk)).json()["shifts"] == [closed.json()]

    report = (await house.client.get(REPORT, headers=auditor)).json()
    assert (report["shifts"], report["outside"]) == ([closed.json()], [])
    file = await house.client.get(f"{REPORT}.csv", headers=auditor)
    assert file.headers["content-disposition"] == 'attachment; filename="till.csv"'
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    sums = {(row["line"], row["method"]): int(row["amount"]) for row in rows}
    assert sums == {
        ("opening", "cash"): 10_000,
        ("taken", "cash"): 1_000,
        ("expected", "cash"): 11_000,
        ("expected", "card"): 0,
        ("counted", "cash"): 10_990,
        ("counted", "card"): 0,
        ("difference", "cash"): -10,
        ("difference", "card"): 0,
    }
    assert {row["remark"] for row in rows} == {"", "'=ten short"}


async def test_money_outside_any_shift_is_in_the_report(house: House) -> None:
    _, order = await bought(house)
    clerk, auditor = house.add_staff("clara", "clerk"), house.staff("auditor")
    await pick_up(house, clerk, "p", order_id=order["id"], payment={"method": "card"})
    (line,) = (await house.client.get(REPORT, headers=auditor)).json()["outside"]
    assert (line["clerk"], line["desk"], line["method"], line["amount"]) == ("clara", "1", "card", 1_000)
    file = await house.client.get(f"{REPORT}.csv", headers=auditor)
    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["shift"], row["line"], row["amount"]) == ("", "taken_outside", "1000")
    at_another_time = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00+08:00"}
    assert (await house.client.get(REPORT, headers=auditor, params=at_another_time)).json()["outside"] == []


async def test_the_report_as_a_workbook(house: House) -> None:
    _, order = await bought(house)
    clerk, auditor = house.add_staff("clara", "clerk"), house.staff("auditor")
    await pick_up(house, clerk, "p", order_id=order["id"], payment={"method": "card"})
    answer = await house.client.get(f"{REPORT}.xlsx", headers=auditor | {"accept-language": "en"})
    assert answer.headers["content-disposition"] == 'attachment; filename="till.xlsx"'
    headings, line = first_sheet(answer.content)
    row = dict(zip(headings, line, strict=True))
    assert (row["Clerk"], row["Line"], row["How many"], row["Amount"]) == ("clara", "taken_outside", 1, 10)


async def test_who_may_not_and_what_is_no_time(house: House) -> None:
    clerk, auditor = house.add_staff("clara", "clerk"), house.staff("auditor")
    wish = {"desk": "1", "opening_cash": 0}
    refused = await house.client.post(SHIFTS, headers=auditor | {"idempotency-key": "k"}, json=wish)
    assert refused.status_code == 403
    assert (await house.client.get(REPORT, headers=clerk)).status_code == 403
    assert (await house.client.get(f"{SHIFTS}/s.unknown", headers=clerk)).status_code == 404
    assert (await house.client.post(SHIFTS, headers=clerk, json=wish)).status_code == 400
    for odd in ("yesterday", "2026-05-01T00:00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"):
        answer = await house.client.get(REPORT, headers=auditor, params={"until": odd})
        assert answer.status_code in (200, 422), odd
    for since, until in (("2026-05-02T00:00:00Z", "2026-05-01T00:00:00Z"), ("2020-01-01T00:00:00Z", None)):
        query = {"since": since} | ({"until": until} if until else {})
        assert (await house.client.get(REPORT, headers=auditor, params=query)).status_code == 422
