"""The numbers of an event that staff watch during a sale.

Counts and refusals come from Redis, what was collected, the course of the sale and the refusals of one that is
archived from SQL.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from ticketing.catalogue import refusals
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import Event, Quota
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import EventState, GroupState, QuotaCounts
from ticketing.members import repository as members
from ticketing.orders import figures
from ticketing.orders import repository as orders
from ticketing.orders.figures import QuotaSales, SaleSecond
from ticketing.services import event_access
from ticketing.services.tokens import Claims

SERIES_SECONDS_MAX = 3_600
"""Seconds of the sale in a series: the latest ones in which something was sold."""

LIVE_MS = 300_000
"""How far back the series of those who watch goes."""

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


class Books(Struct, frozen=True):
    """What SQL says of an event; `path` is its organisation's place in the tree.

    `refusals` are those of an archived sale, and none of any other.
    """

    event: Event
    path: str
    sales: dict[str, QuotaSales]
    series: Sequence[SaleSecond]
    recorded: int
    refusals: dict[str, int]


class EventStats(Struct, frozen=True):
    """An event in numbers at `as_of` (ms). `backlog` is how many log entries of its group SQL has yet to take.

    `live` is false while Redis does not know the event (a draft, or `recovering`) or does not answer: the counts
    are SQL's then. `books_answer` is false while SQL does not answer: what it says is as it was then. `state` is
    what Redis says of the event, when `redis_answers`; `live_holds` counts the holds of its group that wait to be
    confirmed.
    """

    books: Books
    state: EventState | None
    as_of: int
    redis_answers: bool
    books_answer: bool
    quotas: tuple[QuotaStats, ...]
    refusals: dict[str, int]
    live_holds: int
    backlog: int
    oldest_undrained: UndrainedOrder | None

    @property
    def live(self) -> bool:
        """Whether Redis knows the event and answers."""
        return self.state is not None

    @property
    def event(self) -> Event:
        """The event as SQL has it."""
        return self.books.event

    @property
    def event_id(self) -> str:
        """The event's id."""
        return self.books.event.id

    @property
    def series(self) -> Sequence[SaleSecond]:
        """What was sold, second by second."""
        return self.books.series


class StatsService:
    """Reads the numbers of an event."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def event_stats(self, staff: Claims, event_id: str) -> EventStats:
        """The numbers now. Raises `Refusal` (`not_found`, `forbidden`) or `StoreUnavailable`."""
        with reading(self._sessions) as session:
            books = self._books(session, event_access.readable(session, staff, event_id))
        return self._joined(books, books_answer=True)

    def watched(self, event_id: str, before: EventStats | None) -> EventStats:
        """The numbers for those who watch, whose reach is for the caller to check; the series is of `LIVE_MS`.

        Goes on with what was known `before` while a server does not answer; without that it raises, as SQL's
        errors or `Refusal` NOT_FOUND.
        """
        books, answers = self._books_or(event_id, before)
        try:
            return self._joined(books, books_answer=answers)
        except StoreUnavailable:
            return self._without_redis(books, answers)

    def _books_or(self, event_id: str, before: EventStats | None) -> tuple[Books, bool]:
        try:
            with reading(self._sessions) as session:
                event = catalogue.get(session, event_id)
                if event is None:
                    raise Refusal(Code.NOT_FOUND)
                return self._books(session, event, self._clock.now_ms() - LIVE_MS), True
        except (DBAPIError, PoolTimeout):
            if before is None:
                raise
            return before.books, False

    def _books(self, session: Session, event: Event, since: int = 0) -> Books:
        return Books(
            event=event,
            path=members.organisation_of(session, event.organisation_id).path,
            sales=figures.sales_by_quota(session, event.id),
            series=tuple(figures.last_seconds(session, event.id, SERIES_SECONDS_MAX, since)),
            recorded=_recorded_position(session, event.group_id),
            refusals=_by_reason(event, refusals.kept(session, [event.id])),
        )

    def _joined(self, books: Books, *, books_answer: bool) -> EventStats:
        event = books.event
        group = self._keeper.state(event.group_id)
        live = group.events.get(event.id) if group and group.as_expected else None
        return EventStats(
            books=books,
            state=live,
            as_of=self._clock.now_ms(),
            redis_answers=True,
            books_answer=books_answer,
            quotas=_quotas(books, live),
            refusals=books.refusals if event.group.archived_at else self._refusals(event),
            live_holds=self._keeper.live_holds(event.group_id),
            backlog=max(0, group.position - books.recorded) if group else 0,
            oldest_undrained=self._oldest_undrained(event.group_id, books.recorded, group),
        )

    def _without_redis(self, books: Books, books_answer: bool) -> EventStats:
        return EventStats(
            books=books,
            state=None,
            as_of=self._clock.now_ms(),
            redis_answers=False,
            books_answer=books_answer,
            quotas=_quotas(books, None),
            refusals=books.refusals,
            live_holds=0,
            backlog=0,
            oldest_undrained=None,
        )

    def _refusals(self, event: Event) -> dict[str, int]:
        return _by_reason(event, self._keeper.refusals(event.group_id))

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


def _by_reason(event: Event, counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {reason: count for (event_id, reason), count in sorted(counts.items()) if event_id == event.id}


def _recorded_position(session: Session, group_id: str) -> int:
    cursor = orders.cursor(session, group_id)
    return cursor.position if cursor else 0


def _quotas(books: Books, live: EventState | None) -> tuple[QuotaStats, ...]:
    sales = books.sales
    return tuple(
        _quota_stats(quota, live, sales.get(quota.id, _NOTHING_SOLD)) for quota in books.event.quotas
    )


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
