"""Goal: a bell rings once until its job shows it is done or lost, and what is rung is plain JSON.

Method: the real server; jobs are run by RQ's own worker in this process, and one is lost on purpose.
"""

import json
import time
from collections.abc import Iterator
from zlib import decompress

import pytest
import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from ticketing.queue import bell as subject
from ticketing.queue.bell import QUEUE, Bell, rush_queue

done: list[tuple[str, ...]] = []


def job(subject_: str, *arguments: str) -> None:
    done.append((subject_, *arguments))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


@pytest.fixture
def bell(client: redis.Redis) -> Bell:
    done.clear()
    return Bell(rush_queue(client))


def work(client: redis.Redis) -> None:
    SimpleWorker([QUEUE], connection=client, serializer=JSONSerializer).work(
        burst=True, logging_level="ERROR"
    )


def test_it_rings_once_until_the_job_is_done(client: redis.Redis, bell: Bell) -> None:
    assert bell.ring(job, "drain", "group", "more")
    assert not bell.ring(job, "drain", "group", "more")
    assert bell.ring(job, "sweep", "group")
    assert bell.ring(job, "drain", "other")
    work(client)
    assert sorted(done) == [("group",), ("group", "more"), ("other",)]
    assert not bell.ring(job, "drain", "group"), "the job has not said that it is done"
    bell.rest("drain", "group")
    assert bell.ring(job, "drain", "group")


def test_a_lost_job_is_rung_again_after_two_seconds(
    client: redis.Redis, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "SILENCE_MS", 300)
    assert bell.ring(job, "drain", "group")
    client.delete(f"rq:queue:{QUEUE}")
    time.sleep(0.2)
    bell.keep("drain", "group")
    time.sleep(0.2)
    assert not bell.ring(job, "drain", "group"), "it gave a sign of life"
    time.sleep(0.2)
    assert bell.ring(job, "drain", "group")


def test_an_urgent_job_goes_first(client: redis.Redis, bell: Bell) -> None:
    for group in ("a", "b"):
        bell.ring(job, "drain", group)
    bell.ring(job, "sweep", "c", urgent=True)
    work(client)
    assert done == [("c",), ("a",), ("b",)]


def test_the_queue_holds_json_and_keeps_no_result(client: redis.Redis, bell: Bell) -> None:
    bell.ring(job, "drain", "group")
    (key,) = client.keys("rq:job:*")
    data = client.hget(key, "data")
    assert isinstance(data, bytes)
    name, _, arguments, _ = json.loads(decompress(data))
    assert name.endswith("test_bell.job")
    assert arguments == ["group"]
    work(client)
    assert client.keys("rq:job:*") == []


def test_control_rqs_own_guard_would_keep_a_lost_job_for_minutes(client: redis.Redis) -> None:
    """Negative control: `unique=True`, and the worker died after it took the job."""
    queue = rush_queue(client)
    queue.enqueue_call(job, args=("group",), job_id="drain-group", unique=True, result_ttl=0)
    client.delete(queue.key)
    time.sleep(0.5)
    with pytest.raises(Exception, match="already exists"):
        queue.enqueue_call(job, args=("group",), job_id="drain-group", unique=True, result_ttl=0)
