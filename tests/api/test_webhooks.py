"""Goal: what happens is told, signed, at least once, to whoever listens there, and no receiver is in anybody's way.

Method: real receivers on ports of their own, a real API process over both databases, the real drain, and couriers as
workers run them; one of these is a whole worker process, killed while a receiver keeps it waiting.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, update

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House
from tests.support.receiver import Receiver, receiving
from ticketing.database import reading
from ticketing.hooks.kinds import KINDS
from ticketing.hooks.repository import KEPT_MS
from ticketing.hooks.tables import DELIVERED, GIVEN_UP, Delivery
from ticketing.queue import courier as couriers
from ticketing.queue.courier import PAUSES_MS, Courier
from ticketing.queue.worker import drain_of
from ticketing.services.vault import Vault
from ticketing.settings import Settings

WEBHOOKS = "/api/v1/staff/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def slow() -> Iterator[Receiver]:
    with receiving() as opened:
        opened.holds = True
        yield opened


def courier_over(house: House, *, private_allowed: bool = True) -> Courier:
    services = house.services
    vault = Vault(services.keyring.vault)
    return Courier(services.sessions, services.keeper, vault, services.clock, private_allowed=private_allowed)


async def listen(house: House, receiver: Receiver, *events: str, organisation: str = "district") -> str:
    """Set an endpoint up for this receiver; its id."""
    wish = {"url": receiver.url, "events": events or KINDS, "organisation": organisation}
    made = await house.client.post(WEBHOOKS, headers=house.staff(), json=wish)
    assert made.status_code == 201, made.text
    receiver.secret = made.json()["secret"]
    return str(made.json()["details"]["id"])


async def sell(house: House, event: str, quantity: int = 1, key: str = "key") -> Any:
    """An order of a member, which the drain has recorded."""
    member = next(iter(house.cards), None) or house.add_member()
    order = await house.buy(event, house.member(member), quantity=quantity, key=key)
    drain_of(house.services).run(event)
    return order


def deliver(courier: Courier) -> None:
    courier.look()
    courier.settle()


@contextmanager
def working(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker process of this instance, killed at the end."""
    assert settings.secret_key is not None
    environment = {
        "TICKETING_DATA_DIR": str(settings.data_dir),
        "TICKETING_REDIS_URL": str(settings.redis_url),
        "TICKETING_DATABASE_URL": str(settings.database_url),
        "TICKETING_SECRET_KEY": settings.secret_key.get_secret_value(),
        "TICKETING_WEBHOOK_PRIVATE_ADDRESSES": "true",
    }
    worker = subprocess.Popen([sys.executable, "-m", "ticketing", "worker"], env=os.environ | environment)
    yield worker
    worker.kill()
    worker.wait()


def deliveries(house: House) -> list[Delivery]:
    with reading(house.services.sessions) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


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


async def test_a_receiver_that_hangs_holds_nobody_up(
    house: House, receiver: Receiver, slow: Receiver
) -> None:
    hanging = await listen(house, slow, "order.confirmed")
    await listen(house, receiver, "order.confirmed")
    event = house.publish(30)
    for n in range(6):
        await sell(house, event, key=f"k{n}")
    courier = courier_over(house)
    for _ in range(40):
        courier.look()
        if len(receiver.got) == 6:
            break
        slow.came.wait(0.1)
    assert (len(receiver.got), slow.got) == (6, [])
    taken = [row for row in deliveries(house) if row.endpoint_id == hanging and row.attempts]
    assert len(taken) == 2  # as many hands as one endpoint may keep
    slow.let_go.set()
    courier.settle()


@pytest.mark.parametrize("passed_over", [True, False], ids=["passed over", "control, looked at again"])
async def test_several_that_hang_leave_hands_to_the_others(
    house: House, receiver: Receiver, passed_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = couriers.hooks.due
    if not passed_over:
        monkeypatch.setattr(couriers.hooks, "due", lambda *asked: due(*asked[:4]))
    with ExitStack() as opened:
        hanging = [
            opened.enter_context(receiving()) for _ in range(4)
        ]  # with two hands each: their next rows are as many as hands are free
        for each in hanging:
            each.holds = True
            await listen(house, each, "order.confirmed")
        served = await listen(house, receiver, "order.confirmed")
        event = house.publish(30)
        for n in range(4):
            await sell(house, event, key=f"k{n}")
        with house.services.sessions.begin() as session:  # theirs are the oldest
            session.execute(update(Delivery).where(Delivery.endpoint_id != served).values(next_at=0))
        courier = courier_over(house)
        for _ in range(2):
            courier.look()
            for sending in [each for each, of in courier._under_way.items() if of == served]:
                sending.join()
        told = len(receiver.got)
        for each in hanging:
            each.let_go.set()
        courier.settle()
    assert told == (4 if passed_over else 2)


async def test_what_is_done_is_forgotten_also_when_nobody_listens_any_more(
    house: House, receiver: Receiver
) -> None:
    endpoint = await listen(house, receiver, "order.confirmed")
    await sell(house, house.publish(5))
    courier = courier_over(house)
    deliver(courier)
    assert (await house.client.delete(f"{WEBHOOKS}/{endpoint}", headers=house.staff())).status_code == 204
    courier._looks = couriers.PURGE_LOOKS - 1
    courier.look()
    assert len(deliveries(house)) == 1  # not before its time
    with house.services.sessions.begin() as session:
        session.execute(update(Delivery).values(at=Delivery.at - KEPT_MS - 60_000))
    courier.look()
    assert len(deliveries(house)) == 1  # and only now and then
    courier._looks = couriers.PURGE_LOOKS - 1
    courier.look()
    assert deliveries(house) == []


async def test_what_fails_is_tried_for_a_day_then_given_up_and_sent_again_when_asked(
    house: House, receiver: Receiver
) -> None:
    endpoint = await listen(house, receiver, "order.confirmed")
    order = await sell(house, house.publish(5))
    receiver.status = 500
    courier = courier_over(house)
    pauses = []
    for attempt in range(1, len(PAUSES_MS) + 2):
        deliver(courier)
        [row] = deliveries(house)
        assert (row.attempts, row.last_status, row.last_error) == (attempt, 500, "answered 500")
        pauses.append(row.next_at - house.services.clock.now_ms())
        deliver(courier)
        assert deliveries(house)[0].attempts == attempt  # not before its time
        with house.services.sessions.begin() as session:
            session.execute(update(Delivery).values(next_at=0))
    assert deliveries(house)[0].state == GIVEN_UP
    assert all(0.9 * p < seen < 1.2 * p for p, seen in zip(PAUSES_MS, pauses, strict=False))
    assert 22 * 3_600_000 < sum(PAUSES_MS) < 26 * 3_600_000
    receiver.status = 200
    again = await house.client.post(f"{WEBHOOKS}/{endpoint}/replay", headers=house.staff())
    assert again.json() == {"messages": 1}
    deliver(courier)
    assert [message_id for message_id, _ in receiver.got] == [f"order.confirmed:{order['id']}"]
    [row] = deliveries(house)
    one = await house.client.post(f"{WEBHOOKS}/{endpoint}/deliveries/{row.id}/replay", headers=house.staff())
    assert one.json() == {"messages": 1}
    deliver(courier)
    assert len(receiver.got) == 2
    log = (await house.client.get(f"{WEBHOOKS}/{endpoint}/deliveries", headers=house.staff())).json()
    assert [(each["state"], each["last_status"]) for each in log["deliveries"]] == [("delivered", 200)]


async def test_a_worker_that_is_killed_leaves_its_message_to_another(
    quick_settings: Settings, receiver: Receiver, slow: Receiver
) -> None:
    settings = quick_settings.model_copy(update={"webhook_private_addresses": True})
    async with House.open(settings) as house:
        await listen(house, slow, "order.confirmed")
        order = await sell(house, house.publish(5))
        with working(settings) as worker:
            assert slow.came.wait(60)
            worker.kill()
            worker.wait()
        assert (slow.got, deliveries(house)[0].attempts) == ([], 1)
        slow.holds = False
        deliver(courier_over(house))
        assert slow.got == []  # the dead one's minute is not over
        with house.services.sessions.begin() as session:
            session.execute(update(Delivery).values(next_at=Delivery.next_at - couriers.LEASE_MS))
        deliver(courier_over(house))
        assert [message_id for message_id, _ in slow.got] == [f"order.confirmed:{order['id']}"]


async def test_two_couriers_send_a_message_once(house: House, receiver: Receiver) -> None:
    await listen(house, receiver, "order.confirmed")
    await sell(house, house.publish(5))
    several = [courier_over(house) for _ in range(3)]
    for each in several:
        each.look()
    for each in several:
        each.settle()
    assert len(receiver.got) == 1


async def test_private_addresses_are_reached_only_where_a_setting_says_so(
    house: House, receiver: Receiver
) -> None:
    await listen(house, receiver, "order.confirmed")
    await sell(house, house.publish(5))
    deliver(courier_over(house, private_allowed=False))
    [row] = deliveries(house)
    assert (receiver.came.is_set(), row.last_error) == (
        False,
        "127.0.0.1 is an address of a private network",
    )


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
