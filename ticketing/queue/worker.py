"""One worker process: RQ's worker in the main thread; beside it threads for all else.

Jobs run in this process, without a fork: a drain keeps its connections, and a worker that dies takes only
a job that the next look rings for again.
"""

import signal
from contextlib import suppress
from threading import Event, Thread
from types import FrameType
from typing import Any

import structlog
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker

from ticketing import memory
from ticketing.bootstrap import Services, build, queue_client
from ticketing.queue import jobs
from ticketing.queue.bell import QUEUE, Bell, rush_queue
from ticketing.queue.courier import Courier
from ticketing.queue.drain import Drain
from ticketing.queue.importer import Importer
from ticketing.queue.schedule import Schedule
from ticketing.queue.watcher import Watcher
from ticketing.services.import_work import ImportWork
from ticketing.services.vault import Vault
from ticketing.settings import Settings

HEARTBEAT_SECONDS = 60
"""After how long without a sign of life RQ counts a worker as gone."""

_RESTART_SECONDS = 1.0
_FAREWELL_SECONDS = 5.0
_LOG_LEVEL = "WARNING"

_log = structlog.get_logger(__name__)


class RushWorker(SimpleWorker):
    """RQ's worker without a fork; it says when it was asked to stop, and waits for Redis at most 2 s."""

    max_connection_wait_time = 2.0

    def __init__(self, connection: Any, stop: Event) -> None:
        super().__init__(
            [QUEUE], connection=connection, serializer=JSONSerializer, worker_ttl=HEARTBEAT_SECONDS
        )
        self._asked_to_stop = stop

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT: end after the job in hand."""
        self._asked_to_stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. `settings` have every address filled in."""
    stop = Event()
    with suppress(StopRequested):
        _listen_for_stop(stop)
        _run(build(settings), stop)


def _listen_for_stop(stop: Event) -> None:
    # RQ listens only once its worker is registered; whoever is told to stop earlier should stop as well.
    def asked(_signum: int, _frame: FrameType | None) -> None:
        stop.set()
        raise StopRequested

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)


def _run(services: Services, stop: Event) -> None:
    duties = duties_of(services)
    jobs.use(duties)
    memory.settle()
    watcher = Watcher(services.sessions, services.keeper, services.watermarks, duties.bell)
    schedule = Schedule(rush_queue(services.queue_redis))
    work = ImportWork(services.sessions, services.keyring, services.clock)
    courier = courier_of(services)
    importer = Importer(services.sessions, services.clock, work, services.settings.data_dir)
    threads = [
        Thread(target=duty.run, args=(stop,), name=type(duty).__name__, daemon=True)
        for duty in (watcher, schedule, importer, courier)
    ]
    for thread in threads:
        thread.start()
    try:
        _work(services.settings, stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join(_FAREWELL_SECONDS)
        services.close()


def duties_of(services: Services) -> jobs.Duties:
    """What this process' jobs work with."""
    return jobs.Duties(
        sessions=services.sessions,
        keeper=services.keeper,
        drain=drain_of(services),
        sale_keeper=services.sale_keeper,
        canceller=services.canceller,
        uncollected=services.uncollected,
        share_rule=services.share_rule,
        returns=services.returns,
        waves=services.waves,
        archive=services.archive,
        witness=services.witness,
        revocations=services.revocations,
        bell=Bell(rush_queue(services.queue_redis)),
    )


def courier_of(services: Services) -> Courier:
    """A courier over the servers of `services`."""
    return Courier(
        services.sessions,
        services.keeper,
        Vault(services.keyring.vault),
        services.clock,
        private_allowed=services.settings.webhook_private_addresses,
    )


def drain_of(services: Services) -> Drain:
    """A drain over the servers of `services`."""
    return Drain(
        services.sessions,
        services.keeper,
        services.clock,
        services.watermarks,
        services.settings.drain_batch_max,
    )


def _work(settings: Settings, stop: Event) -> None:
    # RQ's worker ends by itself when Redis stays away or anything unforeseen happens; ours starts again.
    while not stop.is_set():
        _work_until_interrupted(settings, stop)
        stop.wait(_RESTART_SECONDS)


def _work_until_interrupted(settings: Settings, stop: Event) -> None:
    with queue_client(settings) as connection:
        worker: RushWorker | None = None
        try:
            worker = RushWorker(connection, stop)
            worker.work(logging_level=_LOG_LEVEL)
        except StopRequested:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended RQ's worker, the tickets wait for another
            _log.warning("worker_interrupted", error=f"{type(error).__name__}: {error}")
        finally:
            thread: Any = worker and worker.pubsub_thread
            if thread is not None:
                thread.stop()  # RQ leaves it running when Redis went away first
