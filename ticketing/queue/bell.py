"""The bell that calls the worker: at most one job of a kind waits or runs for a group.

RQ can keep a job id unique, but a worker killed in the middle of the job then keeps that id taken until
RQ's own maintenance, ten minutes later. So the guard is a key of ours that lives for two seconds: a job
that works keeps it alive, one that ends takes it away, one that died lets it lapse, and the next look of a
watcher rings again. A second job of a kind is harmless, only useless.
"""

from collections.abc import Callable
from typing import Any

from rq import Queue
from rq.serializers import JSONSerializer

QUEUE = "ticketing-rush"
"""The queue of drain and sweep; imports and reports never stand in it."""

SILENCE_MS = 2_000
"""How long after a ring without a sign of life the same bell may ring again."""

JOB_SECONDS_MAX = 60
"""RQ ends a job that takes longer."""

_WAITING_SECONDS_MAX = 10
FAILURE_SECONDS = 3_600
"""How long RQ keeps what it knows of a failed job."""


def rush_queue(connection: Any) -> Queue:
    """RQ's queue over a connection of its own that does not decode, with JSON in place of pickle."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, default_timeout=JOB_SECONDS_MAX)


class Bell:
    """Rings for jobs. `duty` and `subject` say for what, for instance drain and a group's id."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def ring(
        self, job: Callable[..., None], duty: str, subject: str, *args: str, urgent: bool = False
    ) -> bool:
        """Enqueue `job(subject, *args)` unless one rang lately; an urgent one goes to the front."""
        if not self._queue.connection.set(_key(duty, subject), 1, nx=True, px=SILENCE_MS):
            return False
        self._queue.enqueue_call(
            job,
            args=(subject, *args),
            at_front=urgent,
            result_ttl=0,
            ttl=_WAITING_SECONDS_MAX,
            failure_ttl=FAILURE_SECONDS,
        )
        return True

    def keep(self, duty: str, subject: str) -> None:
        """Say that the job is alive."""
        self._queue.connection.pexpire(_key(duty, subject), SILENCE_MS)

    def rest(self, duty: str, subject: str) -> None:
        """Say that the job is done, so that the next ring need not wait."""
        self._queue.connection.delete(_key(duty, subject))


def _key(duty: str, subject: str) -> str:
    return f"ticketing:bell:{duty}:{subject}"
