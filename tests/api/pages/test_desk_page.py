"""Goal: the desk's forms change nothing by half, for nobody but a clerk of the right union, and the trail says who.

Method: forms are posted to a real API process over real servers, as a browser without JavaScript sends them.
"""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from tests.support.house import PIN, House
from ticketing.database import reading
from ticketing.staff.tables import AuditEntry

OWN = {"sec-fetch-site": "same-origin"}
NUMBER = "6222000000000001"
HOUR_MS = 3_600_000


async def _post(house: House, path: str, session: dict[str, str], **form: str) -> httpx2.Response:
    return await house.client.post(path, data=form, headers=OWN | session)


def _kind(page: httpx2.Response) -> str:
    match = re.search(r'id="result".*?data-kind="(\w+)"', page.text, re.DOTALL)
    assert match, page.text
    return match[1]


def _resets(house: House) -> list[dict[str, Any]]:
    with reading(house.services.sessions) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "card.reset_pin"))
        return [entry.detail for entry in entries]


async def test_a_pin_is_given_to_whom_the_clerk_has_looked_at(quick_house: House) -> None:
    quick_house.add_member()
    clerk = quick_house.staff("clerk", "district.east")
    refused = await _post(quick_house, "/desk/pin", clerk, card_number=NUMBER)
    assert (refused.status_code, _kind(refused)) == (422, "unchecked")
    assert _resets(quick_house) == []
    given = await _post(quick_house, "/desk/pin", clerk, card_number=NUMBER, checked="yes")
    assert _kind(given) == "pin"
    assert given.headers["cache-control"] == "no-store"
    assert [detail["reason"] for detail in _resets(quick_house)] == [
        "forgotten; identity checked at desk east"
    ]
    pin = re.search(r'class="pin code">(\d{6})<', given.text)
    assert pin
    assert pin[1] not in str(_resets(quick_house))
    for typed, status in ((PIN, 401), (pin[1], 201)):
        login = {"card_number": NUMBER, "pin": typed}
        assert (await quick_house.client.post("/api/v1/sessions", json=login)).status_code == status


async def test_another_unions_clerk_is_not_offered_it_and_cannot(quick_house: House) -> None:
    quick_house.add_member()
    for path, offered in (("district.west", False), ("district.east", True)):
        page = await _post(quick_house, "/desk", quick_house.staff("clerk", path), swipe=NUMBER)
        assert _kind(page) == "nothing"
        assert ("王小明" in page.text, "/desk/pin" in page.text) == (offered, offered)
    stranger = quick_house.staff("clerk", "district.west")
    refused = await _post(quick_house, "/desk/pin", stranger, card_number=NUMBER, checked="yes")
    assert refused.status_code == 404
    assert _resets(quick_house) == []


async def test_a_blocked_card_is_amber(quick_house: House) -> None:
    quick_house.add_member()
    manager = quick_house.claims("staff", 1, "district", role="manager")
    quick_house.services.cards.block(manager, NUMBER, "lost")
    page = await _post(quick_house, "/desk", quick_house.staff("clerk"), swipe=NUMBER)
    assert (page.status_code, _kind(page)) == (403, "blocked")
    assert 'class="verdict wait"' in page.text


@pytest.mark.parametrize("role", ["auditor", "member"])
async def test_no_form_of_the_desk_is_for_others(quick_house: House, role: str) -> None:
    member = quick_house.add_member()
    session = quick_house.member(member) if role == "member" else quick_house.staff(role)
    for path in (
        "/desk",
        "/desk/pickups",
        "/desk/pickups/p.x/undo",
        "/desk/sales",
        "/desk/pin",
        "/desk/setup",
    ):
        answer = await _post(quick_house, path, session, card_number=NUMBER, checked="yes", key="k")
        assert answer.status_code in (303, 403), path
    assert _resets(quick_house) == []


async def test_a_hand_over_is_not_undone_without_a_reason(quick_house: House) -> None:
    clerk = quick_house.add_staff("lan", "clerk")
    event, member = quick_house.publish(5), quick_house.add_member()
    order = await quick_house.buy(event, quick_house.member(member))
    ticket = f"{order['id']} {order['tickets'][0]['code']}"
    handed = await _post(quick_house, "/desk/pickups", clerk, key="k", ticket=ticket)
    assert handed.status_code == 303, handed.text
    pickup = handed.headers["location"].rpartition("=")[2]
    refused = await _post(quick_house, f"/desk/pickups/{pickup}/undo", clerk, reason="  ")
    assert refused.status_code == 422
    again = await _post(quick_house, "/desk", clerk, swipe=NUMBER)
    assert _kind(again) == "gone"
    undone = await _post(quick_house, f"/desk/pickups/{pickup}/undo", clerk, reason="the wrong tickets")
    assert undone.headers["location"] == f"/desk?done=undone&pickup={pickup}"
    assert _kind(await _post(quick_house, "/desk", clerk, swipe=NUMBER)) == "hand"


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ("请退还现金 ¥10.00", "已撤销售票")), ("en", ("Give ¥10.00 back in cash.", "Sale undone"))],
)
async def test_who_undoes_a_sale_is_told_what_money_to_give_back(
    quick_house: House, language: str, words: tuple[str, ...]
) -> None:
    clerk = quick_house.add_staff("lan", "clerk") | {"accept-language": language}
    event = quick_house.publish(5, price=500)
    quick_house.add_member(number=NUMBER)
    sale = {"card_number": NUMBER, "quota": f"{event}-1", "quantity": "2", "method": "cash"}
    sold = await _post(quick_house, "/desk/sales", clerk, key="k", **sale)
    pickup = sold.headers["location"].rpartition("=")[2]
    undone = await _post(quick_house, f"/desk/pickups/{pickup}/undo", clerk, reason="the wrong film")
    page = await quick_house.client.get(undone.headers["location"], headers=clerk)
    assert _kind(page) == "undone"
    assert all(word in page.text for word in words), page.text
    assert quick_house.counts(event).sold == 0
    assert "/undo" not in page.text


async def test_the_share_goes_to_the_web_by_itself_at_a_time_that_staff_set(house: House) -> None:
    event, manager = house.publish(5, starts_at=house.now + 3 * HOUR_MS), house.staff()
    url = f"/api/v1/staff/events/{event}"
    kept = {"withheld": 2, "reason": "the desk"}
    await house.client.patch(f"{url}/quotas/{event}-1", headers=manager, json=kept)
    path = f"/staff/events/{event}/edit"
    form = (await house.client.get(path, headers=manager)).text
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]* value="([^"]*)"', form))
    wish = fields | {"share_back_minutes": "120", "reason": "nobody comes later", "eligible": ""}
    assert (await _post(house, path, manager, **wish)).status_code == 303
    assert (await house.client.get(url, headers=manager)).json()["share_back_minutes"] == 120
    await house.front.board.refresh()
    clerk = house.add_staff("lan", "clerk")
    assert "余下的票将于" in (await house.client.get("/desk/share", headers=clerk)).text
    assert house.services.share_rule.finish() == 0
    sooner = await house.client.patch(url, headers=manager, json={"share_back_minutes": 240})
    assert sooner.status_code == 200
    assert house.services.share_rule.finish() == 1
    assert (house.counts(event).withheld, house.counts(event).available) == (0, 5)
