"""The programme's venues and merchants: who is admitted, who is suspended or removed, why and since when.

An organisation keeps its own; whoever is below it may name them in events, and sees them. What changes is in the
trail. A venue that is suspended or removed puts no event on sale; sales that run are for staff to pause.
"""

from collections.abc import Sequence
from itertools import chain

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.orm import Session

from ticketing.catalogue import venues
from ticketing.catalogue.model import changed, from_to
from ticketing.catalogue.tables import Event, Venue
from ticketing.catalogue.validation import reason_faults, refuse_if, tidied
from ticketing.catalogue.venues import ADMITTED, REMOVED, SUSPENDED, VenuePlan
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.services import event_access, trail
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff_rows
from ticketing.staff.repository import TrailRow

_MOVES = {
    "admit": (frozenset({SUSPENDED, REMOVED}), ADMITTED),
    "suspend": (frozenset({ADMITTED}), SUSPENDED),
    "remove": (frozenset({ADMITTED, SUSPENDED}), REMOVED),
}
"""Verb -> the states it starts from and the one it leads to; repeating a verb changes nothing."""

VERBS = tuple(_MOVES)


class VenueChanges(Struct, frozen=True, kw_only=True):
    """Changes to what is written down; what is left unset stays as it is."""

    name: str | UnsetType = UNSET
    contact: str | UnsetType = UNSET
    contract_number: str | UnsetType = UNSET


class VenueFile(Struct, frozen=True):
    """A venue with what became of it, newest first, and its running sales. One kept above is only seen."""

    venue: Venue
    history: tuple[TrailRow, ...]
    running: tuple[Event, ...]
    may_change: bool


class VenueService:
    """Keeps the registry. Refusals are raised."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def all(self, staff: Claims) -> Sequence[Venue]:
        """The venues of the staff member's organisation, of those below it and of those above, by name."""
        event_access.require_reader(staff)
        above = staff.organisation_path.split(".")
        with reading(self._sessions) as session:
            return venues.of_organisations(session, event_access.organisations_below(staff), above)

    def file(self, staff: Claims, venue_id: str) -> VenueFile:
        """One venue, with its history and the running sales that the staff member may see."""
        event_access.require_reader(staff)
        with reading(self._sessions) as session:
            venue = venues.get(session, venue_id)
            if venue is None or not _may_read(session, staff, venue):
                raise Refusal(Code.NOT_FOUND)
            below = event_access.organisations_below(staff)
            running = venues.running_sales(session, venue_id, below, self._clock.now_ms())
            history = staff_rows.trail_of(session, _subject(venue_id))
            own = staff.covers(_path(session, venue))
            may_change = own and staff.role in event_access.WRITERS
            return VenueFile(venue, tuple(history), tuple(running), may_change)

    def add(self, staff: Claims, plan: VenuePlan, organisation: str | None = None, reason: str = "") -> str:
        """Admit a new venue to the programme; its id."""
        event_access.require_writer(staff)
        plan = tidied(plan)
        refuse_if(chain(reason_faults(reason), venues.plan_faults(plan)))
        with self._sessions.begin() as session:
            owner = event_access.owner(session, staff, organisation)
            now = self._clock.now_ms()
            venue = venues.add(session, plan, owner, reason, now)
            detail = {"plan": plan, "organisation": owner, "reason": reason}
            trail.record(session, now, staff.actor, "venue.admit", _subject(venue.id), detail)
            return venue.id

    def change(self, staff: Claims, venue_id: str, changes: VenueChanges, reason: str = "") -> Venue:
        """Change what is written down of a venue; without a difference nothing happens."""
        refuse_if(reason_faults(reason))
        with self._sessions.begin() as session:
            venue = _writable(session, staff, venue_id)
            before = venues.plan_of(venue)
            after = tidied(changed(before, changes))
            refuse_if(venues.plan_faults(after))
            if before != after:
                venues.write(venue, after)
                detail = {"changes": from_to(before, after), "reason": reason}
                trail.record(
                    session, self._clock.now_ms(), staff.actor, "venue.change", _subject(venue_id), detail
                )
            return venue

    def move(self, staff: Claims, venue_id: str, verb: str, reason: str) -> Venue:
        """Admit again, suspend or remove a venue; the reason is kept and must be given."""
        refuse_if(reason_faults(reason))
        if not reason.strip():
            raise invalid(("reason", "is required"))
        sources, target = _MOVES[verb]
        with self._sessions.begin() as session:
            venue = _writable(session, staff, venue_id)
            if venue.state in sources:
                now, before = self._clock.now_ms(), venue.state
                venues.move(venue, target, reason.strip(), now)
                session.flush()
                detail = {"from": before, "reason": reason.strip()}
                trail.record(session, now, staff.actor, f"venue.{verb}", _subject(venue_id), detail)
            elif venue.state != target:
                raise invalid(("state", venues.IS_REMOVED))
            return venue


def _may_read(session: Session, staff: Claims, venue: Venue) -> bool:
    is_above = venue.organisation_id in staff.organisation_path.split(".")
    return is_above or staff.covers(_path(session, venue))


def _writable(session: Session, staff: Claims, venue_id: str) -> Venue:
    """The venue, locked. One of an organisation above is seen and not changed (`forbidden`)."""
    event_access.require_writer(staff)
    venue = venues.lock(session, venue_id)
    if venue is None or not _may_read(session, staff, venue):
        raise Refusal(Code.NOT_FOUND)
    if not staff.covers(_path(session, venue)):
        raise Refusal(Code.FORBIDDEN)
    return venue


def _path(session: Session, venue: Venue) -> str:
    return members.organisation_of(session, venue.organisation_id).path


def _subject(venue_id: str) -> str:
    return f"venue:{venue_id}"
