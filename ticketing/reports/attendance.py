"""Who came: tickets collected and not collected, of the events that take place in a time."""

from msgspec import Struct
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import DRAFT, Event, Quota
from ticketing.orders.tables import COLLECTED, ISSUED, VOID, Ticket
from ticketing.reports.scope import Scope


class Attended(Struct, frozen=True, kw_only=True):
    """The tickets of a quota. `sold` are those collected and those not; `rate` is null where none was sold."""

    event_id: str
    event: str
    kind: str
    starts_at: int
    quota_id: str
    quota: str
    capacity: int
    sold: int
    collected: int
    not_collected: int
    void: int
    rate: float | None


def attendance(session: Session, scope: Scope, since: int, until: int) -> list[Attended]:
    """Of every quota that takes place in `[since, until)`, soonest first. A quota without a time is at its event's."""
    starts_at = func.coalesce(Quota.starts_at, Event.starts_at).label("starts_at")
    query = (
        select(
            Event.id.label("event_id"),
            Event.title.label("event"),
            func.coalesce(Event.kind, "").label("kind"),
            starts_at,
            Quota.id.label("quota_id"),
            Quota.name.label("quota"),
            Quota.capacity,
            *(_count(state) for state in (COLLECTED, ISSUED, VOID)),
        )
        .join(Quota, Quota.event_id == Event.id)
        .outerjoin(Ticket, Ticket.quota_id == Quota.id)
        .where(Event.organisation_id.in_(scope.organisation_ids), Event.state != DRAFT)
        .where(starts_at >= since, starts_at < until)
        .group_by(Event.id, Quota.id)
        .order_by(starts_at, Event.id, Quota.number)
    )
    return [_attended(**row) for row in session.execute(query).mappings()]


def _count(state: str) -> object:
    return func.coalesce(func.sum(case((Ticket.status == state, 1), else_=0)), 0).label(state)


def _attended(collected: int, issued: int, void: int, **names: object) -> Attended:
    sold = int(collected) + int(issued)
    return Attended(
        sold=sold,
        collected=int(collected),
        not_collected=int(issued),
        void=int(void),
        rate=round(int(collected) / sold, 4) if sold else None,
        **names,  # type: ignore[arg-type]
    )
