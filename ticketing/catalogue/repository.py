"""All SQL of the catalogue: groups, events, quotas.

Every function takes the session of a transaction that its caller commits.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session, lazyload

from ticketing.catalogue.model import EventDraft, QuotaDraft, needed_methods
from ticketing.catalogue.tables import (
    CANCELLED,
    CLOSED,
    DRAFT,
    KEEP,
    PAUSED,
    PUBLISHED,
    AllowanceGroup,
    Event,
    Quota,
)
from ticketing.clock import DAY_MS, MINUTE_MS
from ticketing.identifiers import new_event_id, quota_id

_FRESH = {"populate_existing": True}
_EVENT_FIELDS = (
    "title",
    "description",
    "venue",
    "starts_at",
    "opens_at",
    "closes_at",
    "per_card_limit",
    "hold_seconds",
    "cancellable_until",
    "collect_until",
    "uncollected",
    "share_back_minutes",
    "pickup",
    "notice",
    "kind",
    "venue_id",
)
_QUOTA_FIELDS = ("name", "capacity", "withheld", "starts_at", "price", "currency", "per_card_limit")


def get(session: Session, event_id: str) -> Event | None:
    """The event with its group and quotas, as SQL has it now."""
    return session.get(Event, event_id, populate_existing=True)


def lock(session: Session, event_id: str) -> Event | None:
    """The event, kept from other writers until this transaction ends."""
    # With `key_share` orders, whose rows refer to the event, need not wait. The event itself is read afterwards: a
    # statement that waited has its group as it was before, or none when the event was put into another meanwhile.
    session.execute(select(Event.id).where(Event.id == event_id).with_for_update(key_share=True))
    return get(session, event_id)


def on_sale(session: Session, now: int, organisation_ids: Select[str]) -> Sequence[Event]:
    """What these organisations sell now or are about to, soonest sale first."""
    mine = (Event.state.not_in((DRAFT, CLOSED, CANCELLED)), Event.closes_at > now)
    return _of(session, organisation_ids, *mine)


def collectable(session: Session, now: int, organisation_ids: Select[str]) -> Sequence[Event]:
    """Events of these organisations whose tickets may still be collected, soonest sale first.

    Some come late: for a day after it began unless staff say until when, and never before the sale has ended.
    """
    until = func.coalesce(Event.collect_until, Event.starts_at + DAY_MS)
    mine = (Event.state.not_in((DRAFT, CANCELLED)), or_(Event.closes_at > now, until > now))
    return _of(session, organisation_ids, *mine)


def _of(session: Session, organisation_ids: Select[str], *conditions: ColumnElement[bool]) -> Sequence[Event]:
    mine = (Event.organisation_id.in_(organisation_ids), *conditions)
    query = select(Event).where(*mine).order_by(Event.opens_at, Event.id)
    # Every swipe reads this, and nobody who does asks for waves: they would cost a statement more.
    return session.scalars(query.options(lazyload(Event.waiting_waves))).all()


def of_group(session: Session, group_id: str) -> Sequence[Event]:
    """Every event of a group that was ever published."""
    mine = (Event.group_id == group_id, Event.state != DRAFT)
    return session.scalars(select(Event).where(*mine).order_by(Event.id), execution_options=_FRESH).all()


def of_organisations(session: Session, organisation_ids: Select[str]) -> Sequence[Event]:
    """The events of these organisations, drafts too, latest sale first."""
    mine = Event.organisation_id.in_(organisation_ids)
    return session.scalars(select(Event).where(mine).order_by(Event.opens_at.desc(), Event.id)).all()


def in_groups(session: Session, group_ids: Collection[str]) -> Sequence[Event]:
    """The events of these groups, drafts too, in the order in which they take place."""
    return session.scalars(
        select(Event).where(Event.group_id.in_(group_ids)).order_by(Event.starts_at, Event.id)
    ).all()


def drafts_beside(session: Session, group: AllowanceGroup, most: int) -> Sequence[Event]:
    """Drafts of the group's organisation that are not in it, the newest first, at most so many."""
    mine = (Event.organisation_id == group.organisation_id, Event.state == DRAFT, Event.group_id != group.id)
    return session.scalars(
        select(Event).where(*mine).order_by(Event.created_at.desc(), Event.id).limit(most)
    ).all()


def those_of(session: Session, event_ids: Collection[str], organisation_ids: Select[str]) -> set[str]:
    """Which of these events belong to one of the organisations."""
    if not event_ids:
        return set()
    mine = (Event.id.in_(event_ids), Event.organisation_id.in_(organisation_ids))
    return set(session.scalars(select(Event.id).where(*mine)))


def ids_of_organisations(organisation_ids: Select[str]) -> Select[str]:
    """The ids of every event of these organisations, as a part of another query."""
    return select(Event.id).where(Event.organisation_id.in_(organisation_ids))


def titles(session: Session, event_ids: Collection[str]) -> dict[str, str]:
    """What these events are called."""
    rows = session.execute(select(Event.id, Event.title).where(Event.id.in_(event_ids)))
    return {row.id: row.title for row in rows}


def pending(session: Session) -> Sequence[str]:
    """The ids of events whose last change Redis may not have yet, oldest sale first."""
    behind = (Event.state != DRAFT, Event.applied_version < Event.version)
    return session.scalars(select(Event.id).where(*behind).order_by(Event.opens_at, Event.id)).all()


def mark_applied(session: Session, event_id: str, version: int) -> None:
    """Note that Redis has `version` of the event, or a later one; never goes back."""
    older = (Event.id == event_id, Event.applied_version < version)
    session.execute(update(Event).where(*older).values(applied_version=version))


def to_void(session: Session) -> Sequence[str]:
    """The ids of cancelled events that may still have tickets, or get some."""
    unfinished = (Event.state == CANCELLED, Event.voided_at.is_(None))
    return session.scalars(select(Event.id).where(*unfinished).order_by(Event.id)).all()


def mark_voided(session: Session, event_id: str, at: int) -> None:
    """Note that a cancelled event has no tickets any more, and will get none."""
    session.execute(update(Event).where(Event.id == event_id).values(voided_at=at))


def to_return(session: Session, deadline_before: int, now: int) -> Sequence[str]:
    """The ids of events on sale whose uncollected tickets are to go back, and may not all have.

    Of a paused event they wait: nobody could have them meanwhile. Once the sale is over they stay whose they are.
    """
    due = (Event.uncollected != KEEP, Event.collect_until < deadline_before)
    on_sale = (Event.state == PUBLISHED, Event.closes_at > now)
    unfinished = or_(Event.returned_until.is_(None), Event.returned_until != Event.collect_until)
    return session.scalars(select(Event.id).where(*due, *on_sale, unfinished).order_by(Event.id)).all()


def share_back_at(event: Event, quota: Quota) -> int | None:
    """When what is left of the desk's share of a quota goes to the web by the event's rule."""
    if event.share_back_minutes is None:
        return None
    return (quota.starts_at or event.starts_at) - event.share_back_minutes * MINUTE_MS


def shares_to_give_back(session: Session, now: int) -> list[tuple[Event, Quota, int]]:
    """Quotas of events on sale whose desk's share is to go to the web, and the time for which."""
    by_rule = (Event.share_back_minutes.is_not(None), Event.state.in_((PUBLISHED, PAUSED)))
    events = session.scalars(select(Event).where(*by_rule, Event.closes_at > now).order_by(Event.id)).all()
    shares = ((event, quota, share_back_at(event, quota)) for event in events for quota in event.quotas)
    return [
        (event, quota, at)
        for event, quota, at in shares
        if at is not None and at <= now and quota.share_back_for != at
    ]


def mark_share_back(session: Session, quota_id: str, at: int) -> None:
    """Note that the share was given back for this time."""
    session.execute(update(Quota).where(Quota.id == quota_id).values(share_back_for=at))


def void_late(session: Session, event_id: str) -> None:
    """Have the orders of an event looked at again if it was called off: some may have tickets again."""
    called_off = (Event.id == event_id, Event.state == CANCELLED)
    session.execute(update(Event).where(*called_off).values(voided_at=None))


def void_again(session: Session, group_id: str) -> None:
    """Have a group's orders looked at again, where tickets must not stand: a rebuild may have brought some back."""
    nothing_done = {"voided_at": None, "returned_until": None}
    session.execute(update(Event).where(Event.group_id == group_id).values(**nothing_done))


def get_group(session: Session, group_id: str) -> AllowanceGroup | None:
    """The group, as SQL has it now."""
    return session.get(AllowanceGroup, group_id, populate_existing=True)


def is_own_group(session: Session, group_id: str) -> bool:
    """Whether a group is that of a single event, which has its id."""
    return session.scalar(select(Event.id).where(Event.id == group_id)) is not None


def lock_group(session: Session, group_id: str) -> AllowanceGroup | None:
    """The group, kept from other writers until this transaction ends."""
    query = select(AllowanceGroup).where(AllowanceGroup.id == group_id).with_for_update(key_share=True)
    return session.scalar(query, execution_options=_FRESH)


def groups(session: Session) -> Sequence[AllowanceGroup]:
    """Every group that was opened in Redis and not yet archived."""
    live = (AllowanceGroup.opened_at.is_not(None), AllowanceGroup.archived_at.is_(None))
    return session.scalars(select(AllowanceGroup).where(*live).order_by(AllowanceGroup.id)).all()


def ended_groups(session: Session, before: int) -> Sequence[str]:
    """The groups in Redis whose every sale ended before this time, drafts counting as not ended."""
    unended = (Event.group_id == AllowanceGroup.id, or_(Event.closes_at >= before, Event.state == DRAFT))
    query = select(AllowanceGroup.id).where(
        AllowanceGroup.opened_at.is_not(None),
        AllowanceGroup.archived_at.is_(None),
        ~select(Event.id).where(*unended).exists(),
    )
    return session.scalars(query.order_by(AllowanceGroup.id)).all()


def groups_of(session: Session, organisation_ids: Select[str]) -> Sequence[AllowanceGroup]:
    """The groups of these organisations that events can share, by name: not those of a single event."""
    mine = (AllowanceGroup.organisation_id.in_(organisation_ids), AllowanceGroup.id.not_in(select(Event.id)))
    return session.scalars(
        select(AllowanceGroup).where(*mine).order_by(AllowanceGroup.name, AllowanceGroup.id)
    ).all()


def set_epoch(session: Session, group_id: str, epoch: str) -> None:
    """Give the group its first epoch; one that it has stays."""
    fresh = (AllowanceGroup.id == group_id, AllowanceGroup.epoch.is_(None))
    session.execute(update(AllowanceGroup).where(*fresh).values(epoch=epoch))


def add_group(
    session: Session, organisation_id: str, name: str, per_card_limit: int | None, group_id: str | None = None
) -> AllowanceGroup:
    """A new group, with a fresh id unless one is given."""
    group = AllowanceGroup(
        id=group_id or new_event_id(),
        organisation_id=organisation_id,
        name=name,
        per_card_limit=per_card_limit,
    )
    session.add(group)
    session.flush()
    return group


def move_to_group(session: Session, event: Event, group_id: str | None) -> None:
    """Put an unpublished event into another group, or (None) into one of its own.

    Its own group, which has its id and no limit, is made when missing and removed when left without events.
    """
    before, after = event.group_id, group_id or event.id
    if after == before:
        return
    if get_group(session, after) is None:
        add_group(session, event.organisation_id, event.title, None, event.id)
    event.group_id = after
    session.flush()
    shared = session.scalar(select(Event.id).where(Event.group_id == before).limit(1))
    if before == event.id and shared is None:
        session.execute(delete(AllowanceGroup).where(AllowanceGroup.id == before))


def add_event(session: Session, plan: EventDraft, organisation_id: str, created_at: int) -> Event:
    """A new event in state draft with its quotas, in the plan's group or one of its own."""
    event = Event(id=new_event_id(), organisation_id=organisation_id, created_at=created_at, version=1)
    event.group_id = (
        plan.allowance_group or add_group(session, organisation_id, plan.title, None, event.id).id
    )
    write(event, plan)
    session.add(event)
    session.flush()
    for quota in plan.quotas:
        add_quota(session, event, quota)
    session.refresh(event)
    return event


def add_quota(session: Session, event: Event, plan: QuotaDraft) -> Quota:
    """A new quota of the event, numbered after the last one."""
    last = session.scalar(select(func.max(Quota.number)).where(Quota.event_id == event.id)) or 0
    quota = Quota(id=quota_id(event.id, last + 1), event_id=event.id, number=last + 1)
    write_quota(quota, plan)
    session.add(quota)
    session.flush()
    return quota


def remove_quotas(session: Session, event: Event) -> None:
    """Take away every quota of a draft: nobody refers to them yet."""
    for quota in list(event.quotas):
        session.delete(quota)
    session.flush()
    session.expire(event, ["quotas"])


def write(event: Event, plan: EventDraft) -> None:
    """Put every column of the event's own that staff decide as the plan says; group and quotas stay."""
    for field in _EVENT_FIELDS:
        setattr(event, field, getattr(plan, field))
    event.eligible_organisations = _list(plan.eligible_organisations)
    event.payment_methods = list(plan.payment_methods or needed_methods(plan.quotas))


def write_quota(quota: Quota, plan: QuotaDraft) -> None:
    """Put every column that staff decide as the plan says."""
    for field in _QUOTA_FIELDS:
        setattr(quota, field, getattr(plan, field))
    quota.face_price = plan.price if plan.face_price is None else plan.face_price


def plan_of(event: Event) -> EventDraft:
    """The event as the plan that would make it."""
    fields: dict[str, Any] = {field: getattr(event, field) for field in _EVENT_FIELDS}
    eligible = event.eligible_organisations
    return EventDraft(
        **fields,
        organisation=event.organisation_id,
        allowance_group=None if event.group_id == event.id else event.group_id,
        eligible_organisations=None if eligible is None else tuple(eligible),
        payment_methods=tuple(event.payment_methods),
        quotas=tuple(quota_plan_of(quota) for quota in event.quotas),
    )


def quota_plan_of(quota: Quota) -> QuotaDraft:
    """The quota as the plan that would make it."""
    fields: dict[str, Any] = {field: getattr(quota, field) for field in _QUOTA_FIELDS}
    return QuotaDraft(**fields, face_price=quota.face_price)


def _list(ids: tuple[str, ...] | None) -> list[str] | None:
    return None if ids is None else list(ids)
