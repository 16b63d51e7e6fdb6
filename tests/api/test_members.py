"""Goal: members sign in, see what they may take and what they have, give back, and are gone when they leave.

Method: the JSON routes of a whole API process, over the real Valkey and both databases.
"""

from typing import Any

import httpx2
import pytest

from tests.support.house import HOUR_MS, PIN, House
from ticketing.inventory.model import QuotaCounts
from ticketing.members.tables import Notice
from ticketing.queue.worker import drain_of
from ticketing.services.seals import SealedTicket

CARD = "6222000000000001"


async def sign_in(house: House, card: str = CARD, pin: str = PIN) -> httpx2.Response:
    return await house.client.post("/api/v1/sessions", json={"card_number": card, "pin": pin})


async def session_of(house: House) -> dict[str, str]:
    house.add_member(number=CARD)
    return {"authorization": f"Bearer {(await sign_in(house)).json()['token']}"}


async def test_a_member_signs_in_and_out(house: House) -> None:
    session = await session_of(house)
    again = (await sign_in(house)).json()
    assert again["member"] == {
        "name": "王小明",
        "card_masked": "****0001",
        "organisation": "east",
        "organisation_name": "东街道工会",
    }
    assert again["expires_at"].endswith("Z")
    me = await house.client.get("/api/v1/me", headers=session)
    assert (me.status_code, me.json()["member"]) == (200, again["member"])
    out = await house.client.delete("/api/v1/sessions/current", headers=session)
    house.services.revocations.refresh()
    assert (out.status_code, out.content) == (204, b"")
    assert (await house.client.get("/api/v1/me", headers=session)).json()["code"] == "unauthenticated"


async def test_a_wrong_pin_an_unknown_card_and_a_blocked_one_are_told_alike(house: House) -> None:
    house.add_member(number=CARD)
    house.add_member(number="6222000000000002")
    manager = house.claims("staff", 1, "district", role="manager")
    house.services.cards.block(manager, "6222000000000002", "lost")
    answers = [
        await sign_in(house, CARD, "000000"),
        await sign_in(house, "6222000000009999"),
        await sign_in(house, "6222000000000002"),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert answers[0].json()["code"] == "bad_credentials"


async def test_guessing_is_slowed_down(house: House) -> None:
    house.add_member(number=CARD)
    codes = [(await sign_in(house, CARD, "000000")).json()["code"] for _ in range(6)]
    assert codes == ["bad_credentials"] * 5 + ["rate_limited"]
    limited = await sign_in(house)
    assert limited.status_code == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 300


async def test_a_new_pin_ends_the_other_sessions(house: House) -> None:
    session = await session_of(house)
    other = {"authorization": f"Bearer {(await sign_in(house)).json()['token']}"}
    changed = await house.client.post(
        "/api/v1/me/pin", headers=session, json={"pin": PIN, "new_pin": "864209"}
    )
    house.services.revocations.refresh()
    assert changed.status_code == 204
    assert (await house.client.get("/api/v1/me", headers=session)).status_code == 200
    assert (await house.client.get("/api/v1/me", headers=other)).status_code == 401
    assert (await sign_in(house)).status_code == 401
    assert (await sign_in(house, pin="864209")).status_code == 201


async def test_me_says_what_may_still_be_taken_under_every_limit(house: House) -> None:
    session = await session_of(house)
    manager = house.claims("staff", 1, "district", role="manager")
    group = house.services.catalogue.create_group(manager, "May Day", 5)
    event = house.publish(9, 9, per_card_limit=3, allowance_group=group)
    house.publish(9, per_card_limit=2)
    await house.front.board.refresh()
    await house.hold(event, session, 2)
    found = (await house.client.get("/api/v1/me", headers=session)).json()["allowances"]
    mine = [allowance for allowance in found if allowance["event_id"] == event]
    assert mine == [
        {"event_id": event, "scope": "group", "limit": 5, "held": 2, "bought": 0, "allowance_group": group},
        {"event_id": event, "scope": "event", "limit": 3, "held": 2, "bought": 0},
    ]
    assert [(one["scope"], one["held"]) for one in found if one not in mine] == [("event", 0)]


async def test_me_shows_notices(house: House) -> None:
    session = await session_of(house)
    with house.services.sessions.begin() as transaction:
        member = next(iter(house.cards))
        transaction.add(Notice(member_id=member, event_id=None, kind="info", text="你好", at=house.now))
    notices = (await house.client.get("/api/v1/me", headers=session)).json()["notices"]
    assert [(notice["kind"], notice["text"]) for notice in notices] == [("info", "你好")]


def without_qr(order: dict[str, Any]) -> dict[str, Any]:
    tickets = [{name: value for name, value in one.items() if name != "qr"} for one in order["tickets"]]
    return order | {"tickets": tickets}


async def test_me_shows_what_became_of_an_event(house: House) -> None:
    session, staff = await session_of(house), house.staff()
    event = house.publish(9, venue="Hall 1")
    await house.buy(event, session)
    drain_of(house.services).run(event)
    path = f"/api/v1/staff/events/{event}"
    later = "2030-05-01T12:00:00Z"
    moved = await house.client.patch(path, json={"venue": "Hall 2", "starts_at": later}, headers=staff)
    assert moved.status_code == 200, moved.text
    [notice] = (await house.client.get("/api/v1/me", headers=session)).json()["notices"]
    assert (notice["kind"], notice["event_id"]) == ("event_moved", event)
    changes = {change["field"]: (change["before"], change["after"]) for change in notice["changes"]}
    assert changes["venue"] == ("Hall 1", "Hall 2")
    assert changes["starts_at"][1] == "2030-05-01T12:00:00+00:00"
    off = await house.client.post(f"{path}/cancel", json={"reason": "flooded"}, headers=staff)
    assert (off.status_code, off.json()["status"]) == (200, "cancelled")
    assert house.services.canceller.finish() == 1
    [notice] = (await house.client.get("/api/v1/me", headers=session)).json()["notices"]
    assert (notice["kind"], notice["changes"]) == ("event_cancelled", [])
    [order] = (await house.client.get("/api/v1/orders", headers=session)).json()["orders"]
    assert (order["status"], order["tickets"][0]["status"]) == ("cancelled", "void")


async def test_orders_are_seen_before_and_after_sql_has_them(house: House) -> None:
    session = await session_of(house)
    event = house.publish(9)
    order = await house.buy(event, session, quantity=2)
    seen = (await house.client.get(f"/api/v1/orders/{order['id']}", headers=session)).json()
    assert without_qr(seen) == without_qr(order)
    seal = house.services.seal
    for confirmed, ticket in zip(order["tickets"], seen["tickets"], strict=True):
        assert seal.read(ticket["qr"]) == SealedTicket(ticket["code"], ticket["quota_id"], due=False)
        assert confirmed["qr"] == confirmed["code"] == ticket["code"], "a confirm signs nothing"
    with house.services.sessions.begin() as transaction:
        assert house.services.orders.ensure_recorded(transaction, order["id"])
    page = (await house.client.get("/api/v1/orders", headers=session)).json()
    assert [one["id"] for one in page["orders"]] == [order["id"]]
    assert page["orders"][0]["recorded_at"] is not None
    assert page["next_cursor"] is None


async def test_orders_come_in_pages_newest_first(house: House) -> None:
    session = await session_of(house)
    event = house.publish(90)
    bought = [(await house.buy(event, session, key=str(n)))["id"] for n in range(23)]
    first = (await house.client.get("/api/v1/orders", headers=session)).json()
    rest = (
        await house.client.get("/api/v1/orders", headers=session, params={"cursor": first["next_cursor"]})
    ).json()
    assert len(first["orders"]) == 20
    seen = [order["id"] for page in (first, rest) for order in page["orders"]]
    assert (sorted(seen), rest["next_cursor"]) == (sorted(bought), None)
    wrong = await house.client.get("/api/v1/orders", headers=session, params={"cursor": "nonsense"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.parametrize("body", [None, {}, {"ticket_codes": None}])
async def test_a_cancelled_order_gives_its_tickets_back(house: House, body: Any) -> None:
    session = await session_of(house)
    event = house.publish(9, cancellable_until=house.now + HOUR_MS)
    order = await house.buy(event, session, quantity=2)
    url = f"/api/v1/orders/{order['id']}/cancel"
    gone = await house.client.post(url, headers=session, **({} if body is None else {"json": body}))
    assert (gone.status_code, gone.json()["status"]) == (200, "cancelled")
    assert {ticket["status"] for ticket in gone.json()["tickets"]} == {"void"}
    assert house.counts(event) == QuotaCounts(9, 0, 0, 0)
    assert (await house.client.post(url, headers=session)).content == gone.content


async def test_what_cannot_be_cancelled_any_more_stays(house: House) -> None:
    session = await session_of(house)
    event = house.publish(9)
    order = await house.buy(event, session)
    url = f"/api/v1/orders/{order['id']}/cancel"
    refused = await house.client.post(url, headers=session)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    stranger = await house.client.post(url, headers=house.member(999))
    assert stranger.status_code == 404
    assert house.counts(event) == QuotaCounts(9, 0, 0, 1)
