"""What campaigns cost the union, against the budgets of their events.

The subsidy of a ticket is what the settlement says: the quota's face price, as it is today, less what the member
pays. `used` is that of tickets collected, whenever that was: what the settlements of all time come to. `reserved` is
that of tickets sold and not collected yet. `planned` is that of all tickets there are, and of those to come at a set
time; of a sale that is over only what was sold, since nobody can buy the rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from ticketing.catalogue import waves
from ticketing.catalogue.tables import CANCELLED, CLOSED, DRAFT, Budget, Event, Quota, Wave
from ticketing.members.tables import Organisation
from ticketing.orders.tables import COLLECTED, ISSUED, Ticket


class Spending(Struct, frozen=True, kw_only=True):
    """What an event costs, in the budget's currency; tickets in another are not in its figures."""

    event_id: str
    event: str
    state: str
    starts_at: int
    planned: int
    reserved: int
    used: int


class BudgetReport(Struct, frozen=True, kw_only=True):
    """A budget, what its events come to, and what is left: `amount` less `used` and `reserved`.

    `share` is `used` of `amount`, null of none. It `is_exceeded` where `left` is below 0; its plan exceeds it where
    `planned` is above it.
    """

    budget_id: str
    budget: str
    organisation_id: str
    organisation: str
    note: str
    amount: int
    currency: str
    planned: int
    reserved: int
    used: int
    left: int
    share: float | None
    is_exceeded: bool
    plan_exceeds: bool
    events: list[Spending]


def budget_reports(
    session: Session, organisation_ids: Select[str], now: int, budget_id: str | None = None
) -> list[BudgetReport]:
    """The budgets of these organisations, newest first; one alone if one is named."""
    mine = select(Budget.id).where(Budget.organisation_id.in_(organisation_ids))
    mine = mine if budget_id is None else mine.where(Budget.id == budget_id)
    spent = _by_budget(session, mine, now)
    query = select(Budget, Organisation.name).join(Organisation, Organisation.id == Budget.organisation_id)
    rows = session.execute(query.where(Budget.id.in_(mine)).order_by(Budget.created_at.desc(), Budget.id))
    return [_report(budget, name, spent[budget.id]) for budget, name in rows]


def is_exceeded_by(session: Session, event: Event, now: int) -> bool:
    """Whether what an event plans, with what is published, comes to more than the budget it is in."""
    budget = session.get(Budget, event.budget_id) if event.budget_id is not None else None
    if budget is None:
        return False
    spent = _by_budget(session, select(Budget.id).where(Budget.id == budget.id), now)[budget.id]
    planned = sum(one.planned for one in spent if one.state != DRAFT or one.event_id == event.id)
    return planned > budget.amount


def _report(budget: Budget, organisation: str, events: list[Spending]) -> BudgetReport:
    planned, reserved, used = (
        sum(getattr(one, of) for one in events) for of in ("planned", "reserved", "used")
    )
    left = budget.amount - used - reserved
    return BudgetReport(
        budget_id=budget.id,
        budget=budget.name,
        organisation_id=budget.organisation_id,
        organisation=organisation,
        note=budget.note,
        amount=budget.amount,
        currency=budget.currency,
        planned=planned,
        reserved=reserved,
        used=used,
        left=left,
        share=round(used / budget.amount, 4) if budget.amount else None,
        is_exceeded=left < 0,
        plan_exceeds=planned > budget.amount,
        events=events,
    )


def _by_budget(session: Session, budgets: Select[str], now: int) -> dict[str, list[Spending]]:
    """The events of each budget, by when they take place."""
    quotas: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(_query(budgets)):
        quotas[row.id].append(row)
    found: dict[str, list[Spending]] = defaultdict(list)
    for rows in quotas.values():
        found[rows[0].budget_id].append(_spending(rows, now))
    return found


def _query(budgets: Select[str]) -> Select[*tuple[Any, ...]]:
    """Every quota of the budgets' events, with its tickets counted and what members pay for them."""
    to_come = select(func.coalesce(func.sum(Wave.quantity), 0)).where(
        Wave.quota_id == Quota.id, Wave.state.in_((waves.WAITING, waves.RELEASING))
    )
    counted = and_(Quota.event_id == Event.id, Quota.currency == Budget.currency)
    return (
        select(
            Event.budget_id,
            Event.id,
            Event.title,
            Event.state,
            Event.starts_at,
            Event.closes_at,
            Quota.face_price,
            Quota.price,
            Quota.capacity,
            to_come.correlate(Quota).scalar_subquery().label("to_come"),
            *_sums(ISSUED),
            *_sums(COLLECTED),
        )
        .join(Budget, Budget.id == Event.budget_id)
        .outerjoin(Quota, counted)
        .outerjoin(Ticket, Ticket.quota_id == Quota.id)
        .where(Event.budget_id.in_(budgets))
        .group_by(Event.id, Quota.id)
        .order_by(Event.starts_at, Event.id)
    )


def _sums(state: str) -> Iterator[ColumnElement[int]]:
    """How many tickets of a quota are in a state, and what members pay for them."""
    for label, each in ((f"{state}_tickets", 1), (f"{state}_paid", Ticket.price)):
        yield func.coalesce(func.sum(case((Ticket.status == state, each), else_=0)), 0).label(label)


def _spending(rows: Sequence[Any], now: int) -> Spending:
    event = rows[0]
    is_over = event.state in (CLOSED, CANCELLED) or (event.state != DRAFT and event.closes_at <= now)
    quotas = [_of_quota(row, is_over=is_over) for row in rows if row.face_price is not None]
    planned, reserved, used = _columns(quotas)
    return Spending(
        event_id=event.id,
        event=event.title,
        state=event.state,
        starts_at=event.starts_at,
        planned=planned,
        reserved=reserved,
        used=used,
    )


def _columns(quotas: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    planned, reserved, used = (sum(column) for column in zip((0, 0, 0), *quotas, strict=True))
    return planned, reserved, used


def _of_quota(row: Any, *, is_over: bool) -> tuple[int, int, int]:
    """Planned, reserved and used. More may be sold than there are: a capacity can be forced below what is sold."""
    reserved = int(row.issued_tickets) * row.face_price - int(row.issued_paid)
    used = int(row.collected_tickets) * row.face_price - int(row.collected_paid)
    all_of_it = (row.capacity + int(row.to_come)) * (row.face_price - row.price)
    return max(0 if is_over else all_of_it, reserved + used), reserved, used
