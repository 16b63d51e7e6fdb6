"""The judge: compares what clients were told with the books, and names every difference.

Four kinds of loss are counted, in tickets or orders, and each makes the rehearsal fail:

- oversold: tickets beyond a quota's capacity, by what clients were told, by SQL, or by Redis
- over limit: tickets beyond the limit of a card, held and bought together
- lost: orders a client was told of and SQL does not have as told
- doubled: one key with two effects, one ticket in two orders, or an order nobody asked for

An outcome that the client does not know (a time-out, a broken connection, a server's failure) may have
happened or not. It is never a loss, and an order that came of it is not one that nobody asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .books import Books, Order
from .plan import Plan
from .records import CONFIRM, HOLD, RELEASE, Told


@dataclass(frozen=True, slots=True)
class Finding:
    """One loss: its kind, how many tickets or orders, and whom it concerns, in a plain line."""

    kind: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings, and the four figures. `sound` when there is nothing to find."""

    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Tickets or orders found of one kind."""
        return sum(finding.count for finding in self.findings if finding.kind == kind)

    @property
    def sound(self) -> bool:
        """Whether nothing at all was found."""
        return not self.findings


OVERSOLD, OVER_LIMIT, LOST, DOUBLED, AUDIT = "oversold", "over_limit", "lost", "doubled", "audit"

AFTER_THE_STORED_ANSWER = frozenset(
    ("sale_not_open", "sale_paused", "sale_closed", "not_eligible", "card_limit_exceeded", "sold_out")
)
"""Refusals that a key which was granted before must not get: the contract's order puts the stored answer first."""


@dataclass(slots=True)
class Account:
    """What the clients were told, sorted for judging. Records of one card must come in order of time."""

    holds: dict[str, Told] = field(default_factory=dict)  # hold id -> the granted hold
    answers: dict[tuple[int, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )  # (member, key)
    granted_at: dict[tuple[int | None, str | None], float] = field(default_factory=dict)  # (member, key)
    keys: dict[str, set[tuple[int, str]]] = field(
        default_factory=lambda: defaultdict(set)
    )  # hold id -> asked by
    orders: dict[str, Told] = field(default_factory=dict)  # order id -> the confirmed order
    order_codes: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    unknown_confirms: set[str] = field(default_factory=set)
    turned_down: list[Told] = field(default_factory=list)  # refused, asked with a key that was granted before
    left_at: dict[str, float] = field(default_factory=dict)  # hold id -> when its release was sent, Unix ms

    def take(self, told: Told) -> None:
        """Enter one record."""
        if told.verb == HOLD and told.granted:
            self._take_hold(told)
        elif told.verb == HOLD and told.code in AFTER_THE_STORED_ANSWER:
            self._take_refusal(told)
        elif told.verb == CONFIRM and told.hold:
            self._take_confirm(told, told.hold)
        elif told.verb == RELEASE and told.hold and (told.granted or told.unknown):
            sent = told.at * 1000 - told.ms
            self.left_at[told.hold] = min(sent, self.left_at.get(told.hold, sent))

    def _take_hold(self, told: Told) -> None:
        if told.hold is None or told.member is None or told.key is None:
            raise ValueError("a granted hold needs hold, member and key")
        self.holds.setdefault(told.hold, told)
        self.granted_at.setdefault((told.member, told.key), told.at)
        self.answers[told.member, told.key].add(f"{told.hold} {told.digest}")
        self.keys[told.hold].add((told.member, told.key))

    def _take_refusal(self, told: Told) -> None:
        # Of two requests on their way at once, the refused may have been decided first: only one that was
        # sent after the grant had arrived counts.
        granted_at = self.granted_at.get((told.member, told.key))
        if granted_at is not None and told.at - told.ms / 1000 > granted_at:
            self.turned_down.append(told)

    def _take_confirm(self, told: Told, order_id: str) -> None:
        if told.granted:
            self.orders.setdefault(order_id, told)
            self.order_codes[order_id].add(told.codes or ())
        elif told.unknown:
            self.unknown_confirms.add(order_id)


def judge(plan: Plan, records: Iterable[Told], books: Books) -> Judgement:
    """Compare what was told with the books."""
    account = Account()
    for told in records:
        account.take(told)
    return Judgement(
        (
            *_oversold(plan, account, books),
            *_over_limit(plan, account, books),
            *_lost(account, books),
            *_doubled(account, books),
            *(Finding(AUDIT, 1, line) for line in books.violations),
        )
    )


def _oversold(plan: Plan, account: Account, books: Books) -> Iterator[Finding]:
    told = _tickets_told(account)
    recorded = Counter(ticket.quota_id for order in books.orders for ticket in order.valid)
    names = {quota.id: quota.name for quota in plan.quotas}
    for quota_id in sorted(names.keys() | books.quotas.keys() | told.keys() | recorded.keys()):
        counts = books.quotas.get(quota_id)
        capacity = counts.capacity if counts else 0
        counted = counts.withheld + counts.held + counts.sold if counts else 0
        beyond = max(told[quota_id], recorded[quota_id], counted) - capacity
        if beyond > 0:
            yield Finding(
                OVERSOLD,
                beyond,
                f"{names.get(quota_id, quota_id)}: {capacity} to sell; clients were told of {told[quota_id]}, "
                f"SQL has {recorded[quota_id]}, Redis counts {counted}",
            )


def _tickets_told(account: Account) -> Counter[str]:
    told: Counter[str] = Counter()
    for order_id in account.orders:
        if hold := account.holds.get(order_id):
            told.update(hold.items or {})
    return told


def _over_limit(plan: Plan, account: Account, books: Books) -> Iterator[Finding]:
    recorded: Counter[int] = Counter()
    for order in books.orders:
        recorded[order.member] += len(order.valid)
    at_once = _most_at_once(account)
    for member in sorted(recorded.keys() | at_once.keys()):
        beyond = max(recorded[member], at_once[member]) - plan.per_card_limit
        if beyond > 0:
            yield Finding(
                OVER_LIMIT,
                beyond,
                f"member {member}: limit {plan.per_card_limit}; was granted {at_once[member]} at one time, "
                f"SQL has {recorded[member]}",
            )


def _most_at_once(account: Account) -> Counter[int]:
    """For each member the most tickets they had at one time, held and bought.

    A hold counts from its creation to its expiry, or to when its release was sent; confirmed, for ever.
    """
    steps: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for hold_id, hold in account.holds.items():
        if hold.member is None or hold.created_at is None or hold.expires_at is None:
            raise ValueError("a granted hold needs member, created_at and expires_at")
        quantity = sum((hold.items or {}).values())
        steps[hold.member].append((hold.created_at, quantity))
        if hold_id not in account.orders:
            end = min(hold.expires_at, account.left_at.get(hold_id, hold.expires_at))
            steps[hold.member].append((max(end, hold.created_at), -quantity))
    most: Counter[int] = Counter()
    for member, moves in steps.items():
        has = 0
        for _, change in sorted(moves):  # at the same moment what ends comes before what begins
            has += change
            most[member] = max(most[member], has)
    return most


def _lost(account: Account, books: Books) -> Iterator[Finding]:
    recorded = {order.id: order for order in books.orders}
    unfinished = f" (and {books.backlog} log entries were not drained yet)" if books.backlog else ""
    for order_id, told in account.orders.items():
        order = recorded.get(order_id)
        if order is None:
            yield Finding(LOST, 1, f"order {order_id}: confirmed to the client, not in SQL{unfinished}")
        elif difference := _difference(told, account.holds.get(order_id), order):
            yield Finding(LOST, 1, f"order {order_id}: {difference}")


def _difference(told: Told, hold: Told | None, order: Order) -> str | None:
    if told.member != order.member:
        return f"confirmed to member {told.member}, recorded for member {order.member}"
    missing = set(told.codes or ()) - {ticket.code for ticket in order.valid}
    if missing:
        return f"the client was given tickets that SQL does not have: {', '.join(sorted(missing))}"
    if hold and Counter(ticket.quota_id for ticket in order.valid) != Counter(hold.items or {}):
        return "SQL has other tickets than the hold had"
    return None


def _doubled(account: Account, books: Books) -> Iterator[Finding]:
    for (member, key), answers in account.answers.items():
        if len(answers) > 1:
            yield Finding(
                DOUBLED, len(answers) - 1, f"member {member}, key {key}: {len(answers)} different answers"
            )
    for told in account.turned_down:
        yield Finding(
            DOUBLED, 1, f"member {told.member}, key {told.key}: granted, and when repeated {told.code}"
        )
    for hold_id, owners in account.keys.items():
        if len(owners) > 1:
            yield Finding(DOUBLED, len(owners) - 1, f"hold {hold_id}: given to {len(owners)} keys")
    for order_id, codes in account.order_codes.items():
        if len(codes) > 1:
            yield Finding(
                DOUBLED, len(codes) - 1, f"order {order_id}: {len(codes)} different sets of tickets told"
            )
    yield from _doubled_in_books(books)
    asked = account.orders.keys() | account.unknown_confirms
    for order in books.orders:
        if order.id not in asked:
            yield Finding(DOUBLED, 1, f"order {order.id}: in SQL, and no client has confirmed it")


def _doubled_in_books(books: Books) -> Iterator[Finding]:
    for order_id, times in Counter(order.id for order in books.orders).items():
        if times > 1:
            yield Finding(DOUBLED, times - 1, f"order {order_id}: {times} times in SQL")
    for code, times in Counter(ticket.code for order in books.orders for ticket in order.tickets).items():
        if times > 1:
            yield Finding(DOUBLED, times - 1, f"ticket {code}: in SQL {times} times")
