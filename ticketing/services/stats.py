"""The numbers of an event that staff watch during a sale.

Counts and refusals come from Redis, what was collected and the course of the sale from SQL.
"""

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event, Quota
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import EventState, GroupState, QuotaCounts
from ticketing.orders import figures
from ticketing.orders import repository as orders
from ticketing.orders.figures import QuotaSales, SaleSecond
from ticketing.services import event_access
from ticketing.services.tokens import Claims

SERIES_SECONDS_MAX = 3_600
"""Seconds of the sale in a series: the latest ones in which something was sold."""

_UNDRAINED_SCAN_MAX = 100
_NOTHING_SOLD = QuotaSales(0, 0)


class QuotaStats(Struct, frozen=True):
    """A quota's tickets: those of I1, and how many were handed out."""

    id: str
    name: str
    capacity: int
    withheld: int
    available: int
    held: int
    sold: int
    collected: int


class UndrainedOrder(Struct, frozen=True):
    """The oldest order of the event's group that SQL does not have yet, and how long it has waited (ms)."""

    order_id: str
    confirmed_at: int
    age_ms: int


class EventStats(Struct, frozen=True):
    """An event in numbers at `as_of` (ms). `backlog` is how many log entries of its group SQL has yet to take.

    `live` is false while Redis does not know the event (a draft, or `recovering`): the counts are SQL's then.
    """

    event_id: str
    as_of: int
    live: bool
    quotas: tuple[QuotaStats, ...]
    refusals: dict[str, int]
    series: tuple[SaleSecond, ...]
    backlog: int
    oldest_undrained: UndrainedOrder | None


class StatsService:
    """Reads the numbers of an event."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def event_stats(self, staff: Claims, event_id: str) -> EventStats:
        """The numbers now. Raises `Refusal` (`not_found`, `forbidden`) or `StoreUnavailable`."""
        with reading(self._sessions) as session:
            event = event_access.readable(session, staff, event_id)
            sales = figures.sales_by_quota(session, event_id)
            series = figures.last_seconds(session, event_id, SERIES_SECONDS_MAX)
            recorded = _recorded_position(session, event.group_id)
        group = self._keeper.state(event.group_id)
        live = group.events.get(event_id) if group and group.as_expected else None
        return EventStats(
            event_id=event_id,
            as_of=self._clock.now_ms(),
            live=live is not None,
            quotas=tuple(
                _quota_stats(quota, live, sales.get(quota.id, _NOTHING_SOLD)) for quota in event.quotas
            ),
            refusals=self._refusals(event),
            series=tuple(series),
            backlog=max(0, group.position - recorded) if group else 0,
            oldest_undrained=self._oldest_undrained(event.group_id, recorded, group),
        )

    def _refusals(self, event: Event) -> dict[str, int]:
        counts = self._keeper.refusals(event.group_id)
        return {code: count for (event_id, code), count in sorted(counts.items()) if event_id == event.id}

    def _oldest_undrained(
        self, group_id: str, recorded: int, group: GroupState | None
    ) -> UndrainedOrder | None:
        if group is None or group.position <= recorded:
            return None
        for entry in self._keeper.read_log(group_id, recorded, _UNDRAINED_SCAN_MAX):
            if entry.hold is not None and entry.hold.confirmed_at is not None:
                confirmed_at = entry.hold.confirmed_at
                return UndrainedOrder(entry.hold.id, confirmed_at, max(0, group.now - confirmed_at))
        return None


def _recorded_position(session: Session, group_id: str) -> int:
    cursor = orders.cursor(session, group_id)
    return cursor.position if cursor else 0


def _quota_stats(quota: Quota, live: EventState | None, sales: QuotaSales) -> QuotaStats:
    known = live and live.counts.get(quota.number)
    counts = known or QuotaCounts(quota.capacity, quota.withheld, 0, sales.sold)
    return QuotaStats(
        id=quota.id,
        name=quota.name,
        capacity=counts.capacity,
        withheld=counts.withheld,
        available=counts.available,
        held=counts.held,
        sold=counts.sold,
        collected=sales.collected,
    )
