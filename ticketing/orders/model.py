"""What the orders' room takes and gives: plain values, made once from a hold or from SQL's rows.

Times are milliseconds by Redis' clock, money is an integer in the smallest unit. Orders and tickets come in
thousands and refer to plain values only, so the garbage collector need not look at them (`gc=False`).
"""

from msgspec import Struct
from sqlalchemy.exc import DataError, IntegrityError

from ticketing.orders.tables import COLLECTED, DUE, ISSUED, VOID


class TicketRecord(Struct, frozen=True, gc=False):
    """One seat of an order; `place` counts from 1 and is the bit that a return sets."""

    code: str
    quota_id: str
    place: int
    price: int
    status: str = ISSUED
    collected_at: int | None = None

    @property
    def bit(self) -> int:
        """This ticket in the mask of a return."""
        return 1 << (self.place - 1)


class OrderRecord(Struct, frozen=True, gc=False):
    """A confirmed hold. `recorded_at` is None while only Redis has it."""

    id: str
    number: str
    event_id: str
    member_id: int
    position: int
    channel: str
    status: str
    amount: int
    currency: str
    payment_method: str
    payment_status: str
    created_at: int
    hold_expires_at: int  # of the hold it was: a replay of the hold after a rebuild needs it
    confirmed_at: int
    recorded_at: int | None
    tickets: tuple[TicketRecord, ...]

    @property
    def items(self) -> tuple[tuple[str, int, int], ...]:
        """What was bought, as (quota id, quantity, price each), in the order it was asked for."""
        items: list[tuple[str, int, int]] = []
        for ticket in self.tickets:
            quota, quantity, price = items[-1] if items else ("", 0, 0)
            if (quota, price) == (ticket.quota_id, ticket.price):
                items[-1] = (quota, quantity + 1, price)
            else:
                items.append((ticket.quota_id, 1, ticket.price))
        return tuple(items)

    @property
    def amount_due(self) -> int:
        """What is still to be paid, for the tickets that were not cancelled."""
        if self.payment_status != DUE:
            return 0
        return sum(ticket.price for ticket in self.tickets if ticket.status != VOID)

    @property
    def to_collect(self) -> tuple[TicketRecord, ...]:
        """The tickets that a clerk may hand out now."""
        return tuple(ticket for ticket in self.tickets if ticket.status == ISSUED)

    @property
    def collected(self) -> tuple[TicketRecord, ...]:
        """The tickets that were handed out."""
        return tuple(ticket for ticket in self.tickets if ticket.status == COLLECTED)


class CursorRecord(Struct, frozen=True):
    """How far the log of a group is recorded, and under which epoch."""

    group_id: str
    epoch: str
    position: int


class PendingReturn(Struct, frozen=True):
    """Cancelled tickets of one order that Redis does not have back yet; bit i-1 is place i."""

    id: int
    order_id: str
    event_id: str
    places: int
    goes_to: str


class PickupRecord(Struct, frozen=True):
    """Tickets handed over in one movement."""

    id: str
    order_id: str
    ticket_codes: tuple[str, ...]
    request: dict[str, object]
    staff_id: int
    desk: str
    payment_method: str | None
    payment_amount: int | None
    at: int
    undone_at: int | None = None
    given_back_method: str | None = None
    given_back_amount: int | None = None

    @property
    def is_sale(self) -> bool:
        """Whether this was a sale at the desk, and no hand-over of tickets that somebody had."""
        return "items" in self.request


class Poison(ValueError):
    """A log entry that cannot be recorded for what it says, however often it is tried."""


POISONOUS = (Poison, IntegrityError, DataError, OverflowError)
"""What an entry's content can cause when it is recorded. An outage, a lock or a deadlock is none of these."""
