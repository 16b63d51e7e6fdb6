"""Waves of tickets in SQL: planned, called off, and released with the capacity that they make."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import DRAFT, PAUSED, PUBLISHED, AllowanceGroup, Event, Wave

WAITING, RELEASING, RELEASED, CANCELLED = "waiting", "releasing", "released", "cancelled"

_ACT = "wave."


def act_of(wave_id: str) -> str:
    """The act in a group's log that releases a wave."""
    return f"{_ACT}{wave_id}"


def wave_of(act_id: str) -> str | None:
    """The wave that an act releases; None for any other act."""
    return act_id.removeprefix(_ACT) if act_id.startswith(_ACT) else None


def get(session: Session, wave_id: str) -> Wave | None:
    """A wave as SQL has it now."""
    return session.get(Wave, wave_id, populate_existing=True)


def of_event(session: Session, event_id: str) -> Sequence[Wave]:
    """Every wave of an event, by its time."""
    return session.scalars(select(Wave).where(Wave.event_id == event_id).order_by(Wave.at, Wave.id)).all()


def planned(session: Session, quota_id: str) -> int:
    """How many tickets of a quota are still to come."""
    coming = (Wave.quota_id == quota_id, Wave.state.in_((WAITING, RELEASING)))
    return session.scalar(select(func.coalesce(func.sum(Wave.quantity), 0)).where(*coming)) or 0


def due(session: Session, now: int) -> Sequence[str]:
    """The waves whose time has come, or whose release was interrupted; those of drafts wait for publishing."""
    ripe = or_(and_(Wave.state == WAITING, Wave.at <= now), Wave.state == RELEASING)
    query = select(Wave.id).join(Event, Event.id == Wave.event_id).where(ripe, Event.state != DRAFT)
    return session.scalars(query.order_by(Wave.at, Wave.id)).all()


def unreleased(session: Session, group_id: str) -> Sequence[Wave]:
    """The waves of a group that SQL does not know as released."""
    query = select(Wave).join(Event, Event.id == Wave.event_id)
    return session.scalars(query.where(Event.group_id == group_id, Wave.state != RELEASED)).all()


def late(session: Session, group_id: str, before: int) -> Sequence[str]:
    """The waves that should have been on sale before that time and are not."""
    query = select(Wave.id).join(Event, Event.id == Wave.event_id)
    query = query.where(Event.group_id == group_id, Event.state.in_((PUBLISHED, PAUSED)))
    return session.scalars(query.where(Wave.state.in_((WAITING, RELEASING)), Wave.at < before)).all()


def releasing_epoch(session: Session, wave_id: str) -> str | None:
    """The epoch under which a wave is to be released; None when it is not. Both are of the same moment.

    Read apart, a wave that was released, recorded and counted into a group made anew could be released again there.
    """
    query = select(AllowanceGroup.epoch).join(Event, Event.group_id == AllowanceGroup.id)
    query = query.join(Wave, Wave.event_id == Event.id)
    return session.scalar(query.where(Wave.id == wave_id, Wave.state == RELEASING))


def mark_released(session: Session, wave_ids: Collection[str], at: int) -> None:
    """Note that the capacity, as this transaction leaves it, has these waves."""
    known = (Wave.id.in_(wave_ids), Wave.state != RELEASED)
    session.execute(update(Wave).where(*known).values(state=RELEASED, settled_at=at))


def forget_settled(session: Session, event_id: str) -> None:
    """Let go of a draft's waves that are over, so that its quotas can go."""
    session.execute(delete(Wave).where(Wave.event_id == event_id, Wave.state.in_((RELEASED, CANCELLED))))
