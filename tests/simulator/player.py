"""Plays a schedule to the reference, and writes down what the server will be asked and must answer.

Nothing waits for the server: what a step asks depends on what the reference answered before. So a whole
schedule, and many at once, go to the server in one piece.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

import hiredis
from msgspec.structs import replace as changed

from tests.simulator import steps
from tests.simulator.look import look, row_of, sale_of
from tests.simulator.processes import Process, Sql
from tests.simulator.recorder import IGNORED, recorder
from tests.support.reference import Made, Reference
from tests.support.reference_books import Call
from ticketing.inventory import protocol, scripts
from ticketing.inventory.codes import Outcome
from ticketing.inventory.keys import group_keys, new_keys
from ticketing.inventory.model import GroupState, Hold, HoldStatus, QuotaCounts
from ticketing.inventory.protocol import Bounds, Reply
from ticketing.inventory.restore import Restore

Tally = Counter[tuple[str, Outcome]]
"""How often each verb had each outcome."""


class Exchange(NamedTuple):
    """One command of a step, and what must come back; `what` says what was asked, for people."""

    step: int
    what: str
    command: bytes
    expected: Any
    understand: Callable[[Any], Any]


class Rebuild(NamedTuple):
    """A rebuild under way: the code that makes it, and what it made; None before, and once that is lost."""

    restore: Restore
    bounds: Bounds
    made: Made | None = None
    void: tuple[Hold, ...] = ()
    """The desk's holds that do not outlive it."""


class Player:
    """One schedule on one group of its own."""

    def __init__(self, group: str, bounds: Bounds, look_every: int) -> None:
        self.group = group
        self.look_every = look_every
        self.keys = group_keys(group)
        self.reference = Reference()
        self.exchanges: list[Exchange] = []
        self.tally: Tally = Counter()
        self.sql = Sql()
        self.processes: dict[int, Process] = {}
        self._limits = (
            bounds.backlog_max,
            bounds.live_holds_max,
            bounds.abandoned_max,
            bounds.pause_ms,
            bounds.replica_acks,
        )
        self._copy = Reference()
        self._rebuilds: dict[str, Rebuild] = {}
        self._step = 0
        self._recorder = recorder()

    def play(self, schedule: Iterable[steps.Step]) -> list[Exchange]:
        """Everything the server is asked, in order; at the end the group is taken away."""
        for number, step in enumerate(schedule):
            self._step = number
            _ACTS[type(step)](self, step)
            if (number + 1) % self.look_every == 0:
                self.look()
        self.look()
        self._send("clean up", "UNLINK", *self.keys, *self._copies(), *self._new_keys())
        return self.exchanges

    def standing(self) -> Collection[Hold]:
        """The holds that are live or sold now."""
        return self.reference.standing.values()

    def look(self) -> None:
        """Compare every key."""
        for key in look(self.reference, self.keys):
            what = f"{key.command[0]} {str(key.command[1]).rpartition(':')[2]}"
            self.exchanges.append(
                Exchange(self._step, what, hiredis.pack_command(key.command), key.expected, key.understand)
            )

    # The scripts

    def hold(self, step: steps.Hold) -> None:
        wishes = [protocol.hold_wish(wish) for wish in step.wishes]
        self._run(step, "hold", wishes, lambda call: self.reference.hold(call, step.wishes))

    def confirm(self, step: steps.Confirm) -> None:
        wishes = [(hold_id, member, method, f"N-{hold_id}") for hold_id, member, method in step.wishes]
        self._run(step, "confirm", wishes, lambda call: self.reference.confirm(call, wishes))

    def release(self, step: steps.Release) -> None:
        self._run(step, "release", step.wishes, lambda call: self.reference.release(call, step.wishes))

    def expire(self, step: steps.Expire) -> None:
        self._run(step, "expire", step.limit, lambda call: self.reference.expire(call, step.limit))

    def open(self, step: steps.Open) -> None:
        limit = step.limit or 0
        if not self.sql.epoch:
            self.sql.epoch, self.sql.limit = step.epoch, limit
        self._process(step.by).told(self.group, step.epoch, 0)
        cursor = self.sql.cursor
        self._run(step, "open", (limit, cursor), lambda call: self.reference.open(call, limit, cursor))

    def configure(self, step: steps.Configure) -> None:
        self.sql.wish(step.rules)
        request = protocol.configure_request(step.rules)
        self._run(step, "configure", request, lambda call: self.reference.configure(call, step.rules))

    def resize(self, step: steps.Resize) -> None:
        wished = [False if value is None else value for value in (step.capacity, step.withheld)]
        request = (step.act, step.event, step.quota, *wished, step.force, step.more)
        facts = (step.act, step.event, step.quota, step.capacity, step.withheld, step.force, step.more)
        self._run(step, "resize", request, lambda call: self.reference.resize(call, *facts))

    def restock(self, step: steps.Restock) -> None:
        self._run(step, "restock", step.returns, lambda call: self.reference.restock(call, step.returns))

    def drain(self, step: steps.Drain) -> None:
        self.learn(step)
        if self._trim(step) == Outcome.OK:  # the first trim proves that Redis is as SQL knows it
            self.sql.record(self.reference, step.entries)
            self._trim(step)

    def _trim(self, step: steps.Drain) -> Any:
        up_to = self.sql.cursor
        return self._run(step, "trim", up_to, lambda call: self.reference.trim(call, up_to))[0]

    def archive(self, step: steps.Archive) -> None:
        position = self.sql.cursor + step.beside
        self._run(step, "archive", position, lambda call: self.reference.archive(call, position))

    def read_holds(self, step: steps.ReadHolds) -> None:
        self._run(step, "read_holds", step.ids, lambda call: self.reference.read_holds(call, step.ids))

    def read_ledgers(self, step: steps.ReadLedgers) -> None:
        members = step.members
        self._run(
            step, "read_ledgers", members, lambda call: self.reference.read_ledgers(call, members), _ledgers
        )

    def read_group(self, step: steps.ReadGroup) -> None:
        process, call = self._caller(step)
        expected = _plain(self.reference.read_group(call))
        self._script("read_group", process, call, 0, expected, _group)
        process.heard(self.group, call, self.reference.position)

    # What befalls

    def wipe(self, step: steps.Wipe) -> None:
        self.reference.wipe()
        self._lose_all()

    def copy(self, step: steps.Copy) -> None:
        self._copy = self.reference.copy()
        self._send("copy", "UNLINK", *self._copies())
        for key, copy in zip(self.keys, self._copies(), strict=True):
            self._send("copy", "COPY", key, copy)

    def go_back(self, step: steps.GoBack) -> None:
        self.reference = self._copy.copy()
        self._lose_all()
        for key, copy in zip(self.keys, self._copies(), strict=True):
            self._send("go back", "COPY", copy, key)

    def restart(self, step: steps.Restart) -> None:
        self.processes.pop(step.by, None)

    def learn(self, step: steps.Step) -> None:
        if self.sql.epoch:
            self._process(step.by).told(self.group, self.sql.epoch, self.sql.cursor)

    def suspend(self, step: steps.Suspend) -> None:
        self.reference.fence = self.reference.fence or "gap"
        self._send("suspend", "HSETNX", self.keys.meta, "fence", "gap")

    def stray(self, step: steps.Stray) -> None:
        self.reference.strays[step.id] = step.at
        self._send("stray", "ZADD", self.keys.due, step.at, step.id)

    # A rebuild

    def fence(self, step: steps.Fence) -> None:
        bounds, earlier = self._bounds(step), self.reference.fence
        restore = Restore(self._recorder, self.group, step.token, bounds)
        position = None if self.reference.epoch is None else str(self.reference.position).encode()
        self._recorder.knows(fence=None if earlier is None else earlier.encode(), position=position)
        restore.fence()
        if earlier is not None:
            self._lose(earlier)
        self.reference.fence = step.token
        self._rebuilds[step.token] = Rebuild(restore, bounds)
        self._send_recorded("fence")

    def make(self, step: steps.Make) -> None:
        if step.token not in self._rebuilds or any(self._rebuilds[step.token].restore._sizes):
            return  # there is none, or it has made what it makes
        restore, bounds, *_ = self._rebuilds[step.token]
        made = self.sql.rebuilt(self.reference)
        restore.add(made.holds.values())
        sizes = {quota: QuotaCounts(*size, 0, 0) for quota, size in made.sizes.items()}
        restore.complete(list(made.rules.values()), sizes)
        live = [hold for hold in self.standing() if made.holds[hold.id].status is HoldStatus.EXPIRED]
        void = tuple(hold for hold in live if hold.channel == "desk")
        self._rebuilds[step.token] = Rebuild(restore, bounds, made, void)
        self._send_recorded("make")

    def lose(self, step: steps.Lose) -> None:
        self._lose(step.token)
        self._send("lose", "UNLINK", *new_keys(self.group, step.token))

    def reopen(self, step: steps.Reopen) -> None:
        if step.token not in self._rebuilds or not any(self._rebuilds[step.token].restore._sizes):
            return  # there is none, or it has made nothing yet
        restore, bounds, made, void = self._rebuilds[step.token]
        position = max(self.sql.cursor, self.reference.position)
        void = void if position == self.reference.position else ()
        if self.reference.fence == step.token:
            self.sql.epoch, self.sql.cursor = step.token, position
        call = Call(step.token, 0, bounds)
        reply = self.reference.restore(call, made, position, self.sql.limit, void)
        self._count("restore", reply.results)
        self._recorder.knows(reply=protocol.encode((reply.now, reply.position, reply.results)))
        restore.open(position, self.sql.limit, void)
        self._send_recorded("restore")

    def _lose(self, token: str) -> None:
        rebuild = self._rebuilds.get(token)
        if rebuild is not None and rebuild.made is not None and rebuild.made.rules:
            self._rebuilds[token] = rebuild._replace(made=None)

    def _lose_all(self) -> None:
        for token in self._rebuilds:
            self._lose(token)
        self._send("lose", "UNLINK", *self.keys, *self._new_keys())

    # How

    def _run(
        self,
        step: steps.Step,
        verb: str,
        request: Any,
        decide: Callable[[Call], Reply],
        understand: Callable[[Any], Any] = protocol.decode,
    ) -> Any:
        process, call = self._caller(step)
        reply = decide(call)
        self._count(verb, reply.results)
        expected = Reply(reply.now, reply.position, _as_sent(reply.results))
        self._script(verb, process, call, request, expected, understand)
        process.heard(self.group, call, reply.position)
        return reply.results

    def _caller(self, step: steps.Step) -> tuple[Process, Call]:
        process = self._process(step.by)
        return process, process.call(self.group, self.reference.epoch, self._bounds(step))

    def _process(self, number: int) -> Process:
        if number not in self.processes:
            self.processes[number] = Process()
        return self.processes[number]

    def _bounds(self, step: steps.Step) -> Bounds:
        return Bounds(*self._limits, now_ms=step.at)

    def _script(
        self,
        verb: str,
        process: Process,
        call: Call,
        request: Any,
        expected: Any,
        understand: Callable[[Any], Any],
    ) -> None:
        command = ("EVALSHA", scripts.load(verb).digest, *process.arguments(self.group, call, request))
        self.exchanges.append(Exchange(self._step, verb, hiredis.pack_command(command), expected, understand))

    def _send(self, what: str, *command: Any) -> None:
        self.exchanges.append(Exchange(self._step, what, hiredis.pack_command(command), None, _nothing))

    def _send_recorded(self, what: str) -> None:
        for command, answered in self._recorder.take():
            if answered is IGNORED:
                self.exchanges.append(Exchange(self._step, what, command, None, _nothing))
            else:
                self.exchanges.append(Exchange(self._step, what, command, answered, _as_it_is))

    def _count(self, verb: str, results: Any) -> None:
        for outcome in _outcomes(results):
            self.tally[verb, outcome] += 1

    def _copies(self) -> list[str]:
        return [f"{key}:copy" for key in self.keys]

    def _new_keys(self) -> list[str]:
        return [key for token in self._rebuilds for key in new_keys(self.group, token)]


def _outcomes(results: Any) -> Iterator[Outcome]:
    """The outcome of a verb with one answer, or of each wish of a batch."""
    for result in results:
        if isinstance(result, Outcome):
            yield result
            return
        if isinstance(result, list) and result and isinstance(result[0], Outcome):
            yield result[0]


def _as_sent(value: Any) -> Any:
    """Results with rows in place of holds."""
    if isinstance(value, list):
        return [_as_sent(one) for one in value]
    return row_of(value) if isinstance(value, Hold) else value


def _nothing(_: Any) -> None:
    return None


def _as_it_is(raw: Any) -> Any:
    return raw


def _ledgers(raw: bytes) -> Reply:
    reply = protocol.decode(raw)
    return Reply(reply.now, reply.position, [[sorted(uses), holds] for uses, holds in reply.results])


def _group(raw: bytes) -> Any:
    return _plain(protocol.group_from(protocol.decode(raw)))


def _plain(state: GroupState | None) -> Any:
    """A group with what has no order in order."""
    if state is None:
        return None
    events = {event: (sale_of(one.rules), one.counts) for event, one in state.events.items()}
    return events, changed(state, events={})


_ACTS: dict[type, Callable[[Any, Any], None]] = {
    steps.Hold: Player.hold,
    steps.Confirm: Player.confirm,
    steps.Release: Player.release,
    steps.Expire: Player.expire,
    steps.Open: Player.open,
    steps.Configure: Player.configure,
    steps.Resize: Player.resize,
    steps.Restock: Player.restock,
    steps.Drain: Player.drain,
    steps.Archive: Player.archive,
    steps.ReadHolds: Player.read_holds,
    steps.ReadLedgers: Player.read_ledgers,
    steps.ReadGroup: Player.read_group,
    steps.Wipe: Player.wipe,
    steps.Copy: Player.copy,
    steps.GoBack: Player.go_back,
    steps.Restart: Player.restart,
    steps.Learn: Player.learn,
    steps.Suspend: Player.suspend,
    steps.Stray: Player.stray,
    steps.Fence: Player.fence,
    steps.Make: Player.make,
    steps.Lose: Player.lose,
    steps.Reopen: Player.reopen,
}
