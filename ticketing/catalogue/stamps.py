"""What tells a reader that keeps events in memory which of them to read again."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import DRAFT, AllowanceGroup, Event


class Stamp(NamedTuple):
    """Differs from the one before when anything that staff decide of an event has changed."""

    version: int
    applied_version: int
    epoch: str | None
    opened_at: int | None
    archived_at: int | None


def stamps(session: Session) -> dict[str, Stamp]:
    """The stamp of every event that was ever published, by event id."""
    of_event = (Event.id, Event.version, Event.applied_version)
    of_group = (AllowanceGroup.epoch, AllowanceGroup.opened_at, AllowanceGroup.archived_at)
    query = select(*of_event, *of_group).join(AllowanceGroup).where(Event.state != DRAFT)
    return {row[0]: Stamp(*row[1:]) for row in session.execute(query)}


def by_ids(session: Session, event_ids: Collection[str]) -> Sequence[Event]:
    """These events with their groups and quotas, in no order."""
    return session.scalars(select(Event).where(Event.id.in_(event_ids))).unique().all()
