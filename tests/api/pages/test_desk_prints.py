"""Goal: receipt and tickets are printed of what was handed out, by who may; the second time as a copy, in the trail.

Method: the form of the desk's page and the JSON call, without JavaScript, over a real API process and both databases.
"""

import re
from typing import Any

from sqlalchemy import select

from tests.support.house import House
from ticketing.database import reading
from ticketing.staff.tables import AuditEntry

OWN = {"sec-fetch-site": "same-origin"}
PRINTS = "/desk/prints"


async def handed(house: House, clerk: dict[str, str]) -> tuple[dict[str, Any], str]:
    """An order of two tickets that was handed out, and the number of the hand-over."""
    order = await house.buy(house.publish(9), house.member(house.add_member()), quantity=2)
    wish = {"order_id": order["id"], "desk": "gate"}
    made = await house.client.post(
        "/api/v1/desk/pickups", headers=clerk | {"idempotency-key": "k"}, json=wish
    )
    return order, made.json()["pickup_id"]


def prints(house: House) -> list[tuple[str, str, Any]]:
    with reading(house.services.sessions) as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "order.print").order_by(AuditEntry.id)
        )
        return [(entry.actor, entry.subject, entry.detail["copy"]) for entry in entries]


async def test_a_hand_over_is_printed_and_then_copied(house: House) -> None:
    clara, dora = house.add_staff("clara", "clerk"), house.add_staff("dora", "clerk")
    order, pickup = await handed(house, clara)
    first = await house.client.post(PRINTS, headers=clara | OWN, data={"pickup": pickup})
    codes = [ticket["code"] for ticket in order["tickets"]]
    shown = re.sub(r"\s", "", first.text)
    for words in (*codes, order["number"], "区总工会", "王*明", "gate", "clara", pickup, "paper-80"):
        assert words in shown, words
    assert first.text.count('class="qr"') == 2
    assert "王小明" not in first.text
    assert "副本" not in first.text
    assert "frame-ancestors 'self'" in first.headers["content-security-policy"]
    second = await house.client.post(f"/api/v1/desk/pickups/{pickup}/print", headers=dora)
    slip = second.json()
    assert (slip["copy"], slip["clerk"], slip["amount"], slip["method"]) == (1, "clara", 0, None)
    assert [ticket["code"] for ticket in slip["tickets"]] == codes
    assert all(ticket["qr"].startswith(ticket["code"] + ".") for ticket in slip["tickets"])
    third = await house.client.post(PRINTS, headers=dora | OWN, data={"pickup": pickup})
    assert third.text.count("副本 2") == 3
    subject = f"order:{order['id']}"
    assert prints(house) == [
        ("staff:clara", subject, 0),
        ("staff:dora", subject, 1),
        ("staff:dora", subject, 2),
    ]


async def test_nothing_is_printed_for_a_neighbour_or_of_what_was_taken_back(house: House) -> None:
    clara = house.add_staff("clara", "clerk")
    _, pickup = await handed(house, clara)
    neighbour, auditor = house.staff("clerk", "district.west"), house.staff("auditor")
    call = f"/api/v1/desk/pickups/{pickup}/print"
    for who, status in ((neighbour, 404), (auditor, 403)):
        assert (
            await house.client.post(PRINTS, headers=who | OWN, data={"pickup": pickup})
        ).status_code == status
        assert (await house.client.post(call, headers=who)).status_code == status
    assert (await house.client.post(PRINTS, headers=clara | OWN, data={"x": "1"})).status_code == 422
    undo = await house.client.post(
        f"/api/v1/desk/pickups/{pickup}/undo", headers=clara, json={"reason": "mistake"}
    )
    assert undo.status_code == 200
    assert (await house.client.post(call, headers=clara)).status_code == 404
    assert prints(house) == []


async def test_a_desk_keeps_its_paper_and_offers_to_print(house: House) -> None:
    clara = house.add_staff("clara", "clerk")
    _, pickup = await handed(house, clara)
    wanted = {"desk": "gate", "paper": "58", "prints": "yes"}
    await house.client.post("/desk/setup", headers=clara | OWN, data=wanted)
    page = await house.client.get(f"/desk?pickup={pickup}", headers=clara)
    assert re.search(rf'action="{PRINTS}"[^>]*data-now.*value="{pickup}"', page.text, re.DOTALL)
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    paper = await house.client.post(PRINTS, headers=clara | OWN, data={"pickup": pickup})
    assert "paper-58" in paper.text
    await house.client.post("/desk/setup", headers=clara | OWN, data={"desk": "gate", "paper": "wall"})
    page = await house.client.get(f"/desk?pickup={pickup}", headers=clara)
    assert "data-now" not in page.text
    paper = await house.client.post(PRINTS, headers=clara | OWN, data={"pickup": pickup})
    assert "paper-80" in paper.text
