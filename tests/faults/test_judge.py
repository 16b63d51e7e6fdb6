"""Goal: the judge sees what it is there for: a fault run that says "0 lost, 0 doubled" would have said otherwise.

Method: negative controls; a real sale over real processes, in which one thing is then made wrong in SQL, in Redis
or in what clients were told, and the judge must name it. What it finds is only ever added to.
"""

from collections.abc import Iterator
from copy import copy
from itertools import islice
from typing import Any

import pytest
import redis
from sqlalchemy import delete, update

from tests.faults.clients import PLENTY, SCARCE, Crowd
from tests.faults.judge import Violation, judge
from tests.faults.records import Booking, HandOver, Records
from tests.faults.servers import SQLITE
from tests.faults.world import World
from tests.support.calls import Answer
from ticketing.inventory.keys import group_keys
from ticketing.orders.tables import Order, Pickup, Ticket

pytestmark = pytest.mark.slow
PLAY_SECONDS = 2.0


class Trial:
    """A sale that went well, and orders of it to do wrong to."""

    def __init__(self, world: World, records: Records) -> None:
        self.world = world
        self.records = records
        plain = (b for b in records.orders if not b.cancelled and PLENTY in b.items)
        handed = {one.order for one in records.hand_overs}
        self._untouched = (b for b in plain if b.order and b.order["id"] not in handed)
        self.before: set[Violation] = set()

    def booking(self) -> Booking:
        """One that nothing was done to."""
        return next(self._untouched)

    def sql(self, *statements: Any) -> None:
        with self.world.services.sessions.begin() as session:
            for statement in statements:
                session.execute(statement)

    def verdict(self) -> list[str]:
        """What the judge sees that it did not see before."""
        found = judge(self.world, self.records)
        new = [f"{one.kind}: {one.text}" for one in found if one not in self.before]
        self.before.update(found)
        return new


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    records = Records()
    with World(tmp_path_factory.mktemp("trial") / "world", SQLITE, 1) as world:
        with Crowd(world, records, 1) as crowd:
            crowd.play()
            world.pass_time(PLAY_SECONDS)
            assert world.wait_for(lambda: len(records.orders) > 60 and len(records.hand_overs) > 2, 30)
            crowd.rest()
            assert world.wait_for(lambda: crowd.is_idle, 20)
        assert world.wait_for(world.is_settled, 20)
        world.kill("worker")  # it would mend some of it
        world.down.add("worker")
        trial = Trial(world, records)
        assert trial.verdict() == []
        yield trial


def id_of(booking: Booking) -> str:
    assert booking.order is not None
    return str(booking.order["id"])


def test_control_an_acknowledged_order_that_sql_lost(trial: Trial) -> None:
    order = id_of(trial.booking())
    trial.sql(delete(Ticket).where(Ticket.order_id == order), delete(Order).where(Order.id == order))
    assert f"lost: order {order} is not in SQL" in trial.verdict()


def test_control_a_ticket_of_an_order_that_sql_lost(trial: Trial) -> None:
    booking = trial.booking()
    trial.sql(delete(Ticket).where(Ticket.code == booking.codes[0]))
    assert f"lost: order {id_of(booking)} has other tickets in SQL" in trial.verdict()


def test_control_an_order_that_is_somebody_elses(trial: Trial) -> None:
    booking = trial.booking()
    other = next(buyer.member for buyer in trial.world.buyers if buyer.member != booking.member)
    trial.sql(update(Order).where(Order.id == id_of(booking)).values(member_id=other))
    assert f"lost: order {id_of(booking)} is another's in SQL" in trial.verdict()


def test_control_a_cancel_that_was_forgotten(trial: Trial) -> None:
    booking = trial.booking()
    booking.cancelled = set(booking.codes)
    assert f"lost: order {id_of(booking)} is not cancelled as was told" in trial.verdict()


def test_control_an_order_that_redis_lost(trial: Trial) -> None:
    order = id_of(trial.booking())
    holds_of(trial, order)
    assert f"lost: order {order} is not confirmed in Redis" in trial.verdict()


def test_control_an_order_that_nobody_was_told_of(trial: Trial) -> None:
    booking = trial.booking()
    booking.order = None
    assert f"doubled: order {id_of_hold(booking)} is in SQL, and nobody was told of it" in trial.verdict()


def test_control_one_order_for_two_keys(trial: Trial) -> None:
    booking = trial.booking()
    trial.records.bookings.append(copy(booking))
    assert f"doubled: order {id_of(booking)} was given to two keys" in trial.verdict()


def test_control_a_hold_that_is_gone(trial: Trial) -> None:
    held = next(b for b in trial.records.bookings if b.hold and len(b.told) == 1)
    holds_of(trial, id_of_hold(held))
    assert f"lost: hold {id_of_hold(held)} is gone, and nobody rebuilt" in trial.verdict()


def test_control_a_key_that_held_twice(trial: Trial) -> None:
    booking = trial.booking()
    booking.held(Answer(201, b'{"id": "another"}', replayed=False))
    text = f"doubled: the key of member {booking.member} held twice, and nobody rebuilt"
    assert text in trial.verdict()


def test_control_two_answers_under_one_key(trial: Trial) -> None:
    booking = trial.booking()
    booking.note("confirm", Answer(200, b'{"id": "another"}', replayed=True))
    assert "answer: confirm answered with another body" in trial.verdict()


def test_control_more_than_a_card_may_have(trial: Trial) -> None:
    booking = next(b for b in trial.records.orders if SCARCE in b.items and not b.cancelled)
    trial.records.bookings += [copy(booking) for _ in range(2)]
    [found] = [text for text in trial.verdict() if "of a scarce quota" in text]
    assert found.startswith(f"doubled: member {booking.member} has")


def test_control_a_ticket_handed_out_twice(trial: Trial) -> None:
    once = trial.records.hand_overs[0]
    trial.records.hand_overs.append(HandOver(once.order, once.codes, once.at))
    assert f"doubled: ticket {once.codes[0]}: (told, handed out, collected) is (2, 1, 1)" in trial.verdict()


def test_control_a_hand_over_that_was_forgotten(trial: Trial) -> None:
    once = trial.records.hand_overs[1]
    trial.sql(
        delete(Pickup).where(Pickup.order_id == once.order),
        update(Ticket).where(Ticket.order_id == once.order).values(status="issued", pickup_id=None),
    )
    assert f"lost: ticket {once.codes[0]}: (told, handed out, collected) is (1, 0, 0)" in trial.verdict()


def test_control_what_only_the_audit_sees(trial: Trial) -> None:
    booking = trial.booking()
    trial.sql(update(Ticket).where(Ticket.code == booking.codes[0]).values(price=100))
    assert any(text.startswith("audit: I2") and id_of(booking) in text for text in trial.verdict())


def holds_of(trial: Trial, hold_id: str) -> None:
    """Take a hold out of Redis."""
    with redis.Redis.from_url(trial.world.valkey.url) as client:
        fields = [key for key in islice(group_keys(trial.world.event), 7) if client.type(key) == b"hash"]
        local = hold_id.partition(".")[2]
        assert sum(int(client.hdel(key, local, hold_id)) for key in fields) == 1


def id_of_hold(booking: Booking) -> str:
    assert booking.hold is not None
    return str(booking.hold["id"])
