"""What every report begins with: of which organisations, over which time."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from ticketing.catalogue.validation import AT_MS_MAX
from ticketing.clock import DAY_MS, ZONE
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.reports.participation import Month
from ticketing.reports.scope import Scope
from ticketing.services import event_access
from ticketing.services.tokens import Claims

REPORT_DAYS_MAX = 400


class Asked(NamedTuple):
    """What a report is asked for: a time, and whose it is (None: the staff member's own organisation)."""

    since: int
    until: int
    organisation: str | None = None


def require_period(since: int, until: int) -> None:
    """Refuse a time that is empty, too long or too far away (`invalid`)."""
    if until > AT_MS_MAX:
        raise invalid(("until", "must be a time from 1970 to 2100"))
    if not 0 <= since < until <= since + REPORT_DAYS_MAX * DAY_MS:
        raise invalid(("until", "must be after since, by 400 days at most"))


def scope_of(session: Session, staff: Claims, organisation_id: str | None) -> Scope:
    """An organisation, the staff member's own unless one is named, and all below it.

    One that is out of reach is not there (`not_found`).
    """
    path = staff.organisation_path
    if organisation_id is not None:
        organisation = members.organisation(session, organisation_id)
        if organisation is None or not staff.covers(organisation.path):
            raise Refusal(Code.NOT_FOUND)
        path = organisation.path
    return Scope(path, event_access.ids_below(path))


def months_of(since: int, until: int) -> list[Month]:
    """The months that a time touches, by the calendar of `ZONE`."""
    months: list[Month] = []
    begin = datetime.fromtimestamp(since / 1000, ZONE).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    while begin.timestamp() * 1000 < until:
        end = (begin + timedelta(days=32)).replace(day=1)
        months.append(Month(f"{begin:%Y-%m}", round(end.timestamp() * 1000)))
        begin = end
    return months
