"""The sync side of the inventory: the verbs of those who keep the sale, one call at a time.

Jobs, staff acts and the desk run in threads and use this; nothing here is on the path of the rush.
The epoch comes from SQL, so a keeper that is late (a rebuild happened) is refused.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from ticketing.clock import ServerClock
from ticketing.errors import Refusal, StoreUnavailable

from . import protocol, scripts
from .client import ScriptClient
from .codes import Outcome
from .keys import DIRECTORY, group_keys, refusals_key
from .model import Decided, EventRules, GroupState, Hold, HoldRequest, Ledger, LogEntry, QuotaCounts, Use
from .protocol import Bounds, Reply
from .restore import Restore
from .watermarks import Watermarks

SCAN_COUNT = 1_000


class Keeper(ScriptClient):
    """Open, configure, resize, restock, expire, the log, and single requests of the rush's verbs."""

    def __init__(self, redis: Redis, clock: ServerClock, bounds: Bounds, watermarks: Watermarks) -> None:
        super().__init__(clock, bounds, watermarks)
        self._redis = redis

    # Keeping a sale

    def open_group(self, group_id: str, epoch: str, per_card_limit: int | None, position: int = 0) -> None:
        """Make a group known to Redis; nothing happens when it is. Raises `Refusal` under another epoch."""
        self._done(self._run("open", group_id, epoch, (per_card_limit or 0, position)))

    def configure(self, group_id: str, epoch: str, rules: EventRules) -> bool:
        """Apply an event's rules; False when this version or a later one is there. Raises `Refusal`."""
        result = self._done(self._run("configure", group_id, epoch, protocol.configure_request(rules)))
        self._call(self._redis.hset, DIRECTORY, rules.event_id, group_id)
        return bool(result[0] == Outcome.OK)

    def resize(
        self,
        group_id: str,
        epoch: str,
        act_id: str,
        event_id: str,
        quota: int,
        capacity: int | None,
        withheld: int | None,
        force: bool,
        more: int = 0,
    ) -> QuotaCounts | Refusal:
        """Set a quota's capacity, what is withheld of it, or both; None leaves one as it is. `more` come on top.

        `act_id` makes it repeatable. Returns the counts right after the act.
        """
        # False and not nil, at which a list of Lua's may end.
        wished = (False if value is None else value for value in (capacity, withheld))
        request = (act_id, event_id, quota, *wished, force, more)
        result = self._run("resize", group_id, epoch, request).results
        return protocol.refusal(result) if result[0] < 0 else protocol.counts_from(result[1])

    def acts(self, group_id: str, act_ids: Sequence[str]) -> set[str]:
        """Those of these acts on quotas that Redis has done."""
        if not act_ids:
            return set()
        done = self._call(self._redis.hmget, group_keys(group_id).acts, list(act_ids))
        return {act_id for act_id, counts in zip(act_ids, done, strict=True) if counts is not None}

    def restock(self, group_id: str, epoch: str, returns: Sequence[tuple[str, int, str]]) -> int:
        """Give back tickets of orders (order id, places as bits, where they go: see `restock.lua`).

        Each ticket counts once. Returns how many.
        """
        reply = self._run("restock", group_id, epoch, list(returns))
        return sum(self._yes(result)[1] for result in reply.results)

    def expire(self, group_id: str, epoch: str, limit: int = 256) -> int:
        """Expire at most `limit` due holds; call again while it returns `limit`."""
        return int(self._done(self._run("expire", group_id, epoch, limit))[1])

    def next_due(self, group_id: str) -> int | None:
        """When the earliest live hold expires, in ms."""
        earliest = self._call(self._redis.zrange, group_keys(group_id).due, 0, 0, withscores=True)
        return int(earliest[0][1]) if earliest else None

    def live_holds(self, group_id: str) -> int:
        """How many holds wait to be confirmed."""
        return int(self._call(self._redis.zcard, group_keys(group_id).due))

    # The log

    def read_log(self, group_id: str, after: int, count: int) -> list[LogEntry]:
        """At most `count` entries above position `after`, in order."""
        rows = self._call(self._redis.xrange, group_keys(group_id).log, min=f"({after}-0", count=count)
        return [protocol.entry_from(int(entry_id.split(b"-")[0]), fields[b"e"]) for entry_id, fields in rows]

    def trim(self, group_id: str, epoch: str, up_to: int) -> None:
        """Drop the entries that SQL has recorded. Raises `Refusal` under another epoch."""
        self._done(self._run("trim", group_id, epoch, up_to))

    def last_position(self, group_id: str) -> int | None:
        """The last position written, or None when Redis does not know the group."""
        position = self._call(self._redis.hget, group_keys(group_id).meta, "position")
        return None if position is None else int(position)

    # Recovery

    def suspend(self, group_id: str, reason: str) -> bool:
        """Stop every verb until a rebuild, in every process; False when the group was stopped before."""
        return bool(self._call(self._redis.hsetnx, group_keys(group_id).meta, "fence", reason))

    def restore(self, group_id: str, token: str) -> Restore:
        """What makes a group anew; `token` is its next epoch."""
        return Restore(self._redis, group_id, token, self._bounds)

    def archive(self, group_id: str, epoch: str, position: int) -> bool:
        """Let go of a group that SQL has recorded up to `position`; False when more is there, or a live hold."""
        return bool(self._done(self._run("archive", group_id, epoch, position))[1])

    def forget_refusals(self, group_id: str) -> None:
        """Let go of a group's counts of refusals."""
        self._call(self._redis.unlink, refusals_key(group_id))

    def forget_events(self, event_ids: Sequence[str]) -> None:
        """Take events out of the directory."""
        if event_ids:
            self._call(self._redis.hdel, DIRECTORY, *event_ids)

    # Single requests of the rush's verbs

    def hold(self, group_id: str, request: HoldRequest) -> Decided | Refusal:
        """As `rush.Inventory.hold`."""
        reply = self._ask("hold", group_id, [protocol.hold_wish(request)])
        return protocol.decided(request.id, reply.results[0])

    def confirm(
        self, group_id: str, hold_id: str, member: int, method: str, number: str
    ) -> Decided | Refusal:
        """As `rush.Inventory.confirm`."""
        reply = self._ask("confirm", group_id, [(hold_id, member, method, number)])
        return protocol.decided(hold_id, reply.results[0])

    def release(self, group_id: str, hold_id: str, member: int) -> Refusal | None:
        """As `rush.Inventory.release`."""
        result = self._ask("release", group_id, [(hold_id, member)]).results[0]
        return protocol.refusal(result) if result[0] < 0 else None

    def look_up(self, group_id: str, hold_id: str) -> Hold | None:
        """As `rush.Inventory.look_up`."""
        reply = self._ask("read_holds", group_id, [hold_id])
        return protocol.looked_up(hold_id, reply.results[0], reply.now)

    def ledger(self, group_id: str, member: int) -> Ledger:
        """As `rush.Inventory.ledger`."""
        reply = self._ask("read_ledgers", group_id, [member])
        return protocol.ledger_from(reply.results[0], reply.now)

    def ledgers(self, group_ids: Collection[str], member: int) -> dict[str, tuple[int, Ledger]]:
        """A member's ledger in each of these groups, and the log's position as it was read, all in one trip."""
        replies = self._ask_each("read_ledgers", {group_id: [member] for group_id in group_ids})
        return {
            group_id: (reply.position, protocol.ledger_from(reply.results[0], reply.now))
            for group_id, reply in replies.items()
        }

    def state(self, group_id: str) -> GroupState | None:
        """As `rush.Inventory.state`."""
        return protocol.group_from(self._ask("read_group", group_id, 0))

    # Reading everything

    def directory(self) -> dict[str, str]:
        """The group of every event that was ever opened."""
        return {
            event.decode(): group.decode()
            for event, group in self._call(self._redis.hgetall, DIRECTORY).items()
        }

    def refusals(self, group_id: str) -> dict[tuple[str, str], int]:
        """Refusals so far by event and code, at most a second old."""
        rows = self._call(self._redis.hgetall, refusals_key(group_id))
        return {_event_and_code(field): int(count) for field, count in rows.items()}

    def all_holds(self, group_id: str) -> Iterator[Hold]:
        """Every hold of a group as stored, in pieces: one past its time is held until it is swept.

        One that changes meanwhile may show either state, or twice.
        """
        for field, packed in self._scan(group_keys(group_id).holds):
            yield protocol.hold_from(field.decode(), protocol.unpack(packed))

    def all_uses(self, group_id: str) -> Iterator[tuple[int, tuple[Use, ...]]]:
        """Every member's uses in a group, in pieces."""
        for field, packed in self._scan(group_keys(group_id).ledgers):
            yield int(field), tuple(Use(*use) for use in protocol.unpack(packed)[3])

    def all_due(self, group_id: str) -> Iterator[str]:
        """Every hold that is waited for to expire, in pieces."""
        for hold_id, _ in self._call(self._redis.zscan_iter, group_keys(group_id).due, count=SCAN_COUNT):
            yield hold_id.decode()

    # The server

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless Redis answers."""
        self._call(self._redis.ping)

    def now_ms(self) -> int:
        """Redis' time in ms; also sets this process's clock."""
        seconds, microseconds = self._call(self._redis.time)
        now = int(seconds) * 1000 + int(microseconds) // 1000
        self._clock.observe(now)
        return now

    # How a script is run

    def _ask(self, verb: str, group_id: str, request: Any) -> Reply:
        return self._run(verb, group_id, self._epoch(group_id), request)

    def _ask_each(self, verb: str, requests: Mapping[str, Any]) -> dict[str, Reply]:
        """A verb that only reads, asked of several groups at once: whoever waits for it waits for one trip."""
        epochs = {group_id: self._epoch(group_id) for group_id in requests}
        digest = scripts.load(verb).digest
        pipeline: Any = self._redis.pipeline(transaction=False)
        for group_id, request in requests.items():
            arguments = self._arguments(group_id, epochs[group_id], request)
            pipeline.execute_command("EVALSHA", digest, *arguments)
        answers = self._call(pipeline.execute, raise_on_error=False)
        if any(isinstance(answer, Exception) for answer in answers):  # a server that does not know the script
            return {group_id: self._ask(verb, group_id, request) for group_id, request in requests.items()}
        groups = zip(requests, answers, strict=True)
        return {group_id: self._learn(group_id, epochs[group_id], raw) for group_id, raw in groups}

    def _run(self, verb: str, group_id: str, epoch: str, request: Any) -> Reply:
        script, arguments = scripts.load(verb), self._arguments(group_id, epoch, request)
        run = self._run_with_replicas if self._waits(verb) else self._redis.execute_command
        return self._learn(group_id, epoch, self._call(self._evaluate, run, script, arguments))

    def _run_with_replicas(self, *command: Any) -> Any:
        wanted = self._bounds.replica_acks
        pipeline: Any = self._redis.pipeline(transaction=False)  # WAIT speaks for its own connection only
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", wanted, protocol.REPLICA_WAIT_MS)
        raw, acks = pipeline.execute(raise_on_error=False)
        return protocol.replicated(raw, acks, wanted)

    def _evaluate(self, run: Any, script: scripts.Script, arguments: tuple[Any, ...]) -> bytes:
        try:
            raw: bytes = run("EVALSHA", script.digest, *arguments)
        except NoScriptError:
            raw = run("EVAL", script.source, *arguments)
        return raw

    def _epoch(self, group_id: str) -> str:
        known = self._watermarks.epoch(group_id)
        if known is not None:
            return known
        return self._adopt(group_id, self._call(self._redis.hget, group_keys(group_id).meta, "epoch"))

    def _scan(self, key: str) -> Iterator[tuple[bytes, bytes]]:
        cursor = 0
        while True:
            cursor, rows = self._call(self._redis.hscan, key, cursor, count=SCAN_COUNT)
            yield from rows.items()
            if cursor == 0:
                return

    def _done(self, reply: Reply) -> Sequence[Any]:
        return self._yes(reply.results)

    def _yes(self, result: Sequence[Any]) -> Sequence[Any]:
        if result[0] < 0:
            raise protocol.refusal(result)
        return result

    def _call(self, command: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error


def _event_and_code(field: bytes) -> tuple[str, str]:
    event_id, _, code = field.decode().partition(":")
    return event_id, code
