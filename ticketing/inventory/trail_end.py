"""Where Redis keeps the end of the audit trail, so that rows cut from SQL's table are missed."""

from redis import Redis
from redis.exceptions import RedisError

from ticketing.errors import StoreUnavailable

from .keys import TRAIL_END


class TrailEnd:
    """One text, kept for `services.witness`. Raises `StoreUnavailable` without Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def read(self) -> str | None:
        """What was written last."""
        try:
            text = self._redis.get(TRAIL_END)
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error
        return text.decode(errors="replace") if isinstance(text, bytes) else text

    def write(self, text: str) -> None:
        """Keep this instead."""
        try:
            self._redis.set(TRAIL_END, text)
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error
