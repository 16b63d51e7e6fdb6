"""Where an act belongs: the organisation whose staff may read of it, and the event and the member it was about.

A row of the trail keeps this as it was when the act was done: who moves to another union takes no history along, and
whoever reads the trail needs no look at a million objects.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import null, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import AllowanceGroup, Budget, Event, Quota, Venue
from ticketing.database import in_pieces
from ticketing.hooks.tables import Endpoint
from ticketing.members.tables import Card, CardImport, Member, Organisation
from ticketing.orders.tables import Order, Shift
from ticketing.staff.tables import ApiToken, StaffAccount


class Place(NamedTuple):
    """Each is None where there is none; an act of the operator, on nothing in particular, has no organisation."""

    organisation_id: str | None = None
    event_id: str | None = None
    member_id: int | None = None


NOWHERE = Place()

_QUERIES: Mapping[str, tuple[Any, Any]] = {
    "event": (Event.id, select(Event.id, Event.organisation_id, Event.id)),
    "quota": (Quota.id, select(Quota.id, Event.organisation_id, Event.id).join(Event)),
    "order": (
        Order.id,
        select(Order.id, Event.organisation_id, Event.id, Order.member_id).join(Event),
    ),
    "group": (
        AllowanceGroup.id,
        select(AllowanceGroup.id, AllowanceGroup.organisation_id, Event.id).outerjoin(
            Event, Event.id == AllowanceGroup.id
        ),
    ),
    "budget": (Budget.id, select(Budget.id, Budget.organisation_id)),
    "organisation": (Organisation.id, select(Organisation.id, Organisation.id)),
    "shift": (Shift.id, select(Shift.id, Shift.organisation_id)),
    "import": (CardImport.id, select(CardImport.id, CardImport.organisation_id)),
    "venue": (Venue.id, select(Venue.id, Venue.organisation_id)),
    "webhook": (Endpoint.id, select(Endpoint.id, Endpoint.organisation_id)),
    "token": (ApiToken.id, select(ApiToken.id, ApiToken.organisation_id)),
}
_BY_NUMBER: Mapping[str, tuple[Any, Any]] = {
    "card": (Card.id, select(Card.id, Member.organisation_id, null(), Member.id).join(Member)),
    "member": (Member.id, select(Member.id, Member.organisation_id, null(), Member.id)),
    "staff": (StaffAccount.id, select(StaffAccount.id, StaffAccount.organisation_id)),
}


def places_of(session: Session, subjects: Collection[str], actor: str) -> dict[str, Place]:
    """The place of each subject; of one that none of our rows has, that of whoever acted."""
    found: dict[str, Place] = {}
    for kind in {subject.partition(":")[0] for subject in subjects}:
        found |= _of_kind(session, kind, [s for s in subjects if s.partition(":")[0] == kind])
    missing = [subject for subject in subjects if subject not in found]
    return found | dict.fromkeys(missing, _of_actor(session, actor) if missing else NOWHERE)


def _of_kind(session: Session, kind: str, subjects: Iterable[str]) -> dict[str, Place]:
    ids: list[Any] = [subject.partition(":")[2] for subject in subjects]
    known = _QUERIES.get(kind)
    if kind in _BY_NUMBER:
        known, ids = _BY_NUMBER[kind], [int(one) for one in ids if one.isdecimal()]
    if known is None:
        return {}
    column, query = known
    rows = (row for piece in in_pieces(ids) for row in session.execute(query.where(column.in_(piece))))
    return {f"{kind}:{row[0]}": Place(*row[1:]) for row in rows}


def _of_actor(session: Session, actor: str) -> Place:
    kind, _, name = actor.partition(":")
    if kind == "token":
        return Place(session.scalar(select(ApiToken.organisation_id).where(ApiToken.id == name)))
    if kind != "staff":
        return NOWHERE
    query = select(StaffAccount.organisation_id).where(StaffAccount.username == name)
    return Place(session.scalar(query))
