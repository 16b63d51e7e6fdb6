"""What the union owes its venues: the tickets collected in a time, at face price and at what members paid.

Only what was collected is owed. The other tickets of the same events stand in lines of their own, so that the lines
of an event are all its tickets, and what members pay in them adds up to its orders to the cent. All sums are
integers in the smallest unit. The face price is the quota's as it is today.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import Select, and_, case, func, literal_column, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event, Quota, Venue
from ticketing.orders.tables import COLLECTED, ISSUED, REFUND_DUE, REFUNDED, Order, Ticket
from ticketing.reports.scope import Scope

_STATE = "ticket_state"  # no column is called so: GROUP BY would take it first
OTHER_TIMES, WAITING, VOID = "collected_at_other_times", "waiting", "void"


class SettlementLine(Struct, frozen=True, kw_only=True):
    """The tickets of a quota in one state.

    That is `collected` (in the time, and owed), `collected_at_other_times`, `waiting` to be collected, `void`, and of
    what was paid and is void `refund_due` or `refunded`.
    """

    venue_id: str | None
    venue: str
    contract_number: str
    event_id: str
    event: str
    quota_id: str
    quota: str
    state: str
    tickets: int
    face_price: int
    face_total: int
    member_total: int
    subsidy: int
    currency: str


class VenueSum(Struct, frozen=True, kw_only=True):
    """What a venue is owed for in one currency: its collected lines together."""

    venue_id: str | None
    venue: str
    contract_number: str
    tickets: int
    face_total: int
    member_total: int
    subsidy: int
    currency: str


class TieOut(Struct, frozen=True, kw_only=True):
    """What the orders of the same events come to, and what all lines do: they are the same."""

    currency: str
    orders: int
    lines: int


class Settlement(Struct, frozen=True, kw_only=True):
    """Lines by venue, event and quota; sums by venue; and the tie to the orders."""

    lines: list[SettlementLine]
    venues: list[VenueSum]
    ties: list[TieOut]


def settlement(
    session: Session, scope: Scope, since: int, until: int, venue_id: str | None = None
) -> Settlement:
    """Of the events of these organisations of which a ticket was collected in `[since, until)`."""
    in_time = and_(Ticket.status == COLLECTED, Ticket.collected_at >= since, Ticket.collected_at < until)
    events = _events(scope.organisation_ids, in_time, venue_id)
    rows = session.execute(_query(events, in_time))
    lines = [_line(**row) for row in rows.mappings()]
    return Settlement(lines=lines, venues=_by_venue(lines), ties=_ties(session, events, lines))


def _events(organisation_ids: Select[str], in_time: object, venue_id: str | None) -> Select[str]:
    touched = select(Quota.event_id).join(Ticket, Ticket.quota_id == Quota.id).where(in_time)  # type: ignore[arg-type]
    query = select(Event.id).where(Event.organisation_id.in_(organisation_ids), Event.id.in_(touched))
    return query if venue_id is None else query.where(Event.venue_id == venue_id)


def _query(events: Select[str], in_time: object) -> Select[*tuple[object, ...]]:
    state = case(
        (in_time, COLLECTED),  # type: ignore[arg-type]
        (Ticket.status == COLLECTED, OTHER_TIMES),
        (Ticket.status == ISSUED, WAITING),
        (Order.payment_status.in_((REFUND_DUE, REFUNDED)), Order.payment_status),
        else_=VOID,
    ).label(_STATE)
    venue = func.coalesce(Venue.name, Event.venue).label("venue")
    return (
        select(
            Event.venue_id,
            venue,
            func.coalesce(Venue.contract_number, "").label("contract_number"),
            Event.id.label("event_id"),
            Event.title.label("event"),
            Quota.id.label("quota_id"),
            Quota.name.label("quota"),
            state,
            func.count(Ticket.code).label("tickets"),
            Quota.face_price,
            func.sum(Ticket.price).label("member"),
            Quota.currency,
        )
        .join(Quota, Quota.event_id == Event.id)
        .join(Ticket, Ticket.quota_id == Quota.id)
        .join(Order, Order.id == Ticket.order_id)
        .outerjoin(Venue, Venue.id == Event.venue_id)
        .where(Event.id.in_(events))
        .group_by(Event.id, Quota.id, Venue.id, literal_column(_STATE))
        .order_by(venue, Event.venue_id, Event.starts_at, Event.id, Quota.number, state)
    )


def _line(tickets: int, face_price: int, member: int, ticket_state: str, **names: str) -> SettlementLine:
    face, paid = tickets * face_price, int(member)
    return SettlementLine(
        tickets=tickets,
        face_price=face_price,
        face_total=face,
        member_total=paid,
        subsidy=face - paid,
        state=ticket_state,
        **names,
    )


def _by_venue(lines: Iterable[SettlementLine]) -> list[VenueSum]:
    found: dict[tuple[str | None, str, str], list[SettlementLine]] = {}
    for line in lines:
        if line.state == COLLECTED:
            found.setdefault((line.venue_id, line.venue, line.currency), []).append(line)
    return [_venue_sum(lines) for lines in found.values()]


def _venue_sum(lines: Sequence[SettlementLine]) -> VenueSum:
    first = lines[0]
    return VenueSum(
        venue_id=first.venue_id,
        venue=first.venue,
        contract_number=first.contract_number,
        tickets=sum(line.tickets for line in lines),
        face_total=sum(line.face_total for line in lines),
        member_total=sum(line.member_total for line in lines),
        subsidy=sum(line.subsidy for line in lines),
        currency=first.currency,
    )


def _ties(session: Session, events: Select[str], lines: Sequence[SettlementLine]) -> list[TieOut]:
    query = select(Order.currency, func.sum(Order.amount)).where(Order.event_id.in_(events))
    rows = session.execute(query.group_by(Order.currency).order_by(Order.currency))
    sums = {currency: int(amount) for currency, amount in rows}
    return [
        TieOut(
            currency=one,
            orders=amount,
            lines=sum(line.member_total for line in lines if line.currency == one),
        )
        for one, amount in sums.items()
    ]
