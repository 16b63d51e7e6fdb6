"""Security 9: who can write to the queue's server runs no code here.

Goal: a job in the queue is a name and plain values; one packed with pickle, RQ's default, is never unpacked.
Method: a real worker process. Jobs whose unpacking would leave a file behind are put into its queue as somebody with
Redis could; no file appears and the worker goes on draining. A worker with RQ's default, given the same job, leaves it.
"""

import os
import pickle
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import DefaultSerializer

from tests.support.processes import wait_for
from tests.support.shop import Shop
from tests.support.workers import Start, start  # noqa: F401 - a fixture
from ticketing.queue.bell import QUEUE


class Payload:
    """Runs a command of its own when it is unpacked."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._mark),)


def _plant(client: "redis.Redis", queue: str, mark: Path, **fields: Any) -> str:
    """A job that RQ made elsewhere with its default serializer, with `fields` of the attacker's choice."""
    job_id = f"planted-{mark.name}"
    packed = pickle.dumps(("os.getpid", None, [Payload(mark)], {}))
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    job = {
        "data": zlib.compress(packed),
        "created_at": now,
        "origin": queue,
        "status": "queued",
        "timeout": "60",
    }
    client.hset(f"rq:job:{job_id}", mapping=job | fields)
    client.sadd("rq:queues", f"rq:queue:{queue}")
    client.rpush(f"rq:queue:{queue}", job_id)
    return job_id


def test_09_control_rqs_default_runs_what_is_planted(redis_url: str, tmp_path: Path) -> None:
    with redis.Redis.from_url(redis_url) as client:
        _plant(client, "open", tmp_path / "ran")
        queue = Queue("open", connection=client, serializer=DefaultSerializer)
        SimpleWorker([queue], connection=client, serializer=DefaultSerializer).work(burst=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", ["arguments", "meta"])
def test_09_our_worker_does_not_and_goes_on(shop: Shop, start: Start, tmp_path: Path, place: str) -> None:  # noqa: F811
    start()
    event = shop.sale(20)
    mark = tmp_path / "ran"
    fields = (
        {}
        if place == "arguments"
        else {"meta": pickle.dumps(Payload(mark)), "data": zlib.compress(b'["os.getpid",null,[],{}]')}
    )
    _plant(shop.redis, QUEUE, mark, **fields)
    assert wait_for(lambda: shop.redis.llen(f"rq:queue:{QUEUE}") == 0, 30), "it was taken"
    shop.buy(event, 1, (1, 1))
    assert wait_for(lambda: len(shop.recorded()) == 1, 30), "the worker goes on"
    assert not mark.exists()


def test_09_what_we_put_there_is_plain(shop: Shop) -> None:
    """Every job in the queue, its results and the schedule's are JSON."""
    from ticketing.queue import jobs
    from ticketing.queue.bell import Bell, rush_queue
    from ticketing.queue.schedule import Schedule

    queue = rush_queue(shop.redis)
    Bell(queue).ring(jobs.drain, jobs.DRAIN, "group")
    assert Schedule(queue)._lead(leading=False)
    found: list[Any] = [shop.redis.hgetall(key) for key in shop.redis.scan_iter("rq:job:*")]
    assert len(found) == 2
    for job in found:
        assert zlib.decompress(job[b"data"])[:1] == b"["
        for value in job.values():
            with pytest.raises(Exception):  # noqa: B017, PT011 - whatever pickle says of what is none
                pickle.loads(value)
