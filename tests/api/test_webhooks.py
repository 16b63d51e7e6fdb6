"""Goal: what happens is told, signed, to whoever listens there, and to nobody else; a replay tells it once.

Method: real receivers on ports of their own, a real API process over both databases, the real drain, and couriers as
workers run them.
"""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House
from tests.support.receiver import Receiver
from tests.support.webhooks import WEBHOOKS, courier_over, deliver, deliveries, listen, sell
from ticketing.database import reading
from ticketing.hooks.kinds import KINDS
from ticketing.hooks.tables import DELIVERED, Delivery
from ticketing.queue.worker import drain_of


async def test_a_sale_is_told_from_order_to_pickup(house: House, receiver: Receiver) -> None:
    await listen(house, receiver)
    event = house.publish(2, organisation="east", cancellable_until=house.now + 3_600_000)
    order = await sell(house, event, quantity=2)
    member = house.member(next(iter(house.cards)))
    drain_of(house.services).run(event)
    courier = courier_over(house)
    deliver(courier)
    [(confirmed_id, confirmed), (_, gone)] = sorted(receiver.got, key=lambda each: each[0] < "f")
    assert (confirmed["type"], gone["type"]) == ("order.confirmed", "event.sold_out")
    assert confirmed["data"] == {
        "order_id": order["id"],
        "event_id": event,
        "tickets": 2,
        "amount": 0,
        "currency": "CNY",
    }
    assert gone["data"] == {"event_id": event, "capacity": 2}
    assert confirmed_id == f"order.confirmed:{order['id']}"
    first, second = (ticket["code"] for ticket in order["tickets"])
    pickup = {"order_id": order["id"], "ticket_codes": [first], "desk": "1"}
    clerk = house.add_staff("wang", "clerk") | {"idempotency-key": "p"}
    assert (await house.client.post("/api/v1/desk/pickups", headers=clerk, json=pickup)).status_code == 200
    cancel = {"ticket_codes": [second]}
    url = f"/api/v1/orders/{order['id']}/cancel"
    assert (await house.client.post(url, headers=member, json=cancel)).status_code == 200
    deliver(courier)
    told = {message["type"]: message["data"]["tickets"] for _, message in receiver.got[2:]}
    assert told == {"order.collected": 1, "order.cancelled": 1}
    assert "王小明" not in str(receiver.got)
    assert first not in str(receiver.got)
    assert (len(receiver.got), receiver.forged) == (4, 0)
    assert {row.state for row in deliveries(house)} == {DELIVERED}


async def test_an_event_called_off_is_told_for_each_order(house: House, receiver: Receiver) -> None:
    event = house.publish(9)
    orders = [await sell(house, event, key=f"k{n}") for n in range(3)]
    await listen(house, receiver, "order.cancelled")
    house.services.catalogue.cancel(house.claims("staff", 1, "district", role="manager"), event)
    house.services.canceller.finish()
    deliver(courier_over(house))
    deliver(courier_over(house))
    assert {message["data"]["order_id"] for _, message in receiver.got} == {order["id"] for order in orders}


async def test_only_who_listens_there_is_told(house: House, receiver: Receiver) -> None:
    event = house.publish(5, organisation="east")
    await sell(house, event, key="nobody listens")
    assert deliveries(house) == []
    west = await listen(house, receiver, organisation="west")
    other = await listen(house, receiver, "order.cancelled", organisation="east")
    paused = await listen(house, receiver, organisation="east")
    for endpoint, verb in ((paused, "pause"), (other, "resume")):
        answer = await house.client.post(f"{WEBHOOKS}/{endpoint}/{verb}", headers=house.staff())
        assert answer.status_code == 204
    await sell(house, event, key="1")
    assert deliveries(house) == []
    east = await listen(house, receiver, organisation="east")
    await sell(house, event, key="2")
    assert {row.endpoint_id for row in deliveries(house)} == {east}
    assert west != east


async def test_what_the_drain_rolls_back_is_not_told_and_a_replay_tells_once(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listen(house, receiver, "order.confirmed")
    event = house.publish(5)
    order = await house.buy(event, house.member(house.add_member()))
    drain = drain_of(house.services)

    def fails(*_: object) -> None:
        raise RuntimeError("the transaction ends here")

    with monkeypatch.context() as broken:
        broken.setattr("ticketing.queue.drain._follow_resizes", fails)
        with pytest.raises(RuntimeError):
            drain.run(event)
    assert deliveries(house) == []
    with house.services.sessions.begin() as session:  # the desk is quicker than the drain
        assert house.services.orders.ensure_recorded(session, order["id"])
    drain.run(event)
    assert [row.message_id for row in deliveries(house)] == [f"order.confirmed:{order['id']}"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com:99999/",
        "https://example.com/#part",
        "https://exa mple.com/",
        "nonsense",
    ],
)
async def test_an_address_must_be_a_sites(quick_house: House, url: str) -> None:
    wish = {"url": url, "events": ["order.confirmed"]}
    answer = await quick_house.client.post(WEBHOOKS, headers=quick_house.staff(), json=wish)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")


async def test_a_neighbour_and_other_roles_do_not_reach_it(house: House, receiver: Receiver) -> None:
    endpoint = await listen(house, receiver, organisation="east")
    west = house.staff("manager", "district.west")
    calls = [
        ("GET", f"{endpoint}/deliveries"),
        ("POST", f"{endpoint}/pause"),
        ("POST", f"{endpoint}/resume"),
        ("POST", f"{endpoint}/replay"),
        ("POST", f"{endpoint}/deliveries/1/replay"),
        ("DELETE", endpoint),
    ]
    for method, path in calls:
        assert (await house.client.request(method, f"{WEBHOOKS}/{path}", headers=west)).status_code == 404
        clerk = house.staff("clerk", "district.east")
        assert (await house.client.request(method, f"{WEBHOOKS}/{path}", headers=clerk)).status_code == 403
    assert (await house.client.get(WEBHOOKS, headers=west)).json() == {"webhooks": []}
    outside = {"url": receiver.url, "events": KINDS, "organisation": "east"}
    assert (await house.client.post(WEBHOOKS, headers=west, json=outside)).status_code == 422
    page = {"cookie": west["authorization"].replace("Bearer ", "staff_session=")}
    assert (
        await house.client.get(f"/staff/integration/webhooks/{endpoint}", headers=page)
    ).status_code == 404
    assert (await house.client.delete(f"{WEBHOOKS}/{endpoint}", headers=house.staff())).status_code == 204
    assert (await house.client.get(WEBHOOKS, headers=house.staff())).json() == {"webhooks": []}


async def test_the_pages_set_up_show_the_log_and_send_again(house: House, receiver: Receiver) -> None:
    cookie = {"cookie": house.staff()["authorization"].replace("Bearer ", "staff_session=")}
    headers = OWN | ENGLISH | cookie | {"content-type": "application/x-www-form-urlencoded"}

    async def post(path: str, **fields: Any) -> httpx2.Response:
        return await house.client.post(f"/staff/integration{path}", data=fields, headers=headers)

    wrong = await post("/webhooks", url="http://example.com", event=["order.confirmed"])
    assert (wrong.status_code, "must begin with https://" in wrong.text) == (422, True)
    at_field = re.compile(
        r"<details[^>]* open>(?:(?!</details>).)*webhooks\"(?:(?!</details>).)*-wrong", re.DOTALL
    )
    [opened] = at_field.findall(wrong.text)
    assert re.search(r'name="url"[^>]*value="http://example.com" aria-invalid="true"', opened)
    bare = await post("/webhooks", url="https://example.com/hook", organisation="east")
    [opened] = at_field.findall(bare.text)
    assert ('value="https://example.com/hook"' in opened, "Choose at least one." in bare.text) == (True, True)
    assert re.search(r'value="east" selected', bare.text)
    made = await post("/webhooks", url=receiver.url, event=["order.confirmed"], organisation="district")
    receiver.secret = made.text.partition('class="code secret">')[2].partition("<")[0]
    assert receiver.secret.startswith("whsec_")
    await sell(house, house.publish(5))
    receiver.status = 503
    courier = courier_over(house)
    deliver(courier)
    with reading(house.services.sessions) as session:
        endpoint = session.scalar(select(func.max(Delivery.endpoint_id)))
        row = session.scalar(select(func.max(Delivery.id)))
    one = f"/webhooks/{endpoint}"
    page = await house.client.get(f"/staff/integration{one}", headers=headers)
    assert ("answered 503" in page.text, receiver.secret in page.text) == (True, False)
    receiver.status = 200
    assert (await post(f"{one}/deliveries/{row}/replay")).status_code == 303
    deliver(courier)
    assert len(receiver.got) == 1
    for verb, shown in (("pause", "Paused"), ("resume", "Active")):
        assert (await post(f"{one}/{verb}")).status_code == 303
        assert shown in (await house.client.get(f"/staff/integration{one}", headers=headers)).text
    assert (await post(f"{one}/explode")).status_code == 404
    assert (await post(f"{one}/remove")).headers["location"] == "/staff/integration"
    assert (await house.client.get(f"/staff/integration{one}", headers=headers)).status_code == 404
