"""What the inventory takes and gives: plain values, without Redis and without SQL.

Quotas are the numbers they have inside their event; `ticketing.identifiers` turns them into public ids.
Times are milliseconds by Redis' clock, prices are integers in the smallest unit.
What comes in thousands (`gc=False`) refers to plain values only, so the garbage collector need not look.
"""

from enum import StrEnum

from msgspec import Struct

TICKETS_PER_HOLD_MAX = 30
"""Tickets one hold may take: a return is a bit per ticket, and Lua's bit operations have 32."""


class HoldStatus(StrEnum):
    """A hold is held, then confirmed, released or expired, once."""

    HELD = "held"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


class Item(Struct, frozen=True, gc=False):
    """`quantity` tickets of quota number `quota`, at `price` each when the hold was made."""

    quota: int
    quantity: int
    price: int = 0


class Hold(Struct, frozen=True, gc=False):
    """A hold as Redis has it now; once confirmed it is the order."""

    id: str
    event_id: str
    member: int
    status: HoldStatus
    created_at: int
    expires_at: int
    items: tuple[Item, ...]
    channel: str
    confirmed_at: int | None = None
    payment_method: str | None = None
    number: str | None = None
    position: int | None = None
    returned_places: int = 0

    @property
    def amount(self) -> int:
        """What all tickets cost together."""
        amount = 0
        for item in self.items:
            amount += item.quantity * item.price
        return amount


class HoldRequest(Struct, frozen=True):
    """One wish to hold. `id` comes from `Keyring.hold_id`; `organisations` is the member's path, joined by dots."""

    id: str
    event_id: str
    member: int
    organisations: str
    items: tuple[tuple[int, int], ...]  # (quota number, quantity), each quota at most once
    channel: str = "web"


class Decided(Struct, frozen=True):
    """A yes. `replayed` is true when this id had been decided before."""

    hold: Hold
    replayed: bool


class QuotaRules(Struct, frozen=True):
    """The rules of a quota; `capacity` and `withheld` count only when the quota is new to Redis."""

    number: int
    price: int
    per_card_limit: int | None
    capacity: int
    withheld: int = 0


class EventRules(Struct, frozen=True):
    """What Redis needs to decide about an event. Applied when `version` is above the one it has."""

    event_id: str
    version: int
    opens_at: int
    closes_at: int
    state: str  # published, paused, closed, cancelled
    per_card_limit: int | None
    hold_ms: int
    eligible_organisations: tuple[str, ...] | None
    payment_methods: tuple[str, ...]
    quotas: tuple[QuotaRules, ...]


class QuotaCounts(Struct, frozen=True):
    """The four counted numbers of a quota (I1)."""

    capacity: int
    withheld: int
    held: int
    sold: int

    @property
    def available(self) -> int:
        """What may be held now."""
        return max(0, self.capacity - self.withheld - self.held - self.sold)

    @property
    def available_at_desk(self) -> int:
        """The same for the desk, which sells what is withheld too."""
        return max(0, self.capacity - self.held - self.sold)


class EventState(Struct, frozen=True):
    """An event as Redis has it: its rules and its counts by quota number."""

    rules: EventRules
    counts: dict[int, QuotaCounts]


class GroupState(Struct, frozen=True):
    """A group as Redis has it, read in one script."""

    now: int
    epoch: str
    as_expected: bool  # of the epoch, and not behind the position, that this process knows
    position: int  # the last log entry written
    backlog: int  # entries not yet trimmed
    per_card_limit: int | None
    events: dict[str, EventState]
    next_due: int | None  # when the earliest live hold expires
    fenced_by: str | None = None  # what stopped it: `gap`, `behind`, or the epoch of a rebuild under way

    @property
    def sells(self) -> bool:
        """Whether it is as expected and nothing has stopped it."""
        return self.as_expected and self.fenced_by is None

    @property
    def dropped_up_to(self) -> int:
        """The least position that SQL must have recorded: this many entries are no longer in the log."""
        return self.position - self.backlog


class Use(Struct, frozen=True):
    """How many tickets of one quota a member has in hand and has bought."""

    event_id: str
    quota: int
    held: int
    bought: int


class Ledger(Struct, frozen=True):
    """A member's record in a group: uses, and the holds that are live or confirmed."""

    uses: tuple[Use, ...] = ()
    holds: tuple[Hold, ...] = ()


class LogEntry(Struct, frozen=True, gc=False):
    """One entry of a group's outbox: `order` carries the hold, the keeper's acts their facts."""

    position: int
    kind: str  # order, configure, resize, restock; damaged when its bytes cannot be read
    raw: bytes
    hold: Hold | None = None
    facts: dict[str, object] = {}
