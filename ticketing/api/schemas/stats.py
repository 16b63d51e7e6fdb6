"""The numbers of an event that staff watch."""

from datetime import datetime
from typing import Any

from ticketing.api.schemas.base import Answer, StaffStatus


class QuotaStats(Answer):
    """A quota's tickets: `available` is `capacity` less `withheld`, `held` and `sold`, at least 0."""

    id: str
    name: str
    capacity: int
    withheld: int
    available: int
    held: int
    sold: int
    collected: int


class SaleSecond(Answer):
    """What was confirmed in the second that begins at `at`."""

    at: datetime
    orders: int
    tickets: int


class UndrainedOrder(Answer):
    """The oldest order that SQL does not have yet."""

    order_id: str
    confirmed_at: datetime
    age_ms: int


class Stats(Answer):
    """An event in numbers. `live` is false while Redis does not know the event; the counts are SQL's then.

    `status` is null while Redis does not answer, and `books_answer` false while SQL does not: what it says is as it
    was. `live_holds` counts the holds of the event's group that wait to be confirmed, and `backlog` is how many log
    entries of the group SQL has yet to take.
    """

    event_id: str
    as_of: datetime
    status: StaffStatus | None
    live: bool
    books_answer: bool
    quotas: list[QuotaStats]
    refusals: dict[str, int]
    series: list[SaleSecond]
    live_holds: int
    backlog: int
    oldest_undrained: UndrainedOrder | None


class WatchedStats(Stats):
    """The same as it is streamed: `series` is of the last five minutes, `watching` who else looks at it now."""

    watching: list[str]


class SaleMoment(Answer):
    """An act of staff in the course of a sale, as the trail has it."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class SaleCurve(Answer):
    """Tickets sold in each step of `step_ms` from `since` on, in `orders`; `sold` is of the whole sale.

    Tickets that were cancelled since count. `since` is null when nothing was sold.
    """

    event_id: str
    span: str
    since: datetime | None
    step_ms: int
    tickets: list[int]
    orders: int
    sold: int
    moments: list[SaleMoment]
