"""Tables of what is on sale: allowance groups, events, quotas, and how they look."""

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.database import Base, Id, Millis, Money, Serial

DRAFT, PUBLISHED, PAUSED, CLOSED, CANCELLED = "draft", "published", "paused", "closed", "cancelled"

KEEP, TO_WEB, TO_DESK = "keep", "web", "desk"
"""What becomes of tickets that nobody collected in time: the members', on the web, in the desk's share."""


class AllowanceGroup(Base):
    """Events that share a per-member limit; an event that shares none is a group of its own.

    `epoch` is set before the group is first opened in Redis and changes with every rebuild;
    `opened_at` is set after. Together they tell "never opened" from "forgotten".
    """

    __tablename__ = "allowance_groups"

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    per_card_limit: Mapped[int | None]
    epoch: Mapped[str | None] = mapped_column(String(20))
    opened_at: Mapped[Millis | None]
    archived_at: Mapped[Millis | None]


class Venue(Base):
    """A venue or merchant of the programme, kept by an organisation for itself and all below it."""

    __tablename__ = "venues"

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    contact: Mapped[str] = mapped_column(String(200))
    contract_number: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10))  # admitted <-> suspended, removed; back to admitted
    state_reason: Mapped[str] = mapped_column(String(500))
    state_since: Mapped[Millis]


class Budget(Base):
    """What a campaign may cost the union: an amount for the subsidy of its events, each in one budget at most."""

    __tablename__ = "budgets"

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    amount: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    note: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[Millis]


class Event(Base):
    """What staff wish of an event. `version` rises with every change; Redis has applied `applied_version`."""

    __tablename__ = "events"

    id: Mapped[Id] = mapped_column(primary_key=True)
    group_id: Mapped[Id] = mapped_column(ForeignKey("allowance_groups.id"), index=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    venue: Mapped[str] = mapped_column(String(200), default="")
    venue_id: Mapped[str | None] = mapped_column(String(80), ForeignKey("venues.id"), index=True)
    budget_id: Mapped[str | None] = mapped_column(String(80), ForeignKey("budgets.id"), index=True)
    kind: Mapped[str | None] = mapped_column(String(20))  # one of `model.KINDS`
    starts_at: Mapped[Millis]
    state: Mapped[str] = mapped_column(
        String(10), default=DRAFT
    )  # draft -> published <-> paused -> closed | cancelled
    opens_at: Mapped[Millis]
    closes_at: Mapped[Millis]
    per_card_limit: Mapped[int | None]
    eligible_organisations: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    hold_seconds: Mapped[int] = mapped_column(default=300)
    payment_methods: Mapped[list[str]] = mapped_column(JSON)
    cancellable_until: Mapped[Millis | None]
    collect_until: Mapped[Millis | None]
    uncollected: Mapped[str] = mapped_column(String(10), default=KEEP)  # keep, web, desk
    # The deadline after which that was last done, to its end.
    returned_until: Mapped[Millis | None]
    share_back_minutes: Mapped[int | None]  # so long before it starts the desk's share goes to the web
    pickup: Mapped[str] = mapped_column(Text, default="")
    notice: Mapped[str] = mapped_column(Text, default="")
    pause_message: Mapped[str] = mapped_column(Text, default="")  # what members read while the sale is paused
    version: Mapped[int] = mapped_column(default=1)
    applied_version: Mapped[int] = mapped_column(default=0)
    # Of a cancelled event: when its last ticket was void, and none could follow.
    voided_at: Mapped[Millis | None]
    created_at: Mapped[Millis]

    group: Mapped[AllowanceGroup] = relationship(lazy="joined")
    quotas: Mapped[list["Quota"]] = relationship(
        order_by="Quota.number", lazy="selectin", back_populates="event"
    )
    waiting_waves: Mapped[list["Wave"]] = relationship(
        primaryjoin="and_(Wave.event_id == Event.id, Wave.state == 'waiting')",
        order_by="Wave.at",
        lazy="selectin",
        viewonly=True,
    )


class Quota(Base):
    """One counted pool of an event. After publishing, Redis decides `capacity` and SQL follows the log."""

    __tablename__ = "quotas"
    __table_args__ = (UniqueConstraint("event_id", "number"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    event_id: Mapped[Id] = mapped_column(ForeignKey("events.id"), index=True)
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    starts_at: Mapped[Millis | None]
    price: Mapped[Money] = mapped_column(default=0)
    face_price: Mapped[Money] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    capacity: Mapped[int]
    withheld: Mapped[int] = mapped_column(default=0)
    share_back_for: Mapped[
        Millis | None
    ]  # the time for which the desk's share was last given back by the rule
    per_card_limit: Mapped[int | None]

    event: Mapped[Event] = relationship(back_populates="quotas")


class Wave(Base):
    """Tickets that a quota gets at a time; until then they are in nobody's count.

    `releasing` means that its time has come and it cannot be called off any more; `released` is written with the
    capacity that it made.
    """

    __tablename__ = "waves"

    id: Mapped[Id] = mapped_column(primary_key=True)
    event_id: Mapped[Id] = mapped_column(ForeignKey("events.id"), index=True)
    quota_id: Mapped[Id] = mapped_column(ForeignKey("quotas.id"), index=True)
    quantity: Mapped[int]
    at: Mapped[Millis]
    state: Mapped[str] = mapped_column(String(10), index=True)  # waiting -> releasing -> released | cancelled
    reason: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[Millis]
    settled_at: Mapped[Millis | None]


class RefusalCount(Base):
    """How often wishes of an archived sale were refused for a reason; Redis counts while the sale is there."""

    __tablename__ = "refusal_counts"

    event_id: Mapped[Id] = mapped_column(ForeignKey("events.id"), primary_key=True)
    reason: Mapped[Id] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class EventNews(Base):
    """What changed of a published event that whoever has tickets must hear of; values as text, times in ms."""

    __tablename__ = "event_news"

    id: Mapped[Serial]
    event_id: Mapped[Id] = mapped_column(ForeignKey("events.id"), index=True)
    quota_id: Mapped[str | None] = mapped_column(String(80))  # None: of the event as a whole
    field: Mapped[str] = mapped_column(String(20))  # starts_at, venue, state
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    at: Mapped[Millis]


class Picture(Base):
    """A picture in two sizes, known by the hash of its content, so that a browser may keep it for ever."""

    __tablename__ = "pictures"

    id: Mapped[Id] = mapped_column(primary_key=True)
    small: Mapped[bytes] = mapped_column(LargeBinary)
    large: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Millis]


class Look(Base):
    """How the pages of an event or an organisation look; `subject` is `event:ID` or `organisation:ID`."""

    __tablename__ = "looks"

    subject: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), default="")
    colour: Mapped[str] = mapped_column(String(10), default="")
    picture_id: Mapped[str | None] = mapped_column(String(80), ForeignKey("pictures.id"))
    changed_at: Mapped[Millis]
