"""Goal: a swipe shows what waits, tickets are handed over once, a mistake is taken back, and the desk sells.

Method: the JSON routes of a whole API process, over the real Valkey and both databases.
"""

import asyncio
from typing import Any

import httpx2

from tests.support.house import House
from ticketing.inventory.model import QuotaCounts

CARD = "6222000000000001"
DESK = "/api/v1/desk"


async def bought(house: House, price: int = 500) -> tuple[str, dict[str, Any]]:
    """An event, and an order of two tickets to be paid at the desk."""
    event, session = house.publish(9, price=price), house.member(house.add_member(number=CARD))
    held = await house.hold(event, session, 2)
    return event, (await house.confirm(held.json()["id"], session, "desk")).json()


async def pick_up(house: House, clerk: dict[str, str], key: str, **wish: Any) -> httpx2.Response:
    headers = clerk | {"idempotency-key": key}
    return await house.client.post(f"{DESK}/pickups", headers=headers, json={"desk": "1"} | wish)


async def test_a_swipe_finds_by_card_ticket_and_order_even_before_sql_has_it(house: House) -> None:
    _, order = await bought(house)
    clerk = house.add_staff("clara", "clerk")
    by_card = await house.client.post(f"{DESK}/swipes", headers=clerk, json={"card_number": CARD})
    assert by_card.status_code == 200
    assert by_card.json()["member"]["card_masked"] == "****0001"
    assert [one["id"] for one in by_card.json()["orders"]] == [order["id"]]
    early = await house.client.post(f"{DESK}/swipes", headers=clerk, json={"number": order["number"]})
    assert (early.status_code, early.json()["code"]) == (503, "unavailable")
    assert int(early.headers["retry-after"]) > 0
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    signed = house.services.orders.get(next(iter(house.cards)), order["id"])
    qr = house.services.seal.qr(signed, signed.tickets[0])
    forged = await house.client.post(
        f"{DESK}/swipes", headers=clerk, json={"code": qr.replace("-1.", "-2.", 1)}
    )
    assert (forged.status_code, forged.json()["errors"]) == (
        422,
        [{"field": "code", "reason": "is not signed by this instance"}],
    )
    for wish in ({"code": order["tickets"][0]["qr"]}, {"code": qr}, {"number": order["number"]}):
        found = await house.client.post(f"{DESK}/swipes", headers=clerk, json=wish)
        assert [one["id"] for one in found.json()["orders"]] == [order["id"]]
    two = await house.client.post(
        f"{DESK}/swipes", headers=clerk, json={"card_number": CARD, "number": order["number"]}
    )
    assert (two.status_code, two.json()["code"]) == (422, "invalid")
    none = await house.client.post(f"{DESK}/swipes", headers=clerk, json={"card_number": "6222000000009999"})
    assert none.status_code == 404


async def test_tickets_are_handed_over_once_and_the_second_swipe_hears_by_whom(house: House) -> None:
    _, order = await bought(house)
    clara, dora = house.add_staff("clara", "clerk"), house.add_staff("dora", "clerk")
    unpaid = await pick_up(house, clara, "k1", order_id=order["id"])
    assert (unpaid.status_code, unpaid.json()["code"], unpaid.json()["amount"]) == (
        409,
        "payment_required",
        1000,
    )
    done = await pick_up(house, clara, "k2", order_id=order["id"], payment={"method": "cash"})
    assert done.status_code == 200
    assert done.json()["collected"] == [ticket["code"] for ticket in order["tickets"]]
    again = await pick_up(house, clara, "k2", order_id=order["id"], payment={"method": "cash"})
    assert (again.status_code, again.content) == (200, done.content)
    assert [answer.headers.get("idempotent-replayed") for answer in (done, again)] == [None, "true"]
    other = await pick_up(house, clara, "k2", order_id=order["id"], payment={"method": "card"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    late = await pick_up(house, dora, "k3", order_id=order["id"])
    assert (late.status_code, late.json()["code"]) == (409, "already_collected")
    assert (late.json()["desk"], late.json()["clerk"]) == ("1", "clara")
    assert late.json()["collected_at"] == done.json()["collected_at"]


async def test_a_mistake_is_taken_back_within_a_minute(house: House) -> None:
    _, order = await bought(house)
    clerk = house.add_staff("clara", "clerk")
    done = (await pick_up(house, clerk, "k", order_id=order["id"], payment={"method": "cash"})).json()
    url = f"{DESK}/pickups/{done['pickup_id']}/undo"
    undone = await house.client.post(url, headers=clerk, json={"reason": "wrong person"})
    assert (undone.status_code, undone.json()["undone_at"] is not None) == (200, True)
    assert (
        await house.client.post(url, headers=clerk, json={"reason": "wrong person"})
    ).content == undone.content
    again = await pick_up(house, clerk, "k", order_id=order["id"], payment={"method": "cash"})
    assert again.json() == done  # a key's first answer, whatever became of it since
    second = await pick_up(house, clerk, "k2", order_id=order["id"], payment={"method": "cash"})
    assert second.status_code == 200
    assert (done["given_back"], done["sale_void"]) == (None, False)
    back = {"method": "cash", "amount": 1000}
    assert (undone.json()["given_back"], undone.json()["sale_void"]) == (back, False)


async def test_the_desk_sells_from_the_same_stock_under_the_same_limit(house: House) -> None:
    event = house.publish(9, price=500, per_card_limit=3)
    session = house.member(house.add_member(number=CARD))
    clerk = house.add_staff("clara", "clerk")
    await house.hold(event, session, 1)

    async def sell(key: str, quantity: int, method: str = "cash") -> httpx2.Response:
        wish = {
            "card_number": CARD,
            "event_id": event,
            "items": [{"quota_id": f"{event}-1", "quantity": quantity}],
            "payment": {"method": method},
            "desk": "1",
        }
        return await house.client.post(f"{DESK}/sales", headers=clerk | {"idempotency-key": key}, json=wish)

    refused = await sell("k1", 3)
    assert (refused.status_code, refused.json()["code"], refused.json()["used"]) == (
        409,
        "card_limit_exceeded",
        1,
    )
    free = await sell("k2", 2, "free")
    assert (free.status_code, free.json()["code"]) == (409, "payment_required")
    sold = await sell("k3", 2)
    assert (sold.status_code, sold.json()["payment"]) == (201, {"method": "cash", "status": "paid"})
    assert {ticket["status"] for ticket in sold.json()["tickets"]} == {"collected"}
    again = await sell("k3", 2)
    assert (again.status_code, again.content) == (201, sold.content)
    assert [answer.headers.get("idempotent-replayed") for answer in (sold, again)] == [None, "true"]
    assert house.counts(event) == QuotaCounts(9, 0, 1, 2)


async def test_a_sale_that_was_a_mistake_never_was(house: House) -> None:
    event = house.publish(9, price=500)
    house.add_member(number=CARD)
    clerk = house.add_staff("clara", "clerk")
    wish = {
        "card_number": CARD,
        "event_id": event,
        "items": [{"quota_id": f"{event}-1", "quantity": 2}],
        "payment": {"method": "card"},
        "desk": "1",
    }
    key = {"idempotency-key": "sale"}
    sold = await house.client.post(f"{DESK}/sales", headers=clerk | key, json=wish)
    url = f"{DESK}/pickups/{sold.json()['pickup_id']}/undo"
    undone = await house.client.post(url, headers=clerk, json={"reason": "the wrong film"})
    assert (undone.status_code, undone.json()["sale_void"]) == (200, True)
    assert undone.json()["given_back"] == {"method": "card", "amount": 1000}
    repeated = await house.client.post(url, headers=clerk, json={"reason": "again"})
    assert repeated.content == undone.content
    refused = await pick_up(house, clerk, "k", order_id=sold.json()["id"])
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert house.counts(event) == QuotaCounts(9, 0, 0, 0)


async def test_of_repeats_at_once_all_but_the_first_say_so(house: House) -> None:
    event, order = await bought(house)
    clerk = house.add_staff("clara", "clerk")
    handed_over = await asyncio.gather(
        *[pick_up(house, clerk, "k", order_id=order["id"], payment={"method": "cash"}) for _ in range(4)]
    )
    wish = {
        "card_number": CARD,
        "event_id": event,
        "items": [{"quota_id": f"{event}-1", "quantity": 1}],
        "payment": {"method": "card"},
        "desk": "1",
    }
    headers = clerk | {"idempotency-key": "sale"}
    sold = await asyncio.gather(
        *[house.client.post(f"{DESK}/sales", headers=headers, json=wish) for _ in range(4)]
    )
    for answers, status in ((handed_over, 200), (sold, 201)):
        assert {(answer.status_code, answer.content) for answer in answers} == {(status, answers[0].content)}
        replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
        assert sorted(replayed, key=str) == [None, "true", "true", "true"]


async def test_a_clerk_of_another_sub_district_sees_nothing(house: House) -> None:
    _, order = await bought(house)
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    west = house.add_staff("wendy", "clerk", "west")
    swiped = await house.client.post(f"{DESK}/swipes", headers=west, json={"card_number": CARD})
    assert swiped.json()["orders"] == []
    assert (await pick_up(house, west, "k", order_id=order["id"])).json()["code"] == "not_found"


async def test_a_clerk_gives_the_desks_share_back_to_the_web(house: House) -> None:
    event = house.publish(5)
    manager, clerk = house.staff(), house.add_staff("clara", "clerk")
    url = f"/api/v1/staff/events/{event}/quotas/{event}-1"
    kept = await house.client.patch(url, headers=manager, json={"withheld": 5, "reason": "desk"})
    assert kept.status_code == 200, kept.text
    session = house.member(house.add_member(number=CARD))
    assert (await house.hold(event, session, 1)).json()["code"] == "sold_out"
    give_back, why = f"{DESK}/quotas/{event}-1/give-back", {"reason": "nobody came"}
    assert (await house.client.post(give_back, headers=house.staff("auditor"), json=why)).status_code == 403
    for quota, who in ((f"{event}-2", clerk), ("nothing", clerk)):
        url = f"{DESK}/quotas/{quota}/give-back"
        assert (await house.client.post(url, headers=who, json=why)).status_code == 404
    for _ in range(2):
        given = await house.client.post(give_back, headers=clerk, json=why)
        assert given.json() == {"quota_id": f"{event}-1", "withheld": 0, "available": 5}
    assert (await house.hold(event, session, 1, key="again")).status_code == 201
