"""Goal: whoever sold, or a manager, sees over HTTP and on the till's pages a sale that broke off, and settles it there.

Method: a whole API process, over the real Valkey and both databases; the desk's hand-over dies after Redis has sold.
Pages are asked for, and their forms posted, as by a browser without JavaScript.
"""

import csv
import io
import re
from typing import Any

import httpx2
import pytest

from tests.support.house import House
from ticketing.errors import StoreUnavailable
from ticketing.services import unfinished
from ticketing.services.desk import DeskService

CARD = "6222000000000001"
SALES, SHIFTS, REPORT = "/api/v1/desk/sales", "/api/v1/desk/shifts", "/api/v1/staff/till"
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a sale may take is over."""
    monkeypatch.setattr(unfinished, "GRACE_MS", -1_000)


def broken_off(*_: object) -> None:
    raise StoreUnavailable("the desk died here")


async def break_off(house: House, clerk: dict[str, str]) -> None:
    """A sale of two tickets for cash whose desk dies after Redis has sold; the order comes to SQL by the worker."""
    event = house.publish(9, price=500)
    member = house.add_member(number=CARD)
    wish = {
        "card_number": CARD,
        "event_id": event,
        "items": [{"quota_id": f"{event}-1", "quantity": 2}],
        "payment": {"method": "cash"},
        "desk": "1",
    }
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr(DeskService, "_hand_out_sale", broken_off)
        answer = await house.client.post(SALES, headers=clerk | {"idempotency-key": "s"}, json=wish)
    assert answer.status_code == 503
    with house.services.sessions.begin() as session:
        (order,) = house.services.orders.undrained(session, member)
        house.services.orders.ensure_recorded(session, order.id)


async def opened(house: House, clerk: dict[str, str]) -> str:
    wish = {"desk": "1", "opening_cash": 0}
    answer = await house.client.post(SHIFTS, headers=clerk | {"idempotency-key": "k"}, json=wish)
    return f"{SHIFTS}/{answer.json()['id']}"


async def test_it_is_in_the_shift_and_the_report_and_finished_with_one_call(house: House) -> None:
    clerk, auditor = house.add_staff("clara", "clerk"), house.staff("auditor")
    shift = await opened(house, clerk)
    await break_off(house, clerk)
    (sale,) = (await house.client.get(shift, headers=clerk)).json()["unfinished"]
    assert {name: sale[name] for name in ("clerk", "method", "amount", "waiting", "handed_out")} == {
        "clerk": "clara",
        "method": "cash",
        "amount": 1_000,
        "waiting": 2,
        "handed_out": 0,
    }
    assert (await house.client.get(REPORT, headers=auditor)).json()["unfinished"] == [sale]
    file = await house.client.get(f"{REPORT}.csv", headers=auditor)
    (row,) = [
        one
        for one in csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
        if one["line"] == "unfinished"
    ]
    assert (row["clerk"], row["amount"], row["remark"]) == ("clara", "1000", sale["number"])

    url = f"{SALES}/{sale['order_id']}"
    assert (await house.client.post(f"{url}/finish", headers=auditor, json={"desk": "1"})).status_code == 403
    first, again = [
        await house.client.post(f"{url}/finish", headers=clerk, json={"desk": "1"}) for _ in range(2)
    ]
    assert (first.status_code, again.content) == (200, first.content)
    assert len(first.json()["collected"]) == 2
    after = (await house.client.get(shift, headers=clerk)).json()
    assert (after["expected"], after["unfinished"]) == ({"cash": 1_000, "card": 0}, [])


async def test_it_is_undone_with_one_call_that_says_whether_it_was_paid(house: House) -> None:
    clerk, manager = house.add_staff("clara", "clerk"), house.add_staff("wang", "manager")
    shift = await opened(house, clerk)
    await break_off(house, clerk)
    (sale,) = (await house.client.get(shift, headers=clerk)).json()["unfinished"]
    url, wish = f"{SALES}/{sale['order_id']}/undo", {"desk": "1", "reason": "left"}
    assert (await house.client.post(url, headers=manager, json=wish)).status_code == 422
    undone = await house.client.post(url, headers=manager, json=wish | {"paid": True})
    assert undone.json()["given_back"] == {"method": "cash", "amount": 1_000}
    assert undone.json()["sale_void"]
    late = await house.client.post(f"{SALES}/{sale['order_id']}/finish", headers=clerk, json={"desk": "1"})
    assert (late.status_code, late.json()["code"]) == (409, "hold_released")
    assert (await house.client.get(shift, headers=clerk)).json()["expected"] == {"cash": 0, "card": 0}


# The pages


async def post(house: House, path: str, session: dict[str, str], **form: str) -> httpx2.Response:
    return await house.client.post(path, data=form, headers=OWN | session)


def form_of(page: httpx2.Response) -> dict[str, Any]:
    """Where the first unfinished sale's form goes, and which buttons it has."""
    form = re.search(
        r'<form method="post" action="(/desk/sales/[^"]+/settle)".*?</form>', page.text, re.DOTALL
    )
    assert form, page.text
    return {"path": form[1], "buttons": re.findall(r'name="how" value="(\w+)"', form[0])}


@pytest.mark.parametrize(
    ("how", "done"), [("finish", "sale-finished"), ("given_back", "sale-undone"), ("unpaid", "sale-undone")]
)
async def test_a_button_on_the_clerks_page_settles_it(quick_house: House, how: str, done: str) -> None:
    house = quick_house
    clerk = house.add_staff("clara", "clerk")
    shift = await opened(house, clerk)
    await break_off(house, clerk)
    assert form_of(await house.client.get(f"/desk/till/{shift.rpartition('/')[2]}", headers=clerk))
    form = form_of(await house.client.get("/desk/till", headers=clerk))
    assert form["buttons"] == ["finish", "given_back", "unpaid"]
    assert (await post(house, form["path"], clerk, how="keep_it")).status_code == 422
    answer = await post(house, form["path"], clerk, how=how)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/till?done={done}")
    assert "/settle" not in (await house.client.get("/desk/till", headers=clerk)).text


async def test_the_report_has_buttons_for_managers_and_none_to_undo_what_was_handed_out(
    quick_house: House,
) -> None:
    house = quick_house
    clerk, manager = house.add_staff("clara", "clerk"), house.add_staff("wang", "manager")
    await break_off(house, clerk)
    auditor = await house.client.get("/staff/till", headers=house.staff("auditor"))
    assert form_of(auditor)["buttons"] == []
    form = form_of(await house.client.get("/staff/till", headers=manager))
    order_id = form["path"].split("/")[3]
    other = house.add_staff("mei", "clerk")
    seen = await house.client.post("/api/v1/desk/swipes", headers=other, json={"card_number": CARD})
    assert seen.json()["unfinished"] == [order_id]
    page = await post(house, "/desk", other, swipe=CARD)
    assert "这笔售票在窗口中断" in page.text
    boxes = re.findall(r'name="ticket" value="[^"]+"([^>]*)>', page.text)
    assert boxes == ["", ""], "whoever only presses Enter hands out nothing that may not be paid"
    await house.client.post(
        "/api/v1/desk/pickups",
        headers=other | {"idempotency-key": "p"},
        json={"order_id": order_id, "desk": "2"},
    )
    form = form_of(await house.client.get("/staff/till", headers=manager))
    assert form["buttons"] == ["finish"]
    refused = await post(house, form["path"], manager, how="unpaid", **{"from": "report"})
    assert (refused.status_code, "mei" in refused.text) == (409, True)
    answer = await post(house, form["path"], manager, how="finish", **{"from": "report"})
    assert answer.headers["location"] == "/staff/till?done=sale-finished"
