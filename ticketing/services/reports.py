"""Reports for the finance office and for those it reports to, read live.

All is from SQL, but for what was refused in sales that are not archived: Redis counts that.

Each is of one's own organisation or one below, over `[since, until)` in milliseconds; at most 400 days. Every method
raises `Refusal` FORBIDDEN, NOT_FOUND for an organisation out of reach, or INVALID.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.orm import Session

from ticketing.database import Sessions, snapshot
from ticketing.inventory.keeper import Keeper
from ticketing.reports.attendance import Attended, attendance
from ticketing.reports.demand import Demand, Found, by_event, demand, with_refusals
from ticketing.reports.participation import Participation, participation
from ticketing.reports.scope import Scope
from ticketing.reports.settlement import Settlement, settlement
from ticketing.services.event_access import require_reader
from ticketing.services.report_period import Asked, months_of, require_period, scope_of
from ticketing.services.tokens import Claims


class ReportService:
    """Reads the reports."""

    def __init__(self, sessions: Sessions, keeper: Keeper) -> None:
        self._sessions = sessions
        self._keeper = keeper

    def settlement(self, staff: Claims, asked: Asked, venue_id: str | None = None) -> Settlement:
        """What the venues are owed for tickets collected in the time; of one venue alone if one is named."""
        with self._reading(staff, asked) as (session, scope):
            return settlement(session, scope, asked.since, asked.until, venue_id)

    def participation(self, staff: Claims, asked: Asked, kind: str | None = None) -> Participation:
        """How many of those who hold a card used it in the time; for events of one kind if one is named."""
        with self._reading(staff, asked) as (session, scope):
            months = months_of(asked.since, asked.until)
            return participation(session, scope, asked.since, asked.until, months, kind)

    def attendance(self, staff: Claims, asked: Asked) -> list[Attended]:
        """Tickets collected and not collected of what takes place in the time."""
        with self._reading(staff, asked) as (session, scope):
            return attendance(session, scope, asked.since, asked.until)

    def demand(self, staff: Claims, asked: Asked) -> list[Demand]:
        """What was wished for in the sales that opened in the time. Raises `StoreUnavailable` too."""
        with self._reading(staff, asked) as (session, scope):
            found = demand(session, scope, asked.since, asked.until)
        live: dict[str, dict[str, int]] = {}
        for group_id in sorted({one.live_group for one in found if one.live_group}):
            live |= by_event(self._keeper.refusals(group_id))
        return [with_refusals(one.sale, _refusals(one, live)) for one in found]

    @contextmanager
    def _reading(self, staff: Claims, asked: Asked) -> Iterator[tuple[Session, Scope]]:
        require_reader(staff)
        require_period(asked.since, asked.until)
        with snapshot(self._sessions) as session:
            yield session, scope_of(session, staff, asked.organisation)


def _refusals(one: Found, live: Mapping[str, dict[str, int]]) -> Mapping[str, int]:
    return live.get(one.sale.event_id, {}) if one.live_group else one.refusals
