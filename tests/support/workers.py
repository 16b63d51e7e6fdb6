"""Real `ticketing worker` processes for tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.support.processes import wait_for
from ticketing.settings import Settings

START_SECONDS = 60  # a process on a busy machine
Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts `ticketing worker` and waits for it; whatever still runs at the end is killed."""
    assert settings.secret_key is not None
    environment = {
        **os.environ,
        "TICKETING_DATA_DIR": str(settings.data_dir),
        "TICKETING_REDIS_URL": str(settings.redis_url),
        "TICKETING_QUEUE_REDIS_URL": str(settings.queue_redis_url),
        "TICKETING_DATABASE_URL": str(settings.database_url),
        "TICKETING_SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    registry = redis.Redis.from_url(str(settings.redis_url))
    running: list[subprocess.Popen[bytes]] = []

    def run() -> "subprocess.Popen[bytes]":
        worker = subprocess.Popen([sys.executable, "-m", "ticketing", "worker"], env=environment)
        running.append(worker)
        assert wait_for(lambda: registry.scard("rq:workers") == len(running), START_SECONDS)
        return worker

    yield run
    for worker in running:
        worker.kill()
        worker.wait()
    registry.close()
