"""Goal: a worker does its duties by itself, and one that is killed in a job is missed for seconds only.

Method: real `ticketing worker` processes over a real server, on both databases.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.support.processes import wait_for
from tests.support.shop import Shop
from tests.support.workers import Start, start  # noqa: F401 - a fixture of these tests

BUSY_SECONDS = 1  # what a machine that runs other tests too may add


@contextmanager
def cursors_locked(shop: Shop) -> Iterator[None]:
    """Keeps every drain waiting in the middle of its transaction."""
    with shop.sessions.begin() as session:
        session.execute(text("UPDATE cursors SET position = position"))
        yield


def test_it_drains_sweeps_and_gives_back_by_itself(shop: Shop, start: Start) -> None:  # noqa: F811
    start()
    event_id = shop.sale(10, hold_seconds=2)
    order = shop.buy(event_id, 1, (1, 2))
    assert wait_for(lambda: order in shop.recorded(), 20)

    shop.hold(event_id, 2, (1, 3))
    due = time.monotonic() + 2
    assert shop.counts(event_id).held == 3
    assert wait_for(lambda: shop.counts(event_id).held == 0, 20)
    assert time.monotonic() < due + 2 + BUSY_SECONDS, "the tickets came back too late"

    with shop.sessions.begin() as session:  # cancelled in SQL alone, as if Redis had not answered
        record = shop.orders.lock(session, order)
        assert record is not None
        shop.orders._void(session, record, record.tickets)
    assert wait_for(lambda: shop.counts(event_id).available == 10, 20)


def test_a_worker_killed_in_a_job_is_missed_for_seconds_only(shop: Shop, start: Start) -> None:  # noqa: F811
    event_id = shop.sale(100)
    victim = start()
    with cursors_locked(shop):
        sold = {shop.buy(event_id, member, (1, 1)) for member in range(1, 6)}
        assert wait_for(lambda: bool(shop.redis.keys("ticketing:bell:drain:*")), 10)
        assert wait_for(lambda: shop.redis.llen("rq:queue:ticketing-rush") == 0, 10)
        victim.kill()
        victim.wait()
    start()
    assert wait_for(lambda: set(shop.recorded()) == sold, 10), "RQ's own maintenance would take ten minutes"


def test_two_workers_share_one_schedule_and_stop_when_told(shop: Shop, start: Start) -> None:  # noqa: F811
    first, second = start(), start()
    assert wait_for(lambda: shop.redis.exists("ticketing:schedule") == 1, 20)
    assert shop.redis.zcard("rq:cron_schedulers") == 1
    for worker in (first, second):
        worker.send_signal(signal.SIGTERM)
    assert wait_for(lambda: first.poll() is not None and second.poll() is not None, 20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert shop.redis.exists("ticketing:schedule") == 0
