"""Reports as the finance office reads them: the rows are those of the reports themselves."""

from datetime import datetime

from ticketing.api.schemas.base import Answer
from ticketing.reports import participation, settlement


class Settlement(Answer):
    """What venues are owed for tickets collected from `since` on and before `until`."""

    since: datetime
    until: datetime
    lines: list[settlement.SettlementLine]
    venues: list[settlement.VenueSum]
    ties: list[settlement.TieOut]


class Participation(Answer):
    """Cards used, of those held, beside the rate of a published year."""

    since: datetime
    until: datetime
    published_rate: float
    lines: list[participation.Use]


class Attended(Answer):
    """The tickets of a quota that takes place in the time."""

    event_id: str
    event: str
    kind: str
    starts_at: datetime
    quota_id: str
    quota: str
    capacity: int
    sold: int
    collected: int
    not_collected: int
    void: int
    rate: float | None


class Attendance(Answer):
    """Tickets collected and not collected of what takes place in the time, soonest first."""

    since: datetime
    until: datetime
    quotas: list[Attended]


class Demand(Answer):
    """What was wished for in an event's sale.

    `allowance_used` is what buyers bought of what they could have: `sold / (limit * buyers)`; null without a limit or
    a buyer. `sold_out_at` is when the last ticket was sold, null while there is one left. `refusals` by code.
    """

    event_id: str
    event: str
    kind: str
    opens_at: datetime
    capacity: int
    sold: int
    buyers: int
    limit: int | None
    allowance_used: float | None
    sold_out_at: datetime | None
    seconds_to_sell_out: int | None
    refused: int
    refusals: dict[str, int]


class DemandReport(Answer):
    """The demand for each event whose sale opened in the time, soonest first."""

    since: datetime
    until: datetime
    events: list[Demand]
