"""Which staff may see and change which events: by role, and by the organisation's place in the tree.

An event of another organisation does not exist for them (`not_found`); a role that may only read is told so
(`forbidden`).
"""

from collections.abc import Collection

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ticketing.catalogue import repository
from ticketing.catalogue.tables import CANCELLED, CLOSED, Event, Quota
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.tables import Organisation
from ticketing.services.tokens import Claims

WRITERS = frozenset({"manager", "admin"})
READERS = WRITERS | {"auditor"}
"""Who may read what an office keeps: reports, shifts, venues, members, the trail. A clerk has the desk."""


def organisations_below(staff: Claims) -> Select[str]:
    """The ids of the staff member's organisation and all below it."""
    return ids_below(staff.organisation_path)


def ids_below(path: str) -> Select[str]:
    """The ids of the organisation at this path and all below it."""
    return select(Organisation.id).where(members.at_or_below(path))


def unknown_organisations(session: Session, organisation_ids: Collection[str]) -> list[str]:
    """Those of the ids that no organisation has, sorted."""
    known = session.scalars(select(Organisation.id).where(Organisation.id.in_(organisation_ids)))
    return sorted(set(organisation_ids).difference(known))


def require_staff(staff: Claims) -> None:
    """Refuse whoever is no staff (`forbidden`)."""
    if staff.kind != "staff":
        raise Refusal(Code.FORBIDDEN)


def require_writer(staff: Claims) -> None:
    """Refuse whoever may not change events (`forbidden`)."""
    require_staff(staff)
    if staff.role not in WRITERS:
        raise Refusal(Code.FORBIDDEN)


def require_reader(staff: Claims) -> None:
    """Refuse whoever may not read what an office keeps (`forbidden`)."""
    require_staff(staff)
    if staff.role not in READERS:
        raise Refusal(Code.FORBIDDEN)


def owner(session: Session, staff: Claims, organisation_id: str | None) -> str:
    """The organisation that something new shall belong to; the staff member's own unless one is named.

    Raises `Refusal`: `invalid` for an unknown one, `forbidden` for one out of reach.
    """
    if organisation_id is None:
        return staff.organisation_id
    organisation = members.organisation(session, organisation_id)
    if organisation is None:
        raise invalid(("organisation", "is unknown"))
    if not staff.covers(organisation.path):
        raise Refusal(Code.FORBIDDEN)
    return organisation_id


def readable(session: Session, staff: Claims, event_id: str) -> Event:
    """The event, if this staff member may see it."""
    require_staff(staff)
    return _within_reach(session, staff, repository.get(session, event_id))


def writable(session: Session, staff: Claims, event_id: str) -> Event:
    """The event, locked, if this staff member may change it."""
    require_writer(staff)
    return _within_reach(session, staff, repository.lock(session, event_id))


def quota_of(event: Event, quota_id: str) -> Quota:
    """The event's quota with this id (`not_found`)."""
    for quota in event.quotas:
        if quota.id == quota_id:
            return quota
    raise Refusal(Code.NOT_FOUND)


def refuse_ended(event: Event) -> None:
    """Refuse what makes sense only while an event can still be sold (`sale_closed`)."""
    if event.state in (CLOSED, CANCELLED) or event.group.archived_at is not None:
        raise Refusal(Code.SALE_CLOSED)


def _within_reach(session: Session, staff: Claims, event: Event | None) -> Event:
    if event is None:
        raise Refusal(Code.NOT_FOUND)
    organisation = members.organisation(session, event.organisation_id)
    if organisation is None or not staff.covers(organisation.path):
        raise Refusal(Code.NOT_FOUND)
    return event
