"""Guessing made slow: attempts limited per card or account, failures limited per client address.

Whoever guesses meets the limit of the card after a few attempts, in whichever process; an office behind one
address meets its own only by failing often. Every limit ends by itself.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.strategies import RateLimiter

from ticketing.errors import Code, Refusal, StoreUnavailable


class Attempts:
    """The limits of one kind of login. Raises `StoreUnavailable` when the counters do not answer."""

    def __init__(self, limiter: RateLimiter, per_target: str, per_address: str) -> None:
        """The limits are texts such as `5 per 5 minutes`."""
        self._limiter = limiter
        errors = limiter.storage.base_exceptions
        self._storage_errors: tuple[type[Exception], ...] = (
            StorageError,
            *(errors if isinstance(errors, tuple) else (errors,)),
        )
        self._per_target = parse(per_target)
        self._per_address = parse(per_address)

    def begin(self, target: str, address: str | None = None) -> None:
        """Count an attempt on `target` before it is judged, so that a hundred at once are no way around.

        Raises `Refusal` RATE_LIMITED with `retry_after_ms`, alike for a target that exists and one that does
        not. `address` has failed too often already, or `target` was tried too often.
        """
        if address is not None:
            self.require_unhurried(address)
        with self._answering():
            if not self._limiter.hit(self._per_target, "target", target):
                raise self._refusal(self._per_target, "target", target)

    def require_unhurried(self, address: str) -> None:
        """Raise `Refusal` RATE_LIMITED for an `address` that has failed too often already; counts nothing."""
        with self._answering():
            if not self._limiter.test(self._per_address, "address", address):
                raise self._refusal(self._per_address, "address", address)

    def failed(self, address: str) -> None:
        """Count a failure against `address`."""
        with self._answering():
            self._limiter.hit(self._per_address, "address", address)

    def succeeded(self, target: str) -> None:
        """Forget the attempts on `target`: only failures count."""
        with self._answering():
            self._limiter.clear(self._per_target, "target", target)

    def _refusal(self, item: RateLimitItem, *identifiers: str) -> Refusal:
        reset_at = self._limiter.get_window_stats(item, *identifiers).reset_time
        wait_ms = math.ceil((reset_at - time.time()) * 1000)
        return Refusal(Code.RATE_LIMITED, retry_after_ms=max(1, wait_ms))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except self._storage_errors as error:
            raise StoreUnavailable("the counters of login attempts do not answer") from error
