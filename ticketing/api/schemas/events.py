"""Events as everyone sees them."""

from datetime import datetime

from ticketing.api.schemas.base import Answer, EventKind, StaffStatus, Status, Uncollected


class NextRelease(Answer):
    """The next tickets that come, and when."""

    at: datetime
    quantity: int


class Quota(Answer):
    """One counted pool of an event. `available` is what may be held now; what `next_release` brings comes on top."""

    id: str
    name: str
    starts_at: datetime | None
    price: int
    face_price: int
    currency: str
    capacity: int
    available: int
    per_card_limit: int | None
    next_release: NextRelease | None = None


class EventSummary(Answer):
    """An event without its quotas. `organisation` is an id; `eligible_organisations` null means everyone."""

    id: str
    title: str
    description: str
    venue: str
    organisation: str
    organisation_name: str
    starts_at: datetime
    status: StaffStatus
    opens_at: datetime
    closes_at: datetime
    per_card_limit: int | None
    allowance_group: str
    eligible_organisations: list[str] | None
    hold_seconds: int
    payment_methods: list[str]
    cancellable_until: datetime | None
    collect_until: datetime | None
    uncollected: Uncollected
    pickup: str
    notice: str
    kind: EventKind | None


class Event(EventSummary):
    """An event with its quotas."""

    quotas: list[Quota]


class Events(Answer):
    """Soonest sale first."""

    events: list[EventSummary]


class QuotaAvailability(Answer):
    """What may be held now, and what others hold and may give back."""

    available: int
    held: int


class Availability(Answer):
    """The counts of an event, at most 250 ms old at `as_of`."""

    event_id: str
    as_of: datetime
    status: Status
    quotas: dict[str, QuotaAvailability]
