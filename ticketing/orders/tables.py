"""Tables of what was sold and handed out, of tills and returns; the drain's cursors, and what it set aside."""

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.database import Base, Id, Millis, Money, Serial

CONFIRMED, CANCELLED = "confirmed", "cancelled"
DESK = "desk"
"""The channel of what a desk sells."""

ISSUED, COLLECTED, VOID = "issued", "collected", "void"
TO_WEB, TO_DESK, TO_ORIGIN = "web", "desk", "origin"
NOT_NEEDED, DUE, PAID, REFUND_DUE, REFUNDED = "not_needed", "due", "paid", "refund_due", "refunded"

_OF_DESKS = text(f"channel = '{DESK}'")


class Order(Base):
    """A confirmed hold. `id` is the hold's; `position` is its place in the group's log."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_member_id_confirmed_at", "member_id", "confirmed_at"),
        Index(
            "ix_orders_of_desks",
            "confirmed_at",
            sqlite_where=_OF_DESKS,
            postgresql_where=_OF_DESKS,
        ),
    )

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
    """Tickets handed over in one movement, with what was paid for them; undone at most once.

    What an undo gave back may have been paid with another hand-over of the order, so its method stands here too.
    """

    __tablename__ = "pickups"
    __table_args__ = (
        Index("ix_pickups_shift_id_at", "shift_id", "at"),
        Index("ix_pickups_undone_shift_id_undone_at", "undone_shift_id", "undone_at"),
    )

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
    shift_id: Mapped[str | None] = mapped_column(ForeignKey("shifts.id"))  # none: outside any shift
    undone_shift_id: Mapped[str | None] = mapped_column(ForeignKey("shifts.id"))
    given_back_method: Mapped[str | None] = mapped_column(String(20))
    given_back_amount: Mapped[Money | None]
    prints: Mapped[int] = mapped_column(server_default="0")  # the second one is a copy


class Shift(Base):
    """A clerk's till at a desk, from its opening to its closing; a clerk has one open at a desk at most."""

    __tablename__ = "shifts"
    __table_args__ = (
        Index(
            "uq_shifts_open",
            "staff_id",
            "desk",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)  # keyed by clerk and idempotency key
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"))
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"))
    desk: Mapped[str] = mapped_column(String(100))
    currency: Mapped[str] = mapped_column(String(3))
    opening_cash: Mapped[Money]
    opened_at: Mapped[Millis] = mapped_column(index=True)
    closed_at: Mapped[Millis | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff_accounts.id"))
    expected_cash: Mapped[Money | None]
    expected_card: Mapped[Money | None]
    counted_cash: Mapped[Money | None]
    counted_card: Mapped[Money | None]
    remark: Mapped[str | None] = mapped_column(String(500))


class AwayHandOver(Base):
    """A hand-over made without the network, kept as its desk sent it, whatever the books said by then."""

    __tablename__ = "away_hand_overs"

    id: Mapped[Id] = mapped_column(primary_key=True)  # of the pickup that it is, or would have been
    device: Mapped[str] = mapped_column(String(80))
    number: Mapped[str] = mapped_column(String(12))  # the order's, which may be of no order
    ticket_codes: Mapped[list[str]] = mapped_column(JSON)
    desk: Mapped[str] = mapped_column(String(100))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"))
    sent_by: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"))
    payment_method: Mapped[str | None] = mapped_column(String(20))
    payment_amount: Mapped[Money | None]
    at: Mapped[Millis]  # by the device's clock, put right by the server's
    received_at: Mapped[Millis]


class DeskConflict(Base):
    """What a hand-over made without the network and the books do not agree in. Nothing is undone; people decide."""

    __tablename__ = "desk_conflicts"
    __table_args__ = (Index("ix_desk_conflicts_organisation_id_id", "organisation_id", "id"),)

    id: Mapped[Serial]
    hand_over_id: Mapped[Id] = mapped_column(ForeignKey("away_hand_overs.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # collected, cancelled, unknown; of the money: paid, unpaid
    ticket_code: Mapped[str | None] = mapped_column(String(20))  # none: it is about the order's money
    event_id: Mapped[str | None] = mapped_column(ForeignKey("events.id"))
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"))  # whose staff are told
    amount: Mapped[Money | None]
    other_pickup_id: Mapped[str | None] = mapped_column(ForeignKey("pickups.id"))
    found_at: Mapped[Millis]
    settled_at: Mapped[Millis | None]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff_accounts.id"))
    settled_reason: Mapped[str | None] = mapped_column(String(500))


class Return(Base):
    """Tickets on their way back to Redis: a bit per ticket; `restocked_at` once Redis has them.

    They go on sale on the web, into the desk's share, or (`origin`) into the share as far as their sale took of it.
    """

    __tablename__ = "returns"

    id: Mapped[Serial]
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    places: Mapped[int]  # bit i-1 is the ticket at place i
    goes_to: Mapped[str] = mapped_column(String(10), default=TO_WEB)  # web, desk, origin
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
