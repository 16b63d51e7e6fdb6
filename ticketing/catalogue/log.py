"""What the log of a group asks and tells the catalogue: which group, which currency, which capacity."""

from collections.abc import Collection, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import PUBLISHED, Event, Quota


def group_of(session: Session, event_id: str) -> str | None:
    """The allowance group of an event."""
    return session.scalar(select(Event.group_id).where(Event.id == event_id))


def groups_of(session: Session, event_ids: Collection[str]) -> dict[str, str]:
    """The allowance group of each of these events that SQL has."""
    query = select(Event.id, Event.group_id).where(Event.id.in_(event_ids))
    return dict(session.execute(query).all())


def currencies(session: Session, event_ids: Collection[str]) -> dict[str, str]:
    """The currency in which each of these events is sold: that of its first quota."""
    query = select(Quota.event_id, Quota.currency).where(Quota.event_id.in_(event_ids), Quota.number == 1)
    return dict(session.execute(query).all())


def follow_capacity(session: Session, quota_id: str, capacity: int, withheld: int) -> None:
    """Take over what Redis decided about a quota; the log's order makes the last one win."""
    session.execute(update(Quota).where(Quota.id == quota_id).values(capacity=capacity, withheld=withheld))


def events_of(session: Session, group_id: str) -> Sequence[str]:
    """The events that share this group's log."""
    return session.scalars(select(Event.id).where(Event.group_id == group_id).order_by(Event.id)).all()


def on_sale(session: Session, now: int) -> list[tuple[str, str]]:
    """The events whose sale is open, with their groups."""
    window = (Event.state == PUBLISHED, Event.opens_at <= now, Event.closes_at > now)
    return [
        (row.id, row.group_id) for row in session.execute(select(Event.id, Event.group_id).where(*window))
    ]
