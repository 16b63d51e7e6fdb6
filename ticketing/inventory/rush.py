"""The async side of the inventory: the verbs of the rush.

A refusal is returned, not raised. `StoreUnavailable` means that Redis did not answer and nobody
knows whether the act happened: every verb may be repeated with the same id.
"""

from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from ticketing.clock import ServerClock
from ticketing.errors import Refusal, StoreUnavailable
from ticketing.promise import Promise

from . import protocol, scripts
from .client import ScriptClient
from .coalescer import Coalescer, Read
from .keys import DIRECTORY, group_keys, refusals_key
from .model import Decided, GroupState, Hold, HoldRequest, Ledger
from .protocol import Bounds, Reply
from .watermarks import Watermarks
from .wire import Wire

_JUDGED_BY_THE_TIME = ("read_holds", "read_ledgers")
_READ: dict[str, Read] = {
    "hold": lambda wish, result: protocol.decided(wish[0], result),
    "confirm": lambda wish, result: protocol.decided(wish[0], result),
    "release": lambda _, result: protocol.refusal(result) if result[0] < 0 else None,
    "read_holds": lambda hold_id, result: protocol.looked_up(hold_id, *result),
    "read_ledgers": lambda _, result: protocol.ledger_from(*result),
}
_MARKED = ("highest", "epoch", "position", "limit", "fence")


class Mark(NamedTuple):
    """What a group was last changed at, in ms by Redis' clock, and what differs once it has changed again later."""

    changed_at: int
    fields: tuple[Any, ...]


class Inventory(ScriptClient):
    """Hold, confirm, release and read, with concurrent requests sharing script calls."""

    def __init__(self, redis: Redis, clock: ServerClock, bounds: Bounds, watermarks: Watermarks) -> None:
        super().__init__(clock, bounds, watermarks)
        self._redis = redis
        self._wire = Wire(redis.connection_pool)
        self._coalescers: dict[tuple[str, str], Coalescer] = {}

    async def aclose(self) -> None:
        """Give the connection of the scripts back."""
        await self._wire.aclose()

    def hold(self, group_id: str, request: HoldRequest) -> Promise[Decided | Refusal]:
        """Take tickets for a member. A known id answers with its stored hold, `replayed`."""
        return self._ask("hold", group_id, protocol.hold_wish(request))

    def confirm(
        self, group_id: str, hold_id: str, member: int, method: str, number: str
    ) -> Promise[Decided | Refusal]:
        """Sell what is held; `number` is the order's. A confirmed hold answers as it was, `replayed`."""
        return self._ask("confirm", group_id, (hold_id, member, method, number))

    def release(self, group_id: str, hold_id: str, member: int) -> Promise[Refusal | None]:
        """Let a hold go; None also when it was gone already."""
        return self._ask("release", group_id, (hold_id, member))

    async def look_up(self, group_id: str, hold_id: str) -> Hold | None:
        """A hold as it is now, or None when Redis does not know it.

        Raises `Refusal` RECOVERING where Redis has forgotten more than that.
        """
        hold: Hold | None = await self._ask("read_holds", group_id, hold_id)
        return hold

    def ledger(self, group_id: str, member: int) -> Promise[Ledger]:
        """What a member has in a group."""
        return self._ask("read_ledgers", group_id, member)

    async def state(self, group_id: str) -> GroupState | None:
        """A group's rules and counts, or None when Redis does not know the group."""
        return protocol.group_from(await self._run("read_group", group_id, 0))

    async def marks(self, group_ids: Sequence[str]) -> list[Mark]:
        """What changes whenever a group does, for each: far cheaper than its state, and read in one round trip.

        Every script that writes moves the position or the highest time, a fence is a field of its own, and a trim
        shortens the log. What this process expects of the group is part of its mark, since a state is judged by it.
        """
        keys = [group_keys(group_id) for group_id in group_ids]
        questions = [q for k in keys for q in (("HMGET", k.meta, *_MARKED), ("XLEN", k.log))]
        answers = await self._answer(self._wire.run_all(questions))
        expected = [self._watermarks.expected(group_id) for group_id in group_ids]
        return [
            Mark(int(meta[0] or 0), (tuple(meta), length, known))
            for meta, length, known in zip(answers[::2], answers[1::2], expected, strict=True)
        ]

    async def directory(self) -> dict[str, str]:
        """The group of every event that was ever opened."""
        rows = await self._answer(self._redis.hgetall(DIRECTORY))
        return {event.decode(): group.decode() for event, group in rows.items()}

    async def group_of(self, event_id: str) -> str | None:
        """The group of an event, or None when it was never opened."""
        group: bytes | None = await self._answer(self._redis.hget(DIRECTORY, event_id))
        return None if group is None else group.decode()

    async def count_refusals(self, group_id: str, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to the refusals by event and code; called once a second with what a process has counted."""
        pipeline = self._redis.pipeline(transaction=False)
        for (event_id, code), count in counts.items():
            pipeline.hincrby(refusals_key(group_id), f"{event_id}:{code}", count)
        await self._answer(pipeline.execute())

    def _ask(self, verb: str, group_id: str, request: Any) -> Promise[Any]:
        coalescer = self._coalescers.get((verb, group_id))
        if coalescer is None:
            run = partial(self._run_batch, verb, group_id)
            coalescer = self._coalescers[verb, group_id] = Coalescer(run, _READ[verb])
        return coalescer.ask(request)

    def _run_batch(self, verb: str, group_id: str, requests: list[Any]) -> Awaitable[list[Any]]:
        """Send requests of one verb, at once when nothing must be found out before; their results in order."""
        epoch = self._watermarks.epoch(group_id)
        if epoch is None or self._waits(verb) or not self._wire.is_open:
            return self._results(verb, self._evaluate(verb, group_id, requests))
        arguments = self._arguments(group_id, epoch, requests)
        sent = self._wire.send("EVALSHA", scripts.load(verb).digest, *arguments)
        return self._results(verb, self._answered(verb, group_id, epoch, arguments, sent))

    async def _results(self, verb: str, coming: Awaitable[Reply]) -> list[Any]:
        reply = await coming
        if verb in _JUDGED_BY_THE_TIME:
            return [(row, reply.now) for row in reply.results]
        return reply.results

    async def _run(self, verb: str, group_id: str, request: Any) -> Reply:
        reply: Reply = await self._answer(self._evaluate(verb, group_id, request))
        return reply

    async def _evaluate(self, verb: str, group_id: str, request: Any) -> Reply:
        epoch = await self._epoch(group_id)
        arguments = self._arguments(group_id, epoch, request)
        run: Any = self._run_with_replicas if self._waits(verb) else self._wire.run
        sent = run("EVALSHA", scripts.load(verb).digest, *arguments)
        return await self._answered(verb, group_id, epoch, arguments, sent)

    async def _answered(
        self, verb: str, group_id: str, epoch: str, arguments: tuple[Any, ...], sent: Awaitable[Any]
    ) -> Reply:
        try:
            raw = await sent
        except NoScriptError:
            run: Any = self._run_with_replicas if self._waits(verb) else self._wire.run
            raw = await run("EVAL", scripts.load(verb).source, *arguments)
        return self._learn(group_id, epoch, raw)

    async def _run_with_replicas(self, *command: Any) -> Any:
        wanted = self._bounds.replica_acks
        pipeline: Any = self._redis.pipeline(transaction=False)  # WAIT speaks for its own connection only
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", wanted, protocol.REPLICA_WAIT_MS)
        raw, acks = await pipeline.execute(raise_on_error=False)
        return protocol.replicated(raw, acks, wanted)

    async def _epoch(self, group_id: str) -> str:
        known = self._watermarks.epoch(group_id)
        if known is not None:
            return known
        epoch: Any = await self._redis.hget(group_keys(group_id).meta, "epoch")
        return self._adopt(group_id, epoch)

    async def _answer(self, awaitable: Any) -> Any:
        try:
            return await awaitable
        except RedisError as error:
            raise StoreUnavailable("Redis did not answer") from error
