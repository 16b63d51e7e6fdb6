"""Venues and merchants of the programme: what staff write down of them, what is wrong with that, and all their SQL.

Every function that takes a session leaves the commit to its caller.
"""

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import PAUSED, PUBLISHED, Event, Venue
from ticketing.catalogue.validation import NAME_CHARS_MAX, Fault, text_faults
from ticketing.identifiers import new_event_id

ADMITTED, SUSPENDED, REMOVED = "admitted", "suspended", "removed"
CONTRACT_CHARS_MAX = 100

IS_SUSPENDED, IS_REMOVED = "the venue is suspended", "the venue was removed from the programme"
_OFF_SALE = {SUSPENDED: IS_SUSPENDED, REMOVED: IS_REMOVED}


class VenuePlan(Struct, frozen=True, kw_only=True):
    """A venue as staff write it down."""

    name: str
    contact: str = ""
    contract_number: str = ""


def plan_faults(plan: VenuePlan) -> Iterator[Fault]:
    """Everything wrong with what was written down."""
    yield from text_faults("name", plan.name, NAME_CHARS_MAX, required=True)
    yield from text_faults("contact", plan.contact, NAME_CHARS_MAX)
    yield from text_faults("contract_number", plan.contract_number, CONTRACT_CHARS_MAX)


def plan_of(venue: Venue) -> VenuePlan:
    """The venue as the plan that would make it."""
    return VenuePlan(name=venue.name, contact=venue.contact, contract_number=venue.contract_number)


def get(session: Session, venue_id: str) -> Venue | None:
    """The venue, as SQL has it now."""
    return session.get(Venue, venue_id, populate_existing=True)


def lock(session: Session, venue_id: str) -> Venue | None:
    """The venue, kept from other writers, and from events that go on sale, until this transaction ends."""
    query = select(Venue).where(Venue.id == venue_id).with_for_update()
    return session.scalar(query, execution_options={"populate_existing": True})


def of_organisations(session: Session, below: Select[str], above: Collection[str] = ()) -> Sequence[Venue]:
    """The venues of the organisations below, and of those above, by name."""
    reach = or_(Venue.organisation_id.in_(below), Venue.organisation_id.in_(above))
    return session.scalars(select(Venue).where(reach).order_by(Venue.name, Venue.id)).all()


def add(session: Session, plan: VenuePlan, organisation_id: str, reason: str, at: int) -> Venue:
    """A new venue, admitted to the programme."""
    venue = Venue(id=new_event_id(), organisation_id=organisation_id)
    write(venue, plan)
    move(venue, ADMITTED, reason, at)
    session.add(venue)
    session.flush()
    return venue


def write(venue: Venue, plan: VenuePlan) -> None:
    """Put what staff write down as the plan says."""
    venue.name, venue.contact, venue.contract_number = plan.name, plan.contact, plan.contract_number


def move(venue: Venue, state: str, reason: str, at: int) -> None:
    """Put the venue into another state of the programme."""
    venue.state, venue.state_reason, venue.state_since = state, reason, at


def running_sales(
    session: Session, venue_id: str, organisation_ids: Select[str], now_ms: int
) -> Sequence[Event]:
    """The events at a venue that are on sale, paused or still to open, soonest end first."""
    running = (Event.state.in_((PUBLISHED, PAUSED)), Event.closes_at > now_ms)
    mine = (Event.venue_id == venue_id, Event.organisation_id.in_(organisation_ids))
    query = select(Event).where(*mine, *running).order_by(Event.closes_at, Event.id)
    return session.scalars(query).all()


def selling_faults(session: Session, venue_id: str | None, *, keep: bool = False) -> Iterator[Fault]:
    """What keeps an event at this venue from going on sale; kept, no other transaction can change it meanwhile."""
    if venue_id is not None:
        query = select(Venue.state).where(Venue.id == venue_id)
        state = session.scalar(query.with_for_update(read=True) if keep else query)
        if state in _OFF_SALE:
            yield "venue_id", _OFF_SALE[state]
