"""The course of a sale, from SQL alone: what was sold in each step of it, and what staff did meanwhile.

So it can be looked at for as long as SQL has the orders, also when Redis has long forgotten the sale.
"""

from typing import Any

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event
from ticketing.database import Sessions, reading
from ticketing.errors import invalid
from ticketing.orders import figures
from ticketing.services import event_access
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff

STEPS_MS = tuple(1_000 * seconds for seconds in (1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400))
"""How long a step of the curve may be."""

PLACES_MAX = 360
"""Steps of a curve at most: more are finer than a screen."""

SPANS_MS = {"minutes": 300_000, "hour": 3_600_000, "day": 86_400_000}
"""How much of a sale from its first ticket on may be asked for, beside `all` of it."""

ALL = "all"
MOMENTS_MAX = 200

_ACTS = (
    "event.publish",
    "event.pause",
    "event.resume",
    "event.close",
    "event.cancel",
    "quota.add",
    "quota.raise",
    "quota.resize",
    "wave.release",
    "quota.table",
    "quota.give_back_share",
)


class Moment(Struct, frozen=True):
    """An act of staff in the course of a sale."""

    at: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class SaleCurve(Struct, frozen=True):
    """Tickets sold in each step of `step_ms` from `since` on, cancelled ones included; `sold` is of the whole sale.

    `since` is None when nothing was sold.
    """

    event: Event
    span: str
    since: int | None
    step_ms: int
    tickets: tuple[int, ...]
    orders: int
    sold: int
    moments: tuple[Moment, ...]


class CurveService:
    """Reads the course of a sale."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def sale_curve(self, reader: Claims, event_id: str, span: str = ALL) -> SaleCurve:
        """The course of an event's sale. Raises `Refusal`: `not_found`, `forbidden`, `invalid` for another span."""
        if span != ALL and span not in SPANS_MS:
            raise invalid(("span", "is unknown"))
        with reading(self._sessions) as session:
            event = event_access.readable(session, reader, event_id)
            ends = figures.first_and_last(session, event_id)
            moments = _moments(session, event)
            if ends is None:
                return SaleCurve(event, span, None, STEPS_MS[0], (), 0, 0, moments)
            first, last = ends
            if span != ALL:
                last = min(last, first + SPANS_MS[span] - 1)
            step = _step(first, last)
            since = first - first % step
            rows = figures.sold_in_steps(session, event_id, step, since, last)
            # All of the sale has just been counted step by step.
            sold = (
                sum(row.tickets for row in rows) if span == ALL else figures.tickets_ever(session, event_id)
            )
        tickets = [0] * ((last - since) // step + 1)
        for at, _, count in rows:
            tickets[(at - since) // step] = count
        orders = sum(count for _, count, _ in rows)
        return SaleCurve(event, span, since, step, tuple(tickets), orders, sold, moments)


def _step(first: int, last: int) -> int:
    """The shortest step with which all of it has at most `PLACES_MAX` places."""
    fitting = (step for step in STEPS_MS if last // step - first // step < PLACES_MAX)
    return next(fitting, STEPS_MS[-1])


def _moments(session: Session, event: Event) -> tuple[Moment, ...]:
    subjects = [f"event:{event.id}", *(f"quota:{quota.id}" for quota in event.quotas)]
    rows = staff.acts_on(session, subjects, _ACTS, MOMENTS_MAX)
    return tuple(Moment(row.at, row.actor, row.action, row.subject, row.detail) for row in rows)
