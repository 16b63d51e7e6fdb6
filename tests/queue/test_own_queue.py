"""Goal: what takes long, an import or a report, never stands in the way of the drain.

Method: a real worker, and a job of some seconds in a queue that is not the rush's; then in the rush's own, where it
keeps the drain waiting, which is the control.
"""

import time

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from tests.support.processes import wait_for
from tests.support.shop import Shop
from tests.support.workers import Start, start  # noqa: F401 - a fixture of these tests
from ticketing.queue.bell import QUEUE

SECONDS = 4


def waited(shop: Shop, queue: str) -> float:
    """How long a new order waits for SQL after a long job has come into this queue."""
    long = Queue(queue, connection=shop.redis, serializer=JSONSerializer)
    long.enqueue_call(time.sleep, args=(SECONDS,), result_ttl=0)
    event_id = shop.sale(9)
    order = shop.buy(event_id, 1, (1, 1))
    began = time.monotonic()
    assert wait_for(lambda: order in shop.recorded(), 30)
    return time.monotonic() - began


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_in_another_queue_is_not_the_drains_business(shop: Shop, start: Start) -> None:  # noqa: F811
    start()
    assert waited(shop, "reports") < SECONDS - 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_control_in_the_queue_of_the_rush_it_keeps_the_drain_waiting(
    shop: Shop,
    start: Start,  # noqa: F811
) -> None:
    start()
    assert waited(shop, QUEUE) > SECONDS - 1
