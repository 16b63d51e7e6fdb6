"""Figures of a rehearsal, from the records: the numbers of `rush --json`, and the series of the charts."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from msgspec import Struct

from .books import Books
from .judge import DOUBLED, LOST, OVER_LIMIT, OVERSOLD, Judgement
from .plan import Plan
from .records import CONFIRM, HOLD, HUNG_UP, NO_ANSWER, Told


class Latency(Struct, frozen=True):
    """Milliseconds from sending a request to having its answer."""

    p50: float
    p95: float
    p99: float
    max: float


class Result(Struct, frozen=True):
    """What `rush --json` prints, field by field."""

    scenario: str
    stock: int
    cards: int
    users: int
    requests: int
    sold: int
    refused: dict[str, int]
    errors: int
    seconds_to_sell_out: float | None  # from the opening to the last ticket; None when tickets were left
    requests_per_second: float
    holds_per_second: float  # holds granted, from the opening to the last of them
    latency_ms: Latency
    oversold: int
    over_limit: int
    lost_orders: int
    duplicate_orders: int
    drained_orders: int
    drain_seconds: float


@dataclass(slots=True)
class Second:
    """One second of the sale, counted from the opening; negative before it."""

    sold: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Everything counted in one pass over the records."""

    opens_at: float  # Unix seconds
    requests: int = 0
    errors: int = 0
    hung_up: int = 0
    replays: int = 0
    cards: set[int] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[int, Second] = field(default_factory=lambda: defaultdict(Second))
    first: float = float("inf")
    last: float = 0.0
    last_hold: float = 0.0
    last_confirm: float = 0.0

    def take(self, told: Told) -> None:
        """Count one record."""
        second = self.seconds[int((told.at - self.opens_at) // 1)]
        self.requests += 1
        self.first, self.last = min(self.first, told.at - told.ms / 1000), max(self.last, told.at)
        if told.member is not None:
            self.cards.add(told.member)
        if told.status == NO_ANSWER:
            self.hung_up += told.code == HUNG_UP
            self.errors += told.code != HUNG_UP
            return
        self.latencies[told.verb].append(told.ms)
        second.latencies.append(told.ms)
        if told.granted:
            self._take_grant(told, second)
        elif told.code:
            self.refused[told.code] += 1
            second.refused[told.code] += 1

    def _take_grant(self, told: Told, second: Second) -> None:
        self.replays += told.replayed
        if told.verb == HOLD and told.hold and told.hold not in self.granted:
            self.granted.add(told.hold)
            self.last_hold = max(self.last_hold, told.at)
        elif told.verb == CONFIRM and told.hold and told.hold not in self.confirmed:
            self.confirmed.add(told.hold)
            self.last_confirm = max(self.last_confirm, told.at)
            second.sold += len(told.codes or ())


def tally(plan: Plan, records: Iterable[Told]) -> Tally:
    """Count everything once."""
    counted = Tally(plan.opens_at / 1000)
    for told in records:
        counted.take(told)
    return counted


def result(plan: Plan, counted: Tally, books: Books, judgement: Judgement) -> Result:
    """The figures of the whole rehearsal."""
    stock = sum(counts.capacity for counts in books.quotas.values())
    sold = sum(len(order.valid) for order in books.orders)
    return Result(
        scenario=plan.scenario,
        stock=stock,
        cards=len(counted.cards),
        users=plan.users,
        requests=counted.requests,
        sold=sold,
        refused=dict(counted.refused.most_common()),
        errors=counted.errors,
        seconds_to_sell_out=round(counted.last_confirm - counted.opens_at, 2) if sold >= stock else None,
        requests_per_second=_rate(counted.requests, counted.last - counted.first),
        holds_per_second=_rate(len(counted.granted), counted.last_hold - counted.opens_at),
        latency_ms=latency(value for values in counted.latencies.values() for value in values),
        oversold=judgement.count(OVERSOLD),
        over_limit=judgement.count(OVER_LIMIT),
        lost_orders=judgement.count(LOST),
        duplicate_orders=judgement.count(DOUBLED),
        drained_orders=len(books.orders),
        drain_seconds=round(books.drain_seconds, 2),
    )


def latency(values: Iterable[float]) -> Latency:
    """Percentiles of any number of values; all 0 when there are none."""
    ordered = sorted(values)
    return Latency(*(round(percentile(ordered, share), 1) for share in (0.5, 0.95, 0.99, 1.0)))


def percentile(ordered: list[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed (nearest rank); 0 when there are none."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else 0.0


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0
