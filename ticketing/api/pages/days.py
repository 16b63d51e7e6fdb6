"""The days that a page of figures is about, by the calendar of `ZONE`."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request

from ticketing.api.pages.formats import milliseconds
from ticketing.clock import ZONE
from ticketing.errors import Code, Refusal


class Days(NamedTuple):
    """From the first day to the last, both included."""

    first: date
    last: date

    @property
    def since(self) -> int:
        """When the first day begins, in milliseconds."""
        return midnight(self.first)

    @property
    def until(self) -> int:
        """When the last day ends."""
        return midnight(self.last + timedelta(days=1))

    @property
    def query(self) -> str:
        """The same time as the API takes it."""
        return urlencode({name: utc_text(getattr(self, name)) for name in ("since", "until")})


def days_of(request: Request, first: date, last: date) -> Days:
    """The days asked for by `?first=` and `?last=`, and otherwise these. Raises the refusal `invalid`."""
    try:
        end = date.fromisoformat(request.query_params.get("last") or last.isoformat())
        start_text = request.query_params.get("first")
        start = date.fromisoformat(start_text) if start_text else end - (last - first)
        if not date(1971, 1, 1) <= start <= end < date(9999, 1, 1):
            raise ValueError(start_text)
    except (ValueError, OverflowError) as error:
        raise Refusal(Code.INVALID) from error
    return Days(start, end)


def day_of(at_ms: int) -> date:
    """The day of a time."""
    return datetime.fromtimestamp(at_ms / 1000, ZONE).date()


def midnight(day: date) -> int:
    """When a day begins, in milliseconds."""
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=ZONE))


def utc_text(at_ms: int) -> str:
    """A time as the API takes it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
