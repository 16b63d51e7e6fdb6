"""Making a group anew in Redis, after Redis forgot or SQL went back.

`fence` stops every verb at once, whatever epoch its caller expects. The group is then written beside the
old one, which stays whole, and `open` puts it in place in one script, if nobody else has fenced the group
since. So an interrupted restore leaves a group that sells nothing and has lost nothing, and of two at once
only the later one ends.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis
from redis.exceptions import RedisError

from ticketing.errors import StoreUnavailable

from . import protocol, scripts
from .codes import Outcome
from .keys import DIRECTORY, group_keys, new_keys
from .model import EventRules, Hold, HoldStatus, LogEntry, QuotaCounts
from .protocol import Bounds

NEW_KEYS_LIVE_SECONDS = 3_600
"""How long the work of an interrupted restore stays in Redis."""

_PIECE = 2_000
_SCAN_COUNT = 1_000


class Remains(Struct, frozen=True):
    """What Redis still knows of a fenced group; `position` is 0 and `stock` empty when it knows nothing."""

    position: int
    stock: dict[tuple[str, int], QuotaCounts]


class Restore:
    """Fences one group, writes it anew and opens it. `token` names this restore and becomes the epoch."""

    def __init__(self, redis: Redis, group_id: str, token: str, bounds: Bounds) -> None:
        self._redis = redis
        self._bounds = bounds
        self.group_id = group_id
        self.token = token
        self._keys = group_keys(group_id)
        self._new = new_keys(group_id, token)
        self._sold: dict[tuple[str, int], int] = defaultdict(int)
        self._books = _Books()
        self._sizes = [0, 0, 0, 0]

    def fence(self) -> Remains:
        """Refuse every verb from now on; what Redis still knows."""
        meta, _, stock, *_ = self._keys
        with _answering():
            earlier: Any = self._redis.hget(meta, "fence")
            self._redis.hset(meta, "fence", self.token)
            if earlier is not None:  # its work is in nobody's way but takes room
                self._redis.unlink(*new_keys(self.group_id, earlier.decode()))
            position: Any = self._redis.hget(meta, "position")
            rows: Any = self._redis.hgetall(stock)
        counts = {_quota(field): protocol.counts_from(protocol.unpack(row)) for field, row in rows.items()}
        return Remains(int(position or 0), counts)

    def is_known(self) -> bool:
        """Whether Redis knows the group under any epoch."""
        with _answering():
            return bool(self._redis.hexists(self._keys.meta, "epoch"))

    def is_mine(self) -> bool:
        """Whether nobody has fenced the group since, and Redis has not forgotten it again."""
        with _answering():
            fence: Any = self._redis.hget(self._keys.meta, "fence")
        return bool(fence == self.token.encode())

    def log(self) -> Iterator[LogEntry]:
        """Every entry that the log still holds, in order."""
        after = 0
        while True:
            with _answering():
                rows: Any = self._redis.xrange(self._keys.log, min=f"({after}-0", count=_PIECE)
            for entry_id, fields in rows:
                after = int(entry_id.split(b"-")[0])
                yield protocol.entry_from(after, fields[b"e"])
            if len(rows) < _PIECE:
                return

    def holds(self) -> Iterator[tuple[str, Hold | None]]:
        """Every hold Redis still has, by id, in no order; None for one whose bytes cannot be read."""
        with _answering():
            for field, packed in self._redis.hscan_iter(self._keys.holds, count=_SCAN_COUNT):
                yield field.decode(errors="replace"), _hold_or_none(field, packed)

    def add(self, holds: Iterable[Hold]) -> int:
        """Write holds into the new group: what a confirmed one has sold counts; returns how many were written.

        A hold must not be added twice.
        """
        written = 0
        for piece in _pieces(holds):
            self._write(2, {hold.id: protocol.hold_row(hold) for hold in piece})
            written += len(piece)
            for hold in piece:
                if hold.status is HoldStatus.CONFIRMED:
                    self._count(hold)
        return written

    def complete(self, events: Sequence[EventRules], capacities: dict[tuple[str, int], QuotaCounts]) -> None:
        """Write ledgers, rules and stock; `capacities` gives capacity and withheld, held becomes 0."""
        for piece in _pieces(self._books.rows()):
            self._write(3, dict(piece))
        for rules in events:
            self._write(0, {rules.event_id: protocol.configure_request(rules)[1]})
            with _answering():
                self._redis.hset(DIRECTORY, rules.event_id, self.group_id)
        for (event_id, quota), counts in capacities.items():
            row = (counts.capacity, counts.withheld, 0, self._sold[event_id, quota])
            self._write(1, {f"{event_id}/{quota}": row})

    def open(self, position: int, limit: int | None, void: Iterable[Hold]) -> bool:
        """Let the verbs in again under the new epoch; the log goes on above `position`.

        `void` are live holds of the desk as they were: what they took of its share goes back into it.
        False, and nothing changes, when another restore has begun since.
        """
        script, keys = scripts.load("restore"), [*self._keys, *self._new]
        items = [(hold.id, item.quota, item.quantity) for hold in void for item in hold.items]
        request = protocol.encode((self.token, position, limit or 0, self._sizes, items))
        envelope = protocol.envelope(self.token, 0, self._bounds)
        with _answering():
            raw: Any = self._redis.eval(script.source, len(keys), *keys, envelope, request)
        return bool(protocol.decode(raw).results[0] == Outcome.OK)

    def _count(self, hold: Hold) -> None:
        self._books.add(hold)
        for quota, count in _kept_seats(hold):
            self._sold[hold.event_id, quota] += count

    def _write(self, key: int, rows: dict[str, Any]) -> None:
        mapping: dict[Any, Any] = {field: protocol.encode(row) for field, row in rows.items()}
        with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hset(self._new[key], mapping=mapping)
            pipeline.expire(self._new[key], NEW_KEYS_LIVE_SECONDS)
            pipeline.execute()
        self._sizes[key] += len(rows)


class _Books:
    """The ledgers that follow from the orders."""

    def __init__(self) -> None:
        self._uses: dict[int, dict[tuple[str, int], int]] = defaultdict(lambda: defaultdict(int))
        self._ids: dict[int, list[str]] = defaultdict(list)

    def add(self, hold: Hold) -> None:
        self._ids[hold.member].append(hold.id)
        for quota, count in _kept_seats(hold):
            self._uses[hold.member][hold.event_id, quota] += count

    def rows(self) -> Iterator[tuple[str, Any]]:
        for member, ids in self._ids.items():
            uses = [(event_id, quota, 0, n) for (event_id, quota), n in self._uses[member].items()]
            yield str(member), (0, 0, 0, uses, ids)


def _kept_seats(hold: Hold) -> Iterator[tuple[int, int]]:
    """How many tickets of each item were not returned."""
    places = hold.returned_places
    for item in hold.items:
        returned = places & ((1 << item.quantity) - 1)
        places >>= item.quantity
        if kept := item.quantity - returned.bit_count():
            yield item.quota, kept


def _hold_or_none(field: bytes, packed: bytes) -> Hold | None:
    try:
        return protocol.hold_from(field.decode(), protocol.unpack(packed))
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError):
        return None


def _quota(field: bytes) -> tuple[str, int]:
    event_id, _, number = field.decode().rpartition("/")
    return event_id, int(number)


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, _PIECE)):
        yield piece


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise StoreUnavailable("Redis did not answer") from error
