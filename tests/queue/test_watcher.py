"""Goal: a watcher rings for what there is to do, for nothing else, and outlives every outage.

Method: the real servers and one look at a time; what was rung is read from RQ's queue.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError
from rq import Queue
from rq.job import Job
from sqlalchemy import update
from structlog.testing import capture_logs

from tests.support.processes import wait_for
from tests.support.shop import Shop
from ticketing.catalogue import tables
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.queue import jobs
from ticketing.queue.bell import Bell, rush_queue
from ticketing.queue.watcher import Watcher
from ticketing.services.waves import WavePlan


@pytest.fixture
def queue(shop: Shop) -> Queue:
    return rush_queue(shop.redis)


@pytest.fixture
def watcher(shop: Shop, queue: Queue) -> Watcher:
    return Watcher(shop.sessions, shop.keeper, Watermarks(), Bell(queue))


@pytest.fixture
def running(watcher: Watcher) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=watcher.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def rung(queue: Queue) -> list[tuple[str, tuple[Any, ...]]]:
    """The jobs in the queue, which is empty afterwards; the bells stay as they are."""
    jobs: list[Job] = queue.get_jobs()
    queue.connection.delete(queue.key)
    return [(str(job.func_name).rpartition(".")[2], tuple(job.args)) for job in jobs]


def test_it_rings_for_entries_and_for_nothing_else(shop: Shop, watcher: Watcher, queue: Queue) -> None:
    busy, quiet = shop.sale(10), shop.sale(10)
    shop.drain().run(busy)
    shop.drain().run(quiet)
    shop.buy(busy, 1, (1, 1))
    shop.hold(quiet, 1, (1, 1))
    for look in (
        watcher.look_for_groups,
        watcher.look_for_entries,
        watcher.look_for_due_holds,
        watcher.look_for_returns,
    ):
        look()
    assert rung(queue) == [("drain", (busy,))]
    watcher.look_for_entries()
    assert rung(queue) == [], "the bell has rung lately"


def test_it_rings_for_a_wave_when_its_time_has_come(shop: Shop, watcher: Watcher, queue: Queue) -> None:
    event_id = shop.sale(10)
    plan = WavePlan(shop.clock.now_ms() + 1_000, 5)
    shop.waves.raise_quota(shop.street, "key", f"{event_id}-1", 0, [plan], "demand")
    shop.sale_keeper.apply_all()
    watcher.look_for_returns()
    assert rung(queue) == [], "not before"
    time.sleep(1.1)
    watcher.look_for_returns()
    assert rung(queue) == [("reconcile", (jobs.EVERYTHING,))]


def test_it_rings_for_due_holds_first(shop: Shop, watcher: Watcher, queue: Queue) -> None:
    event_id = shop.sale(10, hold_seconds=1)
    shop.hold(event_id, 1, (1, 1))
    time.sleep(1.1)
    watcher.look_for_groups()
    watcher.look_for_entries()
    watcher.look_for_due_holds()
    assert rung(queue) == [("sweep", (event_id, shop.event(event_id).group.epoch)), ("drain", (event_id,))]


def test_it_rings_for_returns_and_for_unapplied_events(
    shop: Shop, watcher: Watcher, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale(10)
    order_id = shop.buy(event_id, 1, (1, 1))
    monkeypatch.setattr(shop.returns, "give_back", lambda _order_id: 0)
    shop.orders.cancel(1, order_id)
    watcher.look_for_returns()
    assert rung(queue) == [("reconcile", ("everything",))]
    with shop.sessions.begin() as session:
        orders.mark_restocked(session, [one.id for one in orders.pending_returns(session, 9)], 1)
    Bell(queue).rest("reconcile", "everything")
    watcher.look_for_returns()
    assert rung(queue) == []
    with shop.sessions.begin() as session:
        session.execute(update(tables.Event).values(version=tables.Event.version + 1))
    watcher.look_for_returns()
    assert rung(queue) == [("reconcile", ("everything",))]


def test_it_rings_until_the_orders_of_a_cancelled_event_are_void(
    shop: Shop, watcher: Watcher, queue: Queue
) -> None:
    event_id = shop.sale(10)
    held = shop.hold(event_id, 1, (1, 1))
    shop.catalogue.cancel(shop.street, event_id)
    for _ in range(2):  # the hold may still become an order
        watcher.look_for_returns()
        assert rung(queue) == [("reconcile", ("everything",))]
        shop.canceller.finish()
        Bell(queue).rest("reconcile", "everything")
    assert isinstance(held, Decided)
    shop.keeper.release(event_id, held.hold.id, 1)
    shop.drain().run(event_id)
    shop.canceller.finish()
    watcher.look_for_returns()
    assert rung(queue) == []


@contextmanager
def no_memory(shop: Shop) -> Iterator[None]:
    """A Redis that takes nothing more."""
    shop.redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        shop.redis.config_set("maxmemory", 0)


def test_without_memory_for_the_queue_it_does_the_job_itself(
    shop: Shop, watcher: Watcher, duties: jobs.Duties
) -> None:
    event_id = shop.sale(10, hold_seconds=1)
    order_id = shop.buy(event_id, 1, (1, 1))
    shop.hold(event_id, 2, (1, 3))
    time.sleep(1.1)
    with no_memory(shop):
        watcher.look_for_groups()
        watcher.look_for_entries()
        watcher.look_for_due_holds()
        assert set(shop.recorded()) == {order_id}
        assert shop.counts(event_id) == QuotaCounts(capacity=10, withheld=0, held=0, sold=1)


def test_control_the_queue_takes_no_job_then(shop: Shop, queue: Queue) -> None:
    event_id = shop.sale(10)
    with no_memory(shop), pytest.raises(OutOfMemoryError):
        Bell(queue).ring(jobs.drain, jobs.DRAIN, event_id)
    assert rung(queue) == []


def test_it_outlives_an_outage_and_complains_once(
    shop: Shop, running: None, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise StoreUnavailable("Redis did not answer")

    event_id = shop.sale(10)
    assert wait_for(lambda: bool(rung(queue)), 5)
    with capture_logs() as logs:
        with monkeypatch.context() as outage:
            outage.setattr(Keeper, "last_position", away)
            time.sleep(0.5)
        Bell(queue).rest("drain", event_id)
        assert wait_for(lambda: ("drain", (event_id,)) in rung(queue), 5)
    complaints = [log for log in logs if log["event"] == "watcher_cannot_look"]
    assert [log["what"] for log in complaints] == ["look_for_entries"]


def test_it_notices_within_a_fraction_of_a_second(shop: Shop, running: None, queue: Queue) -> None:
    event_id = shop.sale(10)
    assert wait_for(lambda: queue.count > 0, 5)
    rung(queue)
    shop.drain().run(event_id)
    time.sleep(0.3)  # the watcher sees that nothing is left
    Bell(queue).rest("drain", event_id)
    before = time.monotonic()
    shop.buy(event_id, 1, (1, 1))
    assert wait_for(lambda: queue.count > 0, 5)
    assert time.monotonic() - before < 1.0
