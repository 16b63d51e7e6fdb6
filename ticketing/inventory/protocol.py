"""What goes into a script and what comes out: one msgpack value each way.

Both clients speak through this module, so no verb's meaning exists twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ticketing.errors import Code, Refusal, StoreUnavailable, invalid

from .codes import Outcome
from .model import (
    TICKETS_PER_HOLD_MAX,
    Decided,
    EventRules,
    EventState,
    GroupState,
    Hold,
    HoldRequest,
    HoldStatus,
    Item,
    Ledger,
    LogEntry,
    QuotaCounts,
    QuotaRules,
    Use,
)

BATCH_MAX = 128
"""Requests in one script call; longer batches would let one caller hold up all others."""

REPLICA_WAIT_MS = 1_000
"""How long a confirm waits for its replicas."""

_STATUS = (HoldStatus.HELD, HoldStatus.CONFIRMED, HoldStatus.RELEASED, HoldStatus.EXPIRED)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode

_CODES = {
    Outcome.KEY_REUSED: Code.IDEMPOTENCY_KEY_REUSED,
    Outcome.RATE_LIMITED: Code.RATE_LIMITED,
    Outcome.RECOVERING: Code.RECOVERING,
    Outcome.NOT_FOUND: Code.NOT_FOUND,
    Outcome.BACKLOG_FULL: Code.BACKLOG_FULL,
    Outcome.SALE_CLOSED: Code.SALE_CLOSED,
    Outcome.SALE_NOT_OPEN: Code.SALE_NOT_OPEN,
    Outcome.SALE_PAUSED: Code.SALE_PAUSED,
    Outcome.NOT_ELIGIBLE: Code.NOT_ELIGIBLE,
    Outcome.CARD_LIMIT_EXCEEDED: Code.CARD_LIMIT_EXCEEDED,
    Outcome.SOLD_OUT: Code.SOLD_OUT,
    Outcome.HOLD_RELEASED: Code.HOLD_RELEASED,
    Outcome.HOLD_EXPIRED: Code.HOLD_EXPIRED,
    Outcome.HOLD_CONFIRMED: Code.HOLD_CONFIRMED,
    Outcome.PAYMENT_REQUIRED: Code.PAYMENT_REQUIRED,
    Outcome.CAPACITY_IN_USE: Code.CAPACITY_IN_USE,
}
_FACTS = {
    Outcome.RATE_LIMITED: ("retry_after_ms",),
    Outcome.SALE_NOT_OPEN: ("opens_at",),
    Outcome.CARD_LIMIT_EXCEEDED: ("scope", "limit", "used"),
    Outcome.SOLD_OUT: ("quota", "available"),
    Outcome.CAPACITY_IN_USE: ("in_use",),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds every script is told.

    `now_ms` 0 means Redis `TIME`; only tests and the simulator give a time of their own. `replica_acks` is how
    many replicas must have a confirm before it is answered.
    """

    backlog_max: int = 100_000
    live_holds_max: int = 5
    abandoned_max: int = 5
    pause_ms: int = 60_000
    replica_acks: int = 0
    now_ms: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A script's answer: Redis' time, the log position after it, and the verb's results."""

    now: int
    position: int
    results: list[Any]


def unpack(packed: bytes) -> Any:
    """A packed record of a hash, as it is."""
    return _unpack(packed)


def envelope(epoch: str, position_min: int, bounds: Bounds) -> bytes:
    """ARGV[1] of every script."""
    return _pack(
        (
            epoch,
            position_min,
            bounds.now_ms,
            bounds.backlog_max,
            bounds.live_holds_max,
            bounds.abandoned_max,
            bounds.pause_ms,
            bounds.replica_acks > 0,
        )
    )


def encode(request: Any) -> bytes:
    """ARGV[2] of every script."""
    return _pack(request)


def decode(raw: bytes) -> Reply:
    """The answer of any script."""
    return Reply(*_unpack(raw))


def replicated(raw: Any, acks: Any, wanted: int) -> Any:
    """The script's answer once enough replicas have it.

    Raises what either command failed with, or `StoreUnavailable`: the confirm has happened, and repeating it is safe.
    """
    for answer in (raw, acks):
        if isinstance(answer, Exception):
            raise answer
    if acks < wanted:
        raise StoreUnavailable(f"{acks} of {wanted} replicas answered")
    return raw


def hold_wish(request: HoldRequest) -> tuple[Any, ...]:
    """A hold request as `hold.lua` takes it; items in the order of their quotas, so that sets compare.

    Raises `Refusal` INVALID for more tickets than a hold may take: a return has a bit for each.
    """
    if sum([quantity for _, quantity in request.items]) > TICKETS_PER_HOLD_MAX:
        raise invalid(("items", f"must be at most {TICKETS_PER_HOLD_MAX} tickets together"))
    items = [number for item in sorted(request.items) for number in item]
    return (request.id, request.event_id, request.member, request.organisations, items, request.channel)


def refusal(result: Sequence[Any]) -> Refusal:
    """The refusal a negative outcome stands for, with its facts."""
    outcome = Outcome(result[0])
    if outcome is Outcome.INVALID:
        return invalid(("withheld", "must be from 0 to the capacity"))
    return Refusal(_CODES[outcome], **dict(zip(_FACTS.get(outcome, ()), result[1:], strict=True)))


def decided(hold_id: str, result: Sequence[Any]) -> Decided | Refusal:
    """The outcome of a hold or confirm."""
    if result[0] < 0:
        return refusal(result)
    return Decided(hold_from(hold_id, result[1]), replayed=result[0] == Outcome.EXISTS)


def looked_up(hold_id: str, row: Sequence[Any] | None, now: int) -> Hold | None:
    """A hold as `read_holds.lua` answers it. Raises `Refusal` RECOVERING when it may be known after a rebuild."""
    if row and row[0] == Outcome.RECOVERING:
        raise refusal(row)
    return hold_from(hold_id, row, now) if row else None


def hold_from(hold_id: str, row: Sequence[Any], now: int = 0) -> Hold:
    """A hold from its packed row (see `lua/shared/records.lua`); a live one due by `now` is expired."""
    member, state, created, ttl, flat, channel = row[:6]
    after, method, number, position, returned = row[6:] or (None, None, None, None, 0)
    status = HoldStatus.EXPIRED if state == 0 and created + ttl <= now else _STATUS[state]
    return Hold(
        id=hold_id,
        event_id=hold_id.partition(".")[0],
        member=member,
        status=status,
        created_at=created,
        expires_at=created + ttl,
        items=tuple([Item(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3)]),
        channel=channel,
        confirmed_at=None if after is None else created + after,
        payment_method=method,
        number=number,
        position=position,
        returned_places=returned,
    )


def hold_row(hold: Hold) -> tuple[Any, ...]:
    """A hold as `lua/shared/records.lua` keeps it: the inverse of `hold_from`."""
    items = [number for item in hold.items for number in (item.quota, item.quantity, item.price)]
    state = _STATUS.index(hold.status)
    row = (hold.member, state, hold.created_at, hold.expires_at - hold.created_at, items, hold.channel)
    if hold.confirmed_at is None:
        return row
    after = hold.confirmed_at - hold.created_at
    return (*row, after, hold.payment_method, hold.number, hold.position, hold.returned_places)


def ledger_from(result: Sequence[Any], now: int) -> Ledger:
    """A member's ledger as `read_ledgers.lua` answers it."""
    uses, rows = result
    return Ledger(
        uses=tuple([Use(*use) for use in uses]),
        holds=tuple([hold_from(hold_id, row, now) for hold_id, row in rows if row]),
    )


def configure_request(rules: EventRules) -> tuple[Any, ...]:
    """Rules as `configure.lua` takes them; quotas must be numbered from 1 without a gap."""
    numbers = [quota.number for quota in rules.quotas]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"quota numbers of {rules.event_id} have a gap: {numbers}")
    eligible = rules.eligible_organisations
    sale = {
        "version": rules.version,
        "state": rules.state,
        "opens_at": rules.opens_at,
        "closes_at": rules.closes_at,
        "limit": rules.per_card_limit or 0,
        "hold_ms": rules.hold_ms,
        "eligible": False if eligible is None else dict.fromkeys(eligible, True) or {"": True},
        "methods": dict.fromkeys(rules.payment_methods, True),
        "quotas": [(quota.price, quota.per_card_limit or 0) for quota in rules.quotas],
    }
    return (rules.event_id, sale, [(quota.capacity, quota.withheld) for quota in rules.quotas])


def group_from(reply: Reply) -> GroupState | None:
    """The answer of `read_group.lua`, or None when Redis does not know the group."""
    epoch, as_expected, backlog, limit, sales, stock, next_due, fence = reply.results
    if not epoch:
        return None
    counts: dict[str, dict[int, QuotaCounts]] = {}
    for field, row in stock:
        event_id, _, number = field.rpartition("/")
        counts.setdefault(event_id, {})[int(number)] = QuotaCounts(*row)
    events = {
        event_id: EventState(_rules_from(event_id, sale, counts.get(event_id, {})), counts.get(event_id, {}))
        for event_id, sale in sales
    }
    return GroupState(
        reply.now,
        epoch,
        as_expected,
        reply.position,
        backlog,
        limit or None,
        events,
        next_due or None,
        fence or None,
    )


def entry_from(position: int, raw: bytes) -> LogEntry:
    """A log entry from its packed form; one that cannot be read is of kind `damaged`, for the drain to set aside."""
    try:
        return _readable_entry(position, raw)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError):
        return LogEntry(position, "damaged", raw)


def _readable_entry(position: int, raw: bytes) -> LogEntry:
    kind, *facts = _unpack(raw)
    match kind:
        case "order":
            return LogEntry(position, kind, raw, hold=hold_from(facts[0], facts[1]))
        case "configure":
            return LogEntry(
                position, kind, raw, facts=dict(zip(("event_id", "version", "state"), facts, strict=True))
            )
        case "resize":
            names = ("act_id", "event_id", "quota", "capacity", "withheld")
            return LogEntry(position, kind, raw, facts=dict(zip(names, facts, strict=True)))
        case "restock":
            return LogEntry(position, kind, raw, facts=dict(zip(("order_id", "places"), facts, strict=True)))
    raise ValueError(f"log entry {position} is of unknown kind {kind!r}")


def counts_from(row: Sequence[int]) -> QuotaCounts:
    """A quota's stock from its packed row."""
    return QuotaCounts(*row)


def _rules_from(event_id: str, sale: dict[str, Any], counts: dict[int, QuotaCounts]) -> EventRules:
    return EventRules(
        event_id=event_id,
        version=sale["version"],
        opens_at=sale["opens_at"],
        closes_at=sale["closes_at"],
        state=sale["state"],
        per_card_limit=sale["limit"] or None,
        hold_ms=sale["hold_ms"],
        eligible_organisations=tuple(sale["eligible"]) if sale["eligible"] else None,
        payment_methods=tuple(sale["methods"]),
        quotas=tuple(
            QuotaRules(number, price, limit or None, counts[number].capacity, counts[number].withheld)
            for number, (price, limit) in enumerate(sale["quotas"], start=1)
        ),
    )
