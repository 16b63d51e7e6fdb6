"""The audit of one allowance group: its counts, holds, ledgers and log in Redis against its orders in SQL."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain

from msgspec import Struct, structs
from sqlalchemy.orm import Session

from ticketing.catalogue import log as catalogue_log
from ticketing.catalogue import waves
from ticketing.identifiers import quota_id
from ticketing.inventory import protocol
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import GroupState, Hold, HoldStatus, LogEntry, QuotaCounts, Use
from ticketing.orders import checks
from ticketing.orders import repository as orders
from ticketing.orders.checks import RecordedOrder
from ticketing.staff import repository as staff

Snapshot = Callable[[], AbstractContextManager[Session]]

WAVE_LATE_MS = 60_000
"""How long after its time a wave may wait before it counts as forgotten."""

TRIES = 20
"""How often the log is read anew when a drain trims it under the reader."""


class Violation(Struct, frozen=True):
    """One broken invariant: which, in which group, of what, and in plain words."""

    invariant: str
    group: str
    subject: str
    text: str


class _Books(Struct):
    """SQL at one moment, completed from the log up to one place in it. Counters are tickets by quota."""

    cursor: int
    recorded: dict[str, RecordedOrder]
    elsewhere: dict[str, Hold]  # orders that SQL does not have: in flight, or set aside
    sold: Counter[str]
    void: Counter[str]


class GroupAudit:
    """One reading of one group; on a busy system some of what it shows may only be the reading's fault."""

    def __init__(self, snapshot: Snapshot, keeper: Keeper, group_id: str) -> None:
        self._snapshot = snapshot
        self._keeper = keeper
        self.id = group_id
        self.backlog = 0
        """Log entries that SQL has yet to take; known after `read`."""
        self.settled = True
        """Whether the group stood still while its holds and ledgers were read, so that sums could be compared."""

    def read(self) -> list[Violation]:
        """Every violation that this reading shows."""
        back_at_least = self._given_back()
        state = self._keeper.state(self.id)
        if state is None:
            return [self._violation("I1", self.id, "Redis forgot the group: run `ticketing rebuild`")]
        if self._is_recovering(state):
            return [self._violation("I1", self.id, "the group is recovering: run `ticketing rebuild`")]
        books = self._books(state)
        if books is None:
            return [self._violation("I2", self.id, "the log has a gap behind SQL's cursor")]
        self.backlog = max(0, state.position - books.cursor)
        holds = {hold.id: hold for hold in self._keeper.all_holds(self.id)}
        uses = dict(self._keeper.all_uses(self.id))
        due = set(self._keeper.all_due(self.id))
        self.settled = self._stands_still(state)
        return list(
            chain(
                self._check_position(books),
                self._check_counts(state, books, back_at_least),
                self._check_waves(state.now),
                self._check_orders(books, holds, state.position),
                self._check_limits(state, uses),
                self._check_sums(state, holds.values(), uses) if self.settled else (),
                self._check_ledgers(holds.values(), uses) if self.settled else (),
                self._check_ends(holds.values(), due) if self.settled else (),
            )
        )

    def _stands_still(self, before: GroupState) -> bool:
        after = self._keeper.state(self.id)
        if after is None:
            return False
        return structs.replace(after, now=before.now, backlog=before.backlog) == before

    # Reading

    def _is_recovering(self, state: GroupState) -> bool:
        """Whether the group sells nothing; one that a rebuild has just opened shows in the next reading."""
        with self._snapshot() as session:
            at = orders.cursor(session, self.id)
        return state.fenced_by is not None or (at is not None and at.epoch != state.epoch)

    def _given_back(self) -> Counter[str]:
        """Tickets that Redis surely has back by now."""
        with self._snapshot() as session:
            events = catalogue_log.events_of(session, self.id)
            given_back = Counter(checks.void_tickets(session, events))
            given_back.subtract(checks.tickets_on_their_way_back(session, events))
            return given_back

    def _books(self, state: GroupState) -> _Books | None:
        for _ in range(TRIES):
            with self._snapshot() as session:
                at = orders.cursor(session, self.id)
                assert at is not None, f"group {self.id} was opened without a cursor"
                events = catalogue_log.events_of(session, self.id)
                recorded = {order.id: order for order in checks.recorded_orders(session, events)}
                sold = Counter(checks.tickets_up_to(session, events, state.position))
                void = Counter(checks.void_tickets(session, events))
                aside = [
                    protocol.entry_from(entry.position, entry.entry)
                    for entry in orders.set_aside_entries(session, self.id)
                ]
            missing = max(0, state.position - at.position)
            entries = self._keeper.read_log(self.id, at.position, missing) if missing else []
            if [entry.position for entry in entries] == [at.position + 1 + i for i in range(missing)]:
                elsewhere = _holds_in([*aside, *entries], recorded)
                for hold in elsewhere.values():
                    sold.update(_seats(hold))
                return _Books(at.position, recorded, elsewhere, sold, void)
        return None

    # Checking

    def _check_position(self, books: _Books) -> Iterator[Violation]:
        if (self._keeper.last_position(self.id) or 0) < books.cursor:
            yield self._violation("I2", self.id, "Redis' log ends before what SQL has recorded")

    def _check_counts(
        self, state: GroupState, books: _Books, back_at_least: Counter[str]
    ) -> Iterator[Violation]:
        for quota, counts in _counts(state):
            if min(counts.capacity, counts.withheld, counts.held, counts.sold) < 0:
                yield self._violation("I1", quota, "a count is below zero")
            if counts.withheld > counts.capacity:
                yield self._violation("I1", quota, "more is withheld than there is")
            if counts.held + counts.sold > counts.capacity and not self._was_forced(quota):
                yield self._violation("I1", quota, "more is held and sold than there is: oversold")
            most, least = books.sold[quota] - back_at_least[quota], books.sold[quota] - books.void[quota]
            if counts.sold > most:
                yield self._violation(
                    "I1", quota, f"Redis sold {counts.sold - most} more than SQL and the log say"
                )
            if counts.sold < least:
                yield self._violation(
                    "I1", quota, f"Redis sold {least - counts.sold} less than SQL and the log say"
                )

    def _check_waves(self, now: int) -> Iterator[Violation]:
        """A wave that Redis has added is `releasing` or `released`, and none waits long after its time."""
        with self._snapshot() as session:
            planned = waves.unreleased(session, self.id)
            late = waves.late(session, self.id, now - WAVE_LATE_MS)
        done = self._keeper.acts(self.id, [waves.act_of(wave.id) for wave in planned])
        for wave in planned:
            if wave.state != waves.RELEASING and waves.act_of(wave.id) in done:
                yield self._violation(
                    "I1", wave.quota_id, f"wave {wave.id} is on sale, and SQL has it as {wave.state}"
                )
        for wave_id in late:
            yield self._violation(
                "I1", wave_id, "the wave's time is past, and it is not on sale: is a worker running?"
            )

    def _was_forced(self, quota: str) -> bool:
        """Whether staff ever lowered the quota below what was held and sold, knowing it."""
        with self._snapshot() as session:
            acts = staff.details_of(session, f"quota:{quota}", "quota.resize")
        return any(act.get("force") for act in acts)

    def _check_sums(
        self, state: GroupState, holds: Iterable[Hold], uses: dict[int, tuple[Use, ...]]
    ) -> Iterator[Violation]:
        live = Counter(seat for hold in holds if hold.status is HoldStatus.HELD for seat in _seats(hold))
        held, bought = Counter[str](), Counter[str]()
        for use in chain.from_iterable(uses.values()):
            held[quota_id(use.event_id, use.quota)] += use.held
            bought[quota_id(use.event_id, use.quota)] += use.bought
        for quota, counts in _counts(state):
            for what, there, here in (
                ("the live holds", live[quota], counts.held),
                ("the members' ledgers", held[quota], counts.held),
                ("the members' ledgers (bought)", bought[quota], counts.sold),
            ):
                if there != here:
                    yield self._violation(
                        "I1", quota, f"{what} come to {there - here:+d} against the quota's count"
                    )

    def _check_orders(self, books: _Books, holds: dict[str, Hold], position: int) -> Iterator[Violation]:
        for hold in holds.values():
            known = hold.id in books.recorded or hold.id in books.elsewhere
            if hold.status is HoldStatus.CONFIRMED and not known and (hold.position or 0) <= position:
                yield self._violation(
                    "I2", hold.id, "the order was confirmed, and is neither in SQL nor in the log"
                )
        for order in books.recorded.values():
            found = holds.get(order.id) or self._keeper.look_up(self.id, order.id)
            if found is None or found.status is not HoldStatus.CONFIRMED:
                yield self._violation(
                    "I2", order.id, "SQL has the order, and Redis does not have it as confirmed"
                )
            elif (found.member, len(_seats(found))) != (order.member_id, order.tickets):
                yield self._violation("I2", order.id, "the order in SQL is not the one that was confirmed")

    def _check_limits(self, state: GroupState, uses: dict[int, tuple[Use, ...]]) -> Iterator[Violation]:
        limits = self._limits_in(state)
        for member, mine in uses.items():
            used: Counter[str] = Counter()
            for use in mine:
                tickets = use.held + use.bought
                used.update({self.id: tickets, f"event:{use.event_id}": tickets})
                used.update({f"quota:{quota_id(use.event_id, use.quota)}": tickets})
            for subject, limit in limits.items():
                if used[subject] > limit:
                    yield self._violation("I3", f"member:{member}", f"is over the limit of {subject}")

    def _limits_in(self, state: GroupState) -> dict[str, int]:
        """The widest limit that was ever in force, by subject: one lowered in mid-sale takes nothing back."""
        limits = {self.id: state.per_card_limit}
        with self._snapshot() as session:
            for event_id, event in state.events.items():
                subject = f"event:{event_id}"
                limits[subject] = _widest(session, subject, "event.change", event.rules.per_card_limit)
                for quota in event.rules.quotas:
                    subject = f"quota:{quota_id(event_id, quota.number)}"
                    limits[subject] = _widest(session, subject, "quota.change", quota.per_card_limit)
        return {subject: limit for subject, limit in limits.items() if limit is not None}

    def _check_ledgers(self, holds: Iterable[Hold], uses: dict[int, tuple[Use, ...]]) -> Iterator[Violation]:
        bought: dict[int, Counter[str]] = {}
        held: dict[int, Counter[str]] = {}
        for hold in holds:
            if hold.status is HoldStatus.CONFIRMED:
                bought.setdefault(hold.member, Counter()).update(_seats_kept(hold))
            elif hold.status is HoldStatus.HELD:
                held.setdefault(hold.member, Counter()).update(_seats(hold))
        for member in bought.keys() | held.keys() | uses.keys():
            mine = uses.get(member, ())
            if _by_quota(mine, "bought") != +bought.get(member, Counter()):
                yield self._violation(
                    "I3", f"member:{member}", "the ledger is not the sum of the member's orders"
                )
            if _by_quota(mine, "held") != +held.get(member, Counter()):
                yield self._violation(
                    "I3", f"member:{member}", "the ledger is not the sum of the member's live holds"
                )

    def _check_ends(self, holds: Iterable[Hold], due: set[str]) -> Iterator[Violation]:
        live = {hold.id for hold in holds if hold.status is HoldStatus.HELD}
        for hold_id in live - due:
            yield self._violation("I1", hold_id, "the hold never expires: nothing waits for its end")
        for hold_id in due - live:
            yield self._violation("I1", hold_id, "a hold that has ended is waited for as if it lived")

    def _violation(self, invariant: str, subject: str, text: str) -> Violation:
        return Violation(invariant, self.id, subject, text)


def _widest(session: Session, subject: str, action: str, limit: int | None) -> int | None:
    """The widest of `limit` and those that staff changed away from; None when there once was none."""
    if limit is None:
        return None
    changes = [act.get("changes") for act in staff.details_of(session, subject, action)]
    limits = [change.get("per_card_limit") for change in changes if isinstance(change, dict)]
    before = [from_to[0] for from_to in limits if from_to]
    return None if None in before else max([limit, *before])


def _by_quota(uses: Iterable[Use], kind: str) -> Counter[str]:
    """What a member holds, or bought, of each quota."""
    return +Counter({quota_id(use.event_id, use.quota): getattr(use, kind) for use in uses})


def _counts(state: GroupState) -> Iterator[tuple[str, QuotaCounts]]:
    for event_id, event in state.events.items():
        for number, counts in event.counts.items():
            yield quota_id(event_id, number), counts


def _holds_in(entries: Iterable[LogEntry], recorded: dict[str, RecordedOrder]) -> dict[str, Hold]:
    holds = [entry.hold for entry in entries if entry.hold is not None]
    return {hold.id: hold for hold in holds if hold.id not in recorded}


def _seats(hold: Hold) -> list[str]:
    return [quota_id(hold.event_id, item.quota) for item in hold.items for _ in range(item.quantity)]


def _seats_kept(hold: Hold) -> list[str]:
    return [seat for place, seat in enumerate(_seats(hold)) if not hold.returned_places >> place & 1]
