"""Tables of what was sold: orders, tickets, pickups, returns; the drain's cursors, and what it set aside."""

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.database import Base, Id, Millis, Money, Serial

CONFIRMED, CANCELLED = "confirmed", "cancelled"
ISSUED, COLLECTED, VOID = "issued", "collected", "void"
NOT_NEEDED, DUE, PAID, REFUND_DUE, REFUNDED = "not_needed", "due", "paid", "refund_due", "refunded"


class Order(Base):
    """A confirmed hold. `id` is the hold's; `position` is its place in the group's log."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_member_id_confirmed_at", "member_id", "confirmed_at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(12), index=True)
    event_id: Mapped[Id] = mapped_column(ForeignKey("events.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    position: Mapped[int]
    channel: Mapped[str] = mapped_column(String(10))  # web, desk
    status: Mapped[str] = mapped_column(String(10))  # confirmed -> cancelled
    amount: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    payment_method: Mapped[str] = mapped_column(String(20))
    payment_status: Mapped[str] = mapped_column(String(12))  # not_needed | due -> paid -> refund_due -> …
    created_at: Mapped[Millis]
    hold_expires_at: Mapped[Millis]  # a replay of the hold needs it after a rebuild
    confirmed_at: Mapped[Millis]
    recorded_at: Mapped[Millis]


class Ticket(Base):
    """One seat. `place` counts from 1 inside the order and is the bit a return sets."""

    __tablename__ = "tickets"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    quota_id: Mapped[Id] = mapped_column(ForeignKey("quotas.id"), index=True)
    place: Mapped[int]
    price: Mapped[Money]
    status: Mapped[str] = mapped_column(String(10))  # issued -> collected -> issued (undo); issued -> void
    collected_at: Mapped[Millis | None]
    pickup_id: Mapped[str | None] = mapped_column(String(80), index=True)


class Pickup(Base):
    """Tickets handed over in one movement, with what was paid for them; undone at most once."""

    __tablename__ = "pickups"

    id: Mapped[Id] = mapped_column(primary_key=True)  # keyed by clerk and idempotency key
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    ticket_codes: Mapped[list[str]] = mapped_column(JSON)
    request: Mapped[dict[str, object]] = mapped_column(JSON)  # compared when the key comes again
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"))
    desk: Mapped[str] = mapped_column(String(100))
    payment_method: Mapped[str | None] = mapped_column(String(20))
    payment_amount: Mapped[Money | None]
    at: Mapped[Millis]
    undone_at: Mapped[Millis | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("staff_accounts.id"))
    undo_reason: Mapped[str | None] = mapped_column(String(500))


class Return(Base):
    """Tickets on their way back to Redis: a bit per ticket; `restocked_at` once Redis has them."""

    __tablename__ = "returns"

    id: Mapped[Serial]
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    places: Mapped[int]  # bit i-1 is the ticket at place i
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[Millis]
    restocked_at: Mapped[Millis | None] = mapped_column(index=True)


class Cursor(Base):
    """How far a group's log is recorded. Locked by the drain, moved in the transaction of the rows."""

    __tablename__ = "cursors"

    group_id: Mapped[Id] = mapped_column(ForeignKey("allowance_groups.id"), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(20))
    position: Mapped[int] = mapped_column(default=0)


class SetAside(Base):
    """A log entry that SQL refused for its data. Its seat stays sold until a person decides."""

    __tablename__ = "set_aside"

    group_id: Mapped[Id] = mapped_column(primary_key=True)
    epoch: Mapped[str] = mapped_column(String(20), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    entry: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[Millis]
