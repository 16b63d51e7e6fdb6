"""Budgets of campaigns: what staff write down of them, what is wrong with that, and all their SQL.

Every function that takes a session leaves the commit to its caller.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, lazyload

from ticketing.catalogue.tables import CANCELLED, Budget, Event
from ticketing.catalogue.validation import NAME_CHARS_MAX, Fault, text_faults
from ticketing.identifiers import new_event_id

AMOUNT_MAX = 9_999_999_999
NOTE_CHARS_MAX = 500
CURRENCY = "CNY"
OFFERED_MAX = 500
"""Events that may be put into a budget, latest sale first; whoever has more names one by its id."""


class BudgetPlan(Struct, frozen=True, kw_only=True):
    """A budget as staff write it down; the amount is in the smallest unit."""

    name: str
    amount: int
    note: str = ""


def plan_faults(plan: BudgetPlan) -> Iterator[Fault]:
    """Everything wrong with what was written down."""
    yield from text_faults("name", plan.name, NAME_CHARS_MAX, required=True)
    if not 0 <= plan.amount <= AMOUNT_MAX:
        yield "amount", f"must be from 0 to {AMOUNT_MAX}"
    yield from text_faults("note", plan.note, NOTE_CHARS_MAX, breaks=True)


def plan_of(budget: Budget) -> BudgetPlan:
    """The budget as the plan that would make it."""
    return BudgetPlan(name=budget.name, amount=budget.amount, note=budget.note)


def get(session: Session, budget_id: str) -> Budget | None:
    """The budget, as SQL has it now."""
    return session.get(Budget, budget_id, populate_existing=True)


def lock(session: Session, budget_id: str) -> Budget | None:
    """The budget, kept from other writers until this transaction ends."""
    # With `key_share` events, whose rows refer to the budget, need not wait.
    query = select(Budget).where(Budget.id == budget_id).with_for_update(key_share=True)
    return session.scalar(query, execution_options={"populate_existing": True})


def add(session: Session, plan: BudgetPlan, organisation_id: str, at: int) -> Budget:
    """A new budget, with no event in it."""
    budget = Budget(id=new_event_id(), organisation_id=organisation_id, currency=CURRENCY, created_at=at)
    write(budget, plan)
    session.add(budget)
    session.flush()
    return budget


def write(budget: Budget, plan: BudgetPlan) -> None:
    """Put what staff write down as the plan says."""
    budget.name, budget.amount, budget.note = plan.name, plan.amount, plan.note


def in_no_budget(session: Session, organisation_ids: Select[str]) -> Sequence[Event]:
    """The events of these organisations that may be put into a budget, latest sale first."""
    mine = (Event.organisation_id.in_(organisation_ids), Event.budget_id.is_(None), Event.state != CANCELLED)
    query = select(Event).where(*mine).order_by(Event.opens_at.desc(), Event.id).limit(OFFERED_MAX)
    return session.scalars(query.options(lazyload(Event.quotas), lazyload(Event.waiting_waves))).all()
