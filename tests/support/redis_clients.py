"""Clients of a test's own server, made as `bootstrap` makes them."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ticketing.clock import ServerClock
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.watermarks import Watermarks

BOUNDS = Bounds(backlog_max=100_000, live_holds_max=5, abandoned_max=5, pause_ms=60_000)


@contextmanager
def make_keeper(url: str) -> Iterator[Keeper]:
    """A keeper over the server at `url`, for as long as the block lasts."""
    with Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=5.0) as client:
        yield Keeper(client, ServerClock(), BOUNDS, Watermarks())
