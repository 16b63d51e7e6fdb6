"""What staff do with events: draft, change, publish, pause, resume, close, cancel. Their quotas: `quotas`.

Every act is checked against the staff member's role and organisation, writes SQL and the audit trail in one
transaction, and then has the keeper carry it to Redis. When Redis is away the act stands in SQL and
`StoreUnavailable` is raised: the same call again, or the worker, carries it over.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from msgspec import structs
from sqlalchemy.orm import Session

from ticketing.catalogue import news, repository, venues
from ticketing.catalogue.copies import postponed
from ticketing.catalogue.model import EventChanges, EventDraft, changed, differences, from_to
from ticketing.catalogue.tables import (
    CANCELLED,
    CLOSED,
    DRAFT,
    PAUSED,
    PUBLISHED,
    AllowanceGroup,
    Event,
)
from ticketing.catalogue.validation import (
    NOTICE_CHARS_MAX,
    Fault,
    event_faults,
    fixed_faults,
    group_faults,
    overdue_faults,
    reason_faults,
    refuse_if,
    text_faults,
    tidied,
)
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.services import event_access, trail
from ticketing.services.checking import refused_at_publishing
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

_DECIDING = frozenset(
    {
        "opens_at",
        "closes_at",
        "per_card_limit",
        "allowance_group",
        "eligible_organisations",
        "payment_methods",
    }
)

_MOVED = (news.STARTS_AT, news.VENUE)

_MOVES = {
    "publish": (frozenset({DRAFT}), PUBLISHED),
    "pause": (frozenset({PUBLISHED}), PAUSED),
    "resume": (frozenset({PAUSED}), PUBLISHED),
    "close": (frozenset({PUBLISHED, PAUSED}), CLOSED),
    "cancel": (frozenset({PUBLISHED, PAUSED, CLOSED}), CANCELLED),
}
"""Verb -> the states it starts from and the one it leads to; repeating a verb changes nothing."""


class CatalogueService:
    """Events and allowance groups, as staff see and change them. Refusals are raised."""

    def __init__(self, sessions: Sessions, sale_keeper: SaleKeeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._clock = clock

    # Reading

    def list_events(self, staff: Claims) -> Sequence[Event]:
        """The events of the staff member's organisation and below, drafts too, latest sale first."""
        event_access.require_staff(staff)
        with reading(self._sessions) as session:
            return repository.of_organisations(session, event_access.organisations_below(staff))

    def event(self, staff: Claims, event_id: str) -> Event:
        """One event with its quotas. Capacities after publishing lag a moment behind Redis."""
        with reading(self._sessions) as session:
            return event_access.readable(session, staff, event_id)

    def list_groups(self, staff: Claims) -> Sequence[AllowanceGroup]:
        """The groups that events of the staff member's organisation and below can share."""
        event_access.require_staff(staff)
        with reading(self._sessions) as session:
            return repository.groups_of(session, event_access.organisations_below(staff))

    # Drafting and changing

    def create_group(
        self, staff: Claims, name: str, per_card_limit: int | None, organisation: str | None = None
    ) -> str:
        """A series of events with a common limit per card; returns its id. Its limit is fixed once one is published."""
        event_access.require_writer(staff)
        name = name.strip()
        refuse_if(group_faults(name, per_card_limit))
        with self._sessions.begin() as session:
            owner = event_access.owner(session, staff, organisation)
            group = repository.add_group(session, owner, name, per_card_limit)
            detail = {"name": name, "per_card_limit": per_card_limit, "organisation": owner}
            self._record(session, staff, "group.create", f"group:{group.id}", detail)
            return group.id

    def create_event(self, staff: Claims, draft: EventDraft, reason: str = "") -> str:
        """A new draft, unseen by members until it is published; returns its id."""
        event_access.require_writer(staff)
        plan = tidied(draft)
        refuse_if(chain(reason_faults(reason), event_faults(plan)))
        with self._sessions.begin() as session:
            owner = event_access.owner(session, staff, plan.organisation)
            refuse_if(_reference_faults(session, plan, owner))
            event = repository.add_event(session, plan, owner, self._clock.now_ms())
            detail = {"plan": repository.plan_of(event), "reason": reason}
            self._record(session, staff, "event.create", f"event:{event.id}", detail)
            return event.id

    def patch_event(self, staff: Claims, event_id: str, changes: EventChanges, reason: str = "") -> Event:
        """Change what may still change of an event; without a difference nothing happens."""
        refuse_if(reason_faults(reason))
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            before = repository.plan_of(event)
            after = _patched(event, before, changes)
            now = self._clock.now_ms()
            fixed = fixed_faults(event.state, before, after, now)
            overdue = overdue_faults(event.state, before, after, now)
            references = _reference_faults(session, after, event.organisation_id)
            archived = _archived_faults(event, before, after)
            refuse_if(chain(event_faults(after), fixed, overdue, references, archived))
            if before != after:
                repository.write(event, after)
                repository.move_to_group(session, event, after.allowance_group)
                moved = {field: (getattr(before, field), getattr(after, field)) for field in _MOVED}
                news.tell(session, event, moved, now)
                event.version += 1
                detail = {"changes": from_to(before, after), "reason": reason}
                self._record(session, staff, "event.change", f"event:{event_id}", detail)
        return self._applied(staff, event_id)

    # On sale and off it

    def publish(self, staff: Claims, event_id: str, reason: str = "") -> Event:
        """Put a draft on sale: members see it now and buy from `opens_at` on."""
        return self._move(staff, event_id, "publish", reason)

    def pause(self, staff: Claims, event_id: str, reason: str = "", message: str = "") -> Event:
        """Take no new holds for now; what is held may still be confirmed. Members read `message` until it goes on."""
        message = message.replace("\r\n", "\n").strip()
        refuse_if(text_faults("message", message, NOTICE_CHARS_MAX, breaks=True))
        return self._move(staff, event_id, "pause", reason, message)

    def resume(self, staff: Claims, event_id: str, reason: str = "") -> Event:
        """Go on after a pause."""
        return self._move(staff, event_id, "resume", reason)

    def close(self, staff: Claims, event_id: str, reason: str = "") -> Event:
        """End the sale for good; what is held may still be confirmed."""
        return self._move(staff, event_id, "close", reason)

    def cancel(self, staff: Claims, event_id: str, reason: str = "") -> Event:
        """Call the event off: the sale ends, and the worker voids its orders (see `cancelling`)."""
        return self._move(staff, event_id, "cancel", reason)

    def postpone(
        self, staff: Claims, event_id: str, starts_at: int, reason: str = "", move_sale: bool = False
    ) -> Event:
        """Put an event off, or forward: its showings, and until when one may cancel or collect, move with it.

        With `move_sale` the end of the booking moves too, and the opening if that is still to come. Whoever has
        tickets is told what it was and what it is.
        """
        refuse_if(reason_faults(reason))
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            if event.state == CANCELLED:
                raise Refusal(Code.SALE_CLOSED)
            before, now = repository.plan_of(event), self._clock.now_ms()
            after = postponed(before, starts_at - before.starts_at, now, move_sale=move_sale)
            fixed = fixed_faults(event.state, before, after, now)
            archived, overdue = (
                _archived_faults(event, before, after),
                overdue_faults(event.state, before, after, now),
            )
            refuse_if(chain(_past_faults(starts_at, now), event_faults(after), fixed, archived, overdue))
            if before != after:
                self._put_off(session, event, before, after)
                detail = {"changes": from_to(before, after), "reason": reason}
                self._record(session, staff, "event.postpone", f"event:{event_id}", detail)
        return self._applied(staff, event_id)

    def _put_off(self, session: Session, event: Event, before: EventDraft, after: EventDraft) -> None:
        now = self._clock.now_ms()
        repository.write(event, after)
        news.tell(session, event, {news.STARTS_AT: (before.starts_at, after.starts_at)}, now)
        for quota, was, plan in zip(event.quotas, before.quotas, after.quotas, strict=True):
            if plan.starts_at is not None:  # one without a time of its own is told of with the event
                repository.write_quota(quota, plan)
                news.tell(session, event, {news.STARTS_AT: (was.starts_at, plan.starts_at)}, now, quota.id)
        event.version += 1

    def _move(self, staff: Claims, event_id: str, verb: str, reason: str, message: str = "") -> Event:
        refuse_if(reason_faults(reason))
        sources, target = _MOVES[verb]
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            detail = {"reason": reason} | ({"message": message} if message else {})
            if event.state in sources:
                if event.state == DRAFT:
                    self._check_publishable(session, event)
                elif target == PUBLISHED:
                    refuse_if(venues.selling_faults(session, event.venue_id, keep=True))
                if target == CANCELLED:
                    news.tell(session, event, {news.STATE: (event.state, target)}, self._clock.now_ms())
                event.state, event.pause_message = target, message
                event.version += 1
                self._record(session, staff, f"event.{verb}", f"event:{event_id}", detail)
            elif event.state != target:
                raise _refused_move(event)
            elif message not in ("", event.pause_message):  # paused already, and now with another message
                event.pause_message = message
                event.version += 1
                self._record(session, staff, f"event.{verb}", f"event:{event_id}", detail)
        return self._applied(staff, event_id)

    def _check_publishable(self, session: Session, event: Event) -> None:
        event_access.refuse_ended(event)
        refuse_if(refused_at_publishing(session, event, self._clock.now_ms(), keep_venue=True))

    def _applied(self, staff: Claims, event_id: str) -> Event:
        self._sale_keeper.apply(event_id)
        return self.event(staff, event_id)

    def _record(self, session: Session, staff: Claims, action: str, subject: str, detail: Any) -> None:
        trail.record(session, self._clock.now_ms(), staff.actor, action, subject, detail)


def _past_faults(starts_at: int, now: int) -> Iterator[Fault]:
    if starts_at <= now:
        yield "starts_at", "is past"


def _refused_move(event: Event) -> Refusal:
    if event.state == DRAFT:
        return Refusal(Code.SALE_NOT_OPEN, opens_at=event.opens_at)
    return Refusal(Code.SALE_PAUSED if event.state == PAUSED else Code.SALE_CLOSED)


def _patched(event: Event, before: EventDraft, changes: EventChanges) -> EventDraft:
    after = tidied(changed(before, changes))
    # Clients are shown the event's own id for a group of its own and may send it back.
    return structs.replace(after, allowance_group=None) if after.allowance_group == event.id else after


def _reference_faults(session: Session, plan: EventDraft, organisation_id: str) -> Iterator[Fault]:
    """What a plan names and SQL does not have."""
    if plan.allowance_group is not None:
        group = repository.get_group(session, plan.allowance_group)
        if group is None or group.organisation_id != organisation_id:
            yield "allowance_group", "is no group of this organisation"
        elif group.archived_at is not None:
            yield "allowance_group", "is over and archived"
    if plan.venue_id is not None:
        venue, place = venues.get(session, plan.venue_id), members.organisation_of(session, organisation_id)
        if venue is None or venue.organisation_id not in place.path.split("."):
            yield "venue_id", "is no venue of this organisation or one above it"
    for unknown in event_access.unknown_organisations(session, plan.eligible_organisations or ()):
        yield "eligible_organisations", f"{unknown} is unknown"


def _archived_faults(event: Event, before: EventDraft, after: EventDraft) -> Iterator[Fault]:
    """What decides a sale, when the sale is archived: Redis does not know it any more."""
    for field in differences(before, after):
        if event.group.archived_at is not None and field in _DECIDING:
            yield field, "is fixed: the sale is over and archived"
