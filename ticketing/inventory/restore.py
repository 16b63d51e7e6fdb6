"""Making a group anew in Redis, after Redis forgot or SQL went back.

`fence` stops every verb at once, because no caller expects its epoch. `replace` then writes the group from
what SQL and the surviving records say, and `open` lets the verbs in again under the new epoch. An
interrupted restore leaves the group fenced, so it can only be repeated, never half used.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from ticketing.errors import StoreUnavailable

from . import protocol
from .keys import DIRECTORY, group_keys
from .model import EventRules, Hold, QuotaCounts

FENCE = "restoring"
"""The epoch of a group that is being made anew; SQL never hands it out."""

_PIECE = 2_000


class Restore:
    """Fences, rewrites and opens one group."""

    def __init__(self, redis: Redis, group_id: str) -> None:
        self._redis = redis
        self._keys = group_keys(group_id)
        self._group_id = group_id

    def fence(self) -> int:
        """Refuse every verb from now on; the last position Redis knows, 0 when it knows nothing."""
        try:
            self._redis.hset(self._keys[0], "epoch", FENCE)
            position = self._redis.hget(self._keys[0], "position")
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error
        return int(position or 0)

    def replace(
        self,
        events: Sequence[EventRules],
        capacities: dict[tuple[str, int], QuotaCounts],
        sold: Iterable[Hold],
    ) -> int:
        """Write the fenced group anew: rules, stock and the confirmed holds in `sold`; returns how many those are.

        `capacities` gives capacity and withheld of each quota; held becomes 0, sold is counted here.
        """
        try:
            return self._replace(events, capacities, sold)
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error

    def open(self, epoch: str, position: int, limit: int | None) -> None:
        """Let the verbs in again under `epoch`; the log goes on above `position`."""
        try:
            self._redis.hset(
                self._keys[0], mapping={"epoch": epoch, "position": position, "limit": limit or 0}
            )
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error

    def _replace(
        self,
        events: Sequence[EventRules],
        capacities: dict[tuple[str, int], QuotaCounts],
        sold: Iterable[Hold],
    ) -> int:
        _, sale, stock, holds, ledgers, due, log, _ = self._keys
        self._redis.delete(sale, stock, holds, ledgers, due, log)
        tally, books = _Tally(), _Books()
        for piece in _pieces(sold):
            rows: dict[Any, Any] = {hold.id: protocol.encode(protocol.hold_row(hold)) for hold in piece}
            self._redis.hset(holds, mapping=rows)
            for hold in piece:
                tally.add(hold)
                books.add(hold)
        for piece_of_books in _pieces(books.rows()):
            accounts: dict[Any, Any] = dict(piece_of_books)
            self._redis.hset(ledgers, mapping=accounts)
        for rules in events:
            _, packed, _ = protocol.configure_request(rules)
            self._redis.hset(sale, rules.event_id, protocol.encode(packed))
            self._redis.hset(DIRECTORY, rules.event_id, self._group_id)
        for (event_id, quota), counts in capacities.items():
            row = (counts.capacity, counts.withheld, 0, tally.sold[event_id, quota])
            self._redis.hset(stock, f"{event_id}/{quota}", protocol.encode(row))
        return tally.orders


class _Tally:
    def __init__(self) -> None:
        self.sold: dict[tuple[str, int], int] = defaultdict(int)
        self.orders = 0

    def add(self, hold: Hold) -> None:
        self.orders += 1
        for quota in _kept_seats(hold):
            self.sold[hold.event_id, quota] += 1


class _Books:
    """The ledgers that follow from the orders."""

    def __init__(self) -> None:
        self._uses: dict[int, dict[tuple[str, int], int]] = defaultdict(lambda: defaultdict(int))
        self._ids: dict[int, list[str]] = defaultdict(list)

    def add(self, hold: Hold) -> None:
        self._ids[hold.member].append(hold.id)
        for quota in _kept_seats(hold):
            self._uses[hold.member][hold.event_id, quota] += 1

    def rows(self) -> Iterator[tuple[str, bytes]]:
        for member, ids in self._ids.items():
            uses = [(event_id, quota, 0, n) for (event_id, quota), n in self._uses[member].items()]
            yield str(member), protocol.encode((0, 0, 0, uses, ids))


def _kept_seats(hold: Hold) -> Iterator[int]:
    seats = (item.quota for item in hold.items for _ in range(item.quantity))
    return (quota for place, quota in enumerate(seats) if not hold.returned_places >> place & 1)


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, _PIECE)):
        yield piece
