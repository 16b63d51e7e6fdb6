"""A worker's sign of life: the one thing that says from outside whether anybody drains and sweeps."""

import time
from typing import Any

_KEY = "ticketing:worker:seen"


class Heartbeat:
    """Written by every worker once a second, in the queue's Redis, in ms by the machine's clock."""

    def __init__(self, queue_redis: Any) -> None:
        self._redis = queue_redis

    def beat(self) -> None:
        """Say that a worker is alive."""
        self._redis.set(_KEY, int(time.time() * 1000))

    def last(self) -> int | None:
        """When a worker was last heard of, or None when none ever was."""
        seen = self._redis.get(_KEY)
        return None if seen is None else int(seen)
