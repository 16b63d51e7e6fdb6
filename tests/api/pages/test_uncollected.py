"""Goal: whoever books, collects or hands out reads in plain words what becomes of tickets that nobody collected.

Method: staff choose the rule by form and by API of a real process over real servers; the deadline passes, the worker's
duty is run, and every page that tells of it is read in both languages.
"""

import re

import httpx2
import pytest
from sqlalchemy import update

from tests.support.house import House
from ticketing.api.pages.formats import write_form_time
from ticketing.catalogue.tables import Event
from ticketing.orders.tables import Order
from ticketing.services.uncollected import GRACE_MS

OWN = {"sec-fetch-site": "same-origin"}
ENGLISH = {"accept-language": "en"}
NUMBER = "6222000000000001"
MINUTE_MS = 60_000


def _sale(house: House, rule: str) -> str:
    return house.publish(5, collect_until=house.now + 30 * MINUTE_MS, uncollected=rule, pickup="一号窗口")


def _passes(house: House, event: str) -> None:
    """The deadline and the grace are over, and the worker has done its duty."""
    at = house.services.clock.now_ms() - GRACE_MS - 1
    with house.services.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == event).values(collect_until=at))
        session.execute(update(Order).values(confirmed_at=at - 1))
    assert house.services.uncollected.finish() == 1
    house.services.returns.give_back()


def _kind(page: httpx2.Response) -> str:
    match = re.search(r'id="result".*?data-kind="(\w+)"', page.text, re.DOTALL)
    assert match, page.text
    return match[1]


@pytest.mark.parametrize("rule", ["web", "desk"])
async def test_what_went_back_is_said_to_member_and_clerk(quick_house: House, rule: str) -> None:
    event, member = _sale(quick_house, rule), quick_house.add_member(number=NUMBER)
    session, clerk = quick_house.member(member), quick_house.add_staff("lan", "clerk")
    order = await quick_house.buy(event, session, quantity=2)
    with quick_house.services.sessions.begin() as transaction:
        quick_house.services.orders.ensure_recorded(transaction, order["id"])
    await quick_house.front.board.refresh()
    for path in (f"/events/{event}", f"/orders/{order['id']}"):
        assert "过时未取的票将让给其他人" in (await quick_house.client.get(path, headers=session)).text
    assert (await quick_house.client.get(f"/api/v1/events/{event}")).json()["uncollected"] == rule
    offered = await quick_house.client.post("/desk", data={"swipe": NUMBER}, headers=OWN | clerk)
    assert _kind(offered) == "hand"
    _passes(quick_house, event)

    ticket = f"{order['id']} {order['tickets'][0]['code']}"
    late = {"key": "k", "ticket": ticket, "swiped": NUMBER}
    for page in (
        await quick_house.client.post("/desk/pickups", data=late, headers=OWN | clerk),
        await quick_house.client.post("/desk", data={"swipe": NUMBER}, headers=OWN | clerk),
        await quick_house.client.post("/desk", data={"swipe": order["number"]}, headers=OWN | clerk),
    ):
        assert _kind(page) == "lapsed"
        assert "放回 2 张票" in page.text
    english = await quick_house.client.post("/desk", data={"swipe": NUMBER}, headers=OWN | clerk | ENGLISH)
    assert "2 tickets went back at" in english.text
    swiped = await quick_house.client.post("/api/v1/desk/swipes", headers=clerk, json={"card_number": NUMBER})
    [gone] = swiped.json()["went_back"]
    assert (gone["order_id"], gone["event_id"], gone["tickets"]) == (order["id"], event, 2)
    told = (await quick_house.client.get("/api/v1/me", headers=session)).json()["notices"]
    assert [(one["kind"], one["event_id"], one["at"]) for one in told] == [
        ("not_collected", event, gone["at"])
    ]
    for path in ("/orders", f"/orders/{order['id']}"):
        assert "您没有在截止前领取的票已放回" in (await quick_house.client.get(path, headers=session)).text
        shown = await quick_house.client.get(path, headers=session | ENGLISH)
        assert "did not collect in time" in shown.text
    counts = quick_house.counts(event)
    assert (counts.sold, counts.withheld) == (0, 2 if rule == "desk" else 0)


async def test_staff_choose_the_rule_by_form(quick_house: House) -> None:
    event, manager = quick_house.publish(5), quick_house.staff()
    path = f"/staff/events/{event}/edit"
    form = (await quick_house.client.get(path, headers=manager)).text
    assert '<option value="keep" selected>' in form
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]* value="([^"]*)"', form))
    wish = fields | {"uncollected": "desk", "reason": "the hall is full", "eligible": ""}
    refused = await quick_house.client.post(path, data=wish, headers=OWN | manager)
    assert (refused.status_code, "请填写取票截止时间" in refused.text) == (422, True)
    until = write_form_time(quick_house.now + 120 * MINUTE_MS)
    saved = await quick_house.client.post(path, data=wish | {"collect_until": until}, headers=OWN | manager)
    assert saved.status_code == 303, saved.text
    assert '<option value="desk" selected>' in (await quick_house.client.get(path, headers=manager)).text


async def test_staff_choose_the_rule_by_api(quick_house: House) -> None:
    event, manager = _sale(quick_house, "keep"), quick_house.staff()
    url = f"/api/v1/staff/events/{event}"
    changed = await quick_house.client.patch(url, headers=manager, json={"uncollected": "web"})
    assert (changed.status_code, changed.json()["uncollected"]) == (200, "web")
    unknown = await quick_house.client.patch(url, headers=manager, json={"uncollected": "bin"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "uncollected")
    west = await quick_house.client.patch(
        url, headers=quick_house.staff(path="district.west"), json={"uncollected": "keep"}
    )
    assert west.status_code == 404
