"""Goal: of several workers one runs the schedule, another takes over when it dies, and its jobs are JSON.

Method: the real server; schedules side by side, one of which stops giving signs.
"""

import json
from collections.abc import Iterator
from threading import Event, Thread
from zlib import decompress

import pytest
import redis
from rq import Queue

from tests.support.processes import wait_for
from ticketing.queue import schedule as subject
from ticketing.queue.bell import rush_queue
from ticketing.queue.schedule import Schedule


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with redis.Redis.from_url(redis_url) as connection:
        yield rush_queue(connection)


def test_one_leads_and_its_job_is_json(queue: Queue) -> None:
    first, second = Schedule(queue), Schedule(queue)
    assert first._lead(leading=False)
    assert not second._lead(leading=False)
    assert first._lead(leading=True)
    (job,) = queue.get_job_ids()
    data = queue.connection.hget(f"rq:job:{job}", "data")
    assert isinstance(data, bytes)
    assert json.loads(decompress(data))[0] == "ticketing.queue.jobs.look_after_everything"


def test_another_takes_over_when_it_gives_no_sign(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LEASE_MS", 200)
    first, second = Schedule(queue), Schedule(queue)
    assert first._lead(leading=False)
    assert wait_for(lambda: second._lead(leading=False), 3)
    assert not first._lead(leading=True)


def test_it_gives_the_lease_up_when_told_to_stop(queue: Queue) -> None:
    stop = Event()
    thread = Thread(target=Schedule(queue).run, args=(stop,))
    thread.start()
    assert wait_for(lambda: bool(queue.connection.exists("ticketing:schedule")), 5)
    stop.set()
    thread.join(5)
    assert not queue.connection.exists("ticketing:schedule")
    assert queue.connection.zcard("rq:cron_schedulers") == 0
