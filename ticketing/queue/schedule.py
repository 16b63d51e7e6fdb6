"""RQ's cron scheduler, in a thread of exactly one of the workers: the safety net under the bells.

Two things of RQ's do not fit and are replaced here: its cron jobs are enqueued with pickle, whatever the
queue says, and its `start` wants the signals and the whole main thread.
"""

import os
from collections.abc import Callable
from threading import Event
from typing import Any

import structlog
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.job import Job

from ticketing.queue import jobs
from ticketing.queue.bell import FAILURE_SECONDS, rush_queue

INTERVAL_SECONDS = 5
"""How often every duty is done whether a bell rang or not."""

LEASE_MS = 5_000
"""How long the workers wait for a scheduler that gives no sign before another takes its place."""

_LEASE = "ticketing:schedule"
_RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_log = structlog.get_logger(__name__)


class JsonCronJob(CronJob):
    """A cron job whose arguments go into the queue as JSON and whose result is not kept."""

    def enqueue(self, connection: Any) -> Job:
        """Put the job into its queue."""
        assert self.func is not None
        return rush_queue(connection).enqueue_call(
            self.func, args=self.args, result_ttl=0, ttl=INTERVAL_SECONDS, failure_ttl=FAILURE_SECONDS
        )


class JsonCronScheduler(CronScheduler):
    """RQ's scheduler with JSON jobs."""

    def register_every(self, seconds: int, func: Callable[[], None], queue_name: str) -> None:
        """Run `func` every so many seconds."""
        self._cron_jobs.append(JsonCronJob(queue_name, func, interval=seconds))


class Schedule:
    """Runs the scheduler while this worker holds the lease."""

    def __init__(self, queue: Queue) -> None:
        self._connection = queue.connection
        self._holder = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._scheduler = JsonCronScheduler(connection=queue.connection, logging_level="WARNING")
        self._scheduler.register_every(INTERVAL_SECONDS, jobs.look_after_everything, queue.name)

    def run(self, stop: Event) -> None:
        """Hold the lease or wait for it, until `stop` is set; give it up at the end."""
        leading = False
        while not stop.wait(1.0):
            try:
                leading = self._lead(leading)
            except Exception as error:  # noqa: BLE001 - the schedule outlives an outage of Redis
                _log.warning("schedule_cannot_run", error=f"{type(error).__name__}: {error}")
        if leading:
            self._scheduler.register_death()
            self._connection.delete(_LEASE)

    def _lead(self, leading: bool) -> bool:
        """Renew or take the lease and enqueue what is due; whether this worker leads now."""
        if not self._connection.eval(_RENEW, 1, _LEASE, self._holder, LEASE_MS):
            return False
        if not leading:
            self._scheduler.register_birth()
        if self._scheduler.enqueue_jobs():
            self._scheduler.save()
        self._scheduler.heartbeat()
        return True
