"""Goal: a message is sent once, in its time and by whoever lives, and no receiver is in another's way.

Method: real receivers on ports of their own, the real drain over both databases, and couriers as workers run them;
one of these is a whole worker process, killed while a receiver keeps it waiting.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import update

from tests.support.house import House
from tests.support.receiver import Receiver, receiving
from tests.support.webhooks import WEBHOOKS, courier_over, deliver, deliveries, listen, sell
from ticketing.hooks import repository as hooks
from ticketing.hooks.repository import KEPT_MS
from ticketing.hooks.tables import GIVEN_UP, Delivery
from ticketing.queue import courier as couriers
from ticketing.queue.courier import PAUSES_MS, Courier
from ticketing.settings import Settings


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


def look_times(courier: Courier, times: int, served: str) -> None:
    """Look so often, and wait each time for what is sent to the endpoint that answers."""
    for _ in range(times):
        courier.look()
        for sending in [each for each, of in courier._under_way.items() if of == served]:
            sending.join()


async def test_a_receiver_that_hangs_holds_nobody_up(
    house: House, receiver: Receiver, slow: Receiver
) -> None:
    hanging = await listen(house, slow, "order.confirmed")
    served = await listen(house, receiver, "order.confirmed")
    event = house.publish(30)
    for n in range(6):
        await sell(house, event, key=f"k{n}")
    courier = courier_over(house)
    look_times(courier, 3, served)  # two hands an endpoint
    assert (len(receiver.got), slow.got) == (6, [])
    taken = [row for row in deliveries(house) if row.endpoint_id == hanging and row.attempts]
    assert len(taken) == 2  # as many hands as one endpoint may keep
    slow.let_go.set()
    courier.settle()


@pytest.mark.parametrize("passed_over", [True, False], ids=["passed over", "control, looked at again"])
async def test_several_that_hang_leave_hands_to_the_others(
    house: House, receiver: Receiver, passed_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = hooks.due
    if not passed_over:
        monkeypatch.setattr(hooks, "due", lambda *asked: due(*asked[:4]))
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
        look_times(courier, 2, served)
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


async def test_a_ticket_that_is_left_anywhere_is_not_sold_out(house: House, receiver: Receiver) -> None:
    """One quota is forced below what is sold; another has a ticket, first on the web, then kept for the desk."""
    await listen(house, receiver, "event.sold_out")
    event = house.publish(2, 1)
    await sell(house, event, quantity=2)
    house.services.sale_keeper.resize(event, 1, 1, None, act_id="flooded", force=True)
    courier = courier_over(house)
    courier.note_sold_out()
    house.services.sale_keeper.resize(event, 2, None, 1, act_id="kept")
    courier.note_sold_out()
    deliver(courier)
    assert receiver.got == []
