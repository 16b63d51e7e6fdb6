"""Goal: a job does its duty and rests its bell; in an outage it leaves the bell to lapse and does not fail.

Method: the jobs are called as RQ calls them, over the real servers.
"""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.support.shop import Shop
from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.tables import Event
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.orders import repository as orders
from ticketing.orders.tables import Order
from ticketing.queue import jobs
from ticketing.queue.drain import Drain
from ticketing.services.uncollected import GRACE_MS


def bells(shop: Shop) -> set[bytes | str]:
    return set(shop.redis.keys("ticketing:bell:*"))


def test_a_drain_goes_on_until_nothing_is_left(
    shop: Shop, duties: jobs.Duties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TURN_SECONDS", 60)
    event_id = shop.sale(100)
    sold = {shop.buy(event_id, member, (1, 1)) for member in range(1, 31)}  # more than one run's batches
    duties.bell.ring(jobs.drain, jobs.DRAIN, event_id)
    jobs.drain(event_id)
    assert set(shop.recorded()) == sold
    assert bells(shop) == set()


def test_a_drain_takes_no_longer_than_its_turn(
    shop: Shop, duties: jobs.Duties, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale(100)
    for member in range(1, 31):
        shop.buy(event_id, member, (1, 1))
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
    jobs.drain(event_id)
    assert 0 < len(shop.recorded()) < 30


@pytest.mark.parametrize(
    "outage",
    [StoreUnavailable("Redis did not answer"), OperationalError("UPDATE", {}, Exception("no server"))],
)
def test_an_outage_is_no_failure_and_the_bell_lapses_by_itself(
    shop: Shop, duties: jobs.Duties, monkeypatch: pytest.MonkeyPatch, outage: Exception
) -> None:
    def away(*_: Any) -> int:
        raise outage

    event_id = shop.sale(100)
    duties.bell.ring(jobs.drain, jobs.DRAIN, event_id)
    monkeypatch.setattr(Drain, "run", away)
    jobs.drain(event_id)
    (bell,) = bells(shop)
    assert 0 < shop.redis.pttl(bell) <= 2_000


def test_the_safety_net_does_every_duty(
    shop: Shop, duties: jobs.Duties, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = shop.sale(10), shop.sale(10)
    sold = {shop.buy(event_id, 1, (1, 1)) for event_id in (first, second)}
    with monkeypatch.context() as outage:
        outage.setattr(Keeper, "restock", _away)
        shop.orders.cancel(1, next(iter(sold)))
    jobs.look_after_everything()
    assert set(shop.recorded()) == sold
    with shop.sessions.begin() as session:
        assert orders.pending_returns(session, 10) == []


def test_the_safety_net_does_what_events_have_rules_for(shop: Shop, duties: jobs.Duties) -> None:
    event = shop.sale(10, collect_until=shop.now + 1_000, cancellable_until=None, uncollected="web")
    order_id = shop.buy(event, 1, (1, 2))
    shop.drain().run(event)
    with shop.sessions.begin() as session:
        past = shop.now - GRACE_MS - 1
        session.execute(update(Event).where(Event.id == event).values(collect_until=past))
        session.execute(update(Order).where(Order.id == order_id).values(confirmed_at=past))
    shared = shop.sale(
        quotas=(QuotaDraft(name="Seats", capacity=5, withheld=3),),
        starts_at=shop.now + 1_000,
        share_back_minutes=1,
    )
    jobs.look_after_everything()
    assert shop.counts(shared).withheld == 0
    assert shop.tickets("void") == 2
    assert shop.counts(event).sold == 0


def test_reconcile_gives_back_and_rests(shop: Shop, duties: jobs.Duties) -> None:
    duties.bell.ring(jobs.reconcile, jobs.RECONCILE, jobs.EVERYTHING)
    jobs.reconcile(jobs.EVERYTHING)
    assert bells(shop) == set()


def _away(*_: Any) -> None:
    raise StoreUnavailable("Redis did not answer")
