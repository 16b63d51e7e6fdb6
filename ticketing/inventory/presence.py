"""Who watches an event's numbers, over all API processes: no part of a sale, and gone seconds after they left."""

from collections.abc import Collection

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketing.errors import StoreUnavailable

from .keys import watching_key

GONE_MS = 5_000
"""After so long without a word of them they are not there any more."""


class Presence:
    """Says and asks who is there. Raises `StoreUnavailable` without Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def note(self, event_id: str, names: Collection[str], now_ms: int) -> list[str]:
        """Say that these watch an event now; everybody who does, sorted."""
        key = watching_key(event_id)
        pipeline = self._redis.pipeline(transaction=False)
        if names:
            pipeline.zadd(key, dict.fromkeys(names, now_ms))
        pipeline.zremrangebyscore(key, 0, now_ms - GONE_MS)
        pipeline.pexpire(key, 2 * GONE_MS)
        pipeline.zrange(key, 0, -1)
        try:
            found: list[bytes] = (await pipeline.execute())[-1]
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error
        return sorted(name.decode() for name in found)
