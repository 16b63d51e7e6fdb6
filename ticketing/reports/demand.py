"""How much was wished for, of the sales that opened in a time: refusals, time to sell out, allowance used.

Tickets are those sold and not void, at the web and the desk. A sale is sold out when every ticket of its quotas is
sold. What members may buy is the smaller of the event's limit and of that which it shares with others.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct, structs
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ticketing.catalogue import refusals
from ticketing.catalogue.tables import DRAFT, AllowanceGroup, Event, Quota
from ticketing.orders.tables import VOID, Order, Ticket
from ticketing.reports.scope import Scope

REASONS = (
    "sold_out",
    "card_limit_exceeded",
    "not_eligible",
    "card_blocked",
    "sale_not_open",
    "sale_paused",
    "sale_closed",
    "rate_limited",
    "idempotency_key_reused",
    "backlog_full",
    "recovering",
)
"""Why wishes are refused, by code: first what says most of the demand."""


class Sale(Struct, frozen=True, kw_only=True):
    """An event's sale. What is null: there is no limit or no buyer, or it is not sold out."""

    event_id: str
    event: str
    kind: str
    opens_at: int
    capacity: int
    sold: int
    buyers: int
    limit: int | None
    allowance_used: float | None
    sold_out_at: int | None
    seconds_to_sell_out: int | None


class Demand(Sale, frozen=True, kw_only=True):
    """The same with how many wishes were refused in all, and for which reason how many."""

    refused: int
    refusals: dict[str, int]


class Found(NamedTuple):
    """A sale with the refusals that SQL keeps of it; those of a sale in Redis are with its `live_group`."""

    sale: Sale
    live_group: str | None
    refusals: dict[str, int]


def demand(session: Session, scope: Scope, since: int, until: int) -> list[Found]:
    """Of every event whose sale opened in `[since, until)`, soonest first; no drafts."""
    mine = (Event.organisation_id.in_(scope.organisation_ids), Event.state != DRAFT)
    events = select(Event.id).where(*mine, Event.opens_at >= since, Event.opens_at < until)
    kept = by_event(refusals.kept(session, events))
    return [_found(kept, **row) for row in session.execute(_query(events)).mappings()]


def with_refusals(sale: Sale, counts: Mapping[str, int]) -> Demand:
    """A sale and why wishes were refused in it."""
    return Demand(**structs.asdict(sale), refused=sum(counts.values()), refusals=dict(sorted(counts.items())))


def by_event(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Counts by event and reason, as those of each event by reason."""
    found: dict[str, dict[str, int]] = {}
    for (event_id, reason), count in counts.items():
        found.setdefault(event_id, {})[reason] = count
    return found


def _query(events: Select[str]) -> Select[*tuple[Any, ...]]:
    offered = select(Quota.event_id, func.sum(Quota.capacity).label("capacity")).group_by(Quota.event_id)
    capacity = offered.where(Quota.event_id.in_(events)).subquery()
    sold = _sold(events).subquery()
    return (
        select(
            Event.id.label("event_id"),
            Event.title.label("event"),
            func.coalesce(Event.kind, "").label("kind"),
            Event.opens_at,
            Event.per_card_limit.label("own_limit"),
            AllowanceGroup.per_card_limit.label("shared_limit"),
            AllowanceGroup.id.label("group_id"),
            AllowanceGroup.archived_at,
            func.coalesce(capacity.c.capacity, 0).label("capacity"),
            func.coalesce(sold.c.sold, 0).label("sold"),
            func.coalesce(sold.c.buyers, 0).label("buyers"),
            sold.c.last_at,
        )
        .join(AllowanceGroup, AllowanceGroup.id == Event.group_id)
        .outerjoin(capacity, capacity.c.event_id == Event.id)
        .outerjoin(sold, sold.c.event_id == Event.id)
        .where(Event.id.in_(events))
        .order_by(Event.opens_at, Event.id)
    )


def _sold(events: Select[str]) -> Select[*tuple[Any, ...]]:
    query = select(
        Order.event_id,
        func.count(Ticket.code).label("sold"),
        func.count(Order.member_id.distinct()).label("buyers"),
        func.max(Order.confirmed_at).label("last_at"),
    ).join(Ticket, Ticket.order_id == Order.id)
    return query.where(Order.event_id.in_(events), Ticket.status != VOID).group_by(Order.event_id)


def _found(kept: Mapping[str, dict[str, int]], group_id: str, archived_at: int | None, **row: Any) -> Found:
    live_group = group_id if archived_at is None else None
    return Found(_sale(**row), live_group, kept.get(row["event_id"], {}))


def _sale(
    own_limit: int | None,
    shared_limit: int | None,
    last_at: int | None,
    capacity: int,
    sold: int,
    buyers: int,
    opens_at: int,
    **names: str,
) -> Sale:
    limit = min((one for one in (own_limit, shared_limit) if one is not None), default=None)
    sold_out_at = last_at if sold >= int(capacity) > 0 else None
    # Who moves the opening of a sale that has sold already makes it later than its last ticket.
    took = None if sold_out_at is None else max(0, sold_out_at - opens_at) // 1_000
    return Sale(
        opens_at=opens_at,
        capacity=int(capacity),
        sold=sold,
        buyers=buyers,
        limit=limit,
        allowance_used=round(sold / (limit * buyers), 4) if limit and buyers else None,
        sold_out_at=sold_out_at,
        seconds_to_sell_out=took,
        **names,
    )
