"""Reports for the finance office and for those it reports to, read from SQL alone, live.

Each is of one's own organisation or one below, over `[since, until)` in milliseconds; at most 400 days. Every method
raises `Refusal` FORBIDDEN, NOT_FOUND for an organisation out of reach, or INVALID.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from ticketing.database import Sessions, reading
from ticketing.reports.attendance import Attended, attendance
from ticketing.reports.participation import Participation, participation
from ticketing.reports.scope import Scope
from ticketing.reports.settlement import Settlement, settlement
from ticketing.services.report_period import Asked, months_of, require_period, require_reader, scope_of
from ticketing.services.tokens import Claims


class ReportService:
    """Reads the reports."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

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

    @contextmanager
    def _reading(self, staff: Claims, asked: Asked) -> Iterator[tuple[Session, Scope]]:
        require_reader(staff)
        require_period(asked.since, asked.until)
        with reading(self._sessions) as session:
            yield session, scope_of(session, staff, asked.organisation)
