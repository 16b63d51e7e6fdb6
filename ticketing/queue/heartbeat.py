"""When a worker was last heard of, for whoever looks from outside."""

from typing import Any

from rq import Worker
from rq.serializers import JSONSerializer


def last_heartbeat_ms(connection: Any) -> int | None:
    """The latest sign of life of any worker, in ms since the Unix epoch by its machine's clock; None: no worker."""
    workers = Worker.all(connection=connection, serializer=JSONSerializer)
    beats = [worker.last_heartbeat for worker in workers if worker.last_heartbeat]
    return int(max(beats).timestamp() * 1000) if beats else None
