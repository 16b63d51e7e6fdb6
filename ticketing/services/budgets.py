"""Budgets of campaigns: who keeps them, which events are in them, and what they were used for.

An organisation keeps its own; whoever is above it sees and changes them too, nobody else knows of them. An event of
that organisation or one below it is in one budget at most. Nothing is refused because a budget is too small: what the
reports say of it is for people to judge. What changes is in the trail.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.orm import Session

from ticketing.catalogue import budgets
from ticketing.catalogue.budgets import BudgetPlan, plan_faults
from ticketing.catalogue.model import changed, from_to
from ticketing.catalogue.tables import CANCELLED, Budget, Event
from ticketing.catalogue.validation import Fault, refuse_if, tidied
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading, snapshot
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.reports.budgets import BudgetReport, budget_reports
from ticketing.services import event_access, trail
from ticketing.services.report_period import scope_of
from ticketing.services.tokens import Claims


class BudgetChanges(Struct, frozen=True, kw_only=True):
    """Changes to what is written down; what is left unset stays as it is."""

    name: str | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


class BudgetService:
    """Keeps the budgets and reads what they were used for. Refusals are raised."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def all(self, staff: Claims, organisation: str | None = None) -> list[BudgetReport]:
        """The budgets of an organisation, one's own unless one is named, and of all below it."""
        event_access.require_reader(staff)
        with snapshot(self._sessions) as session:
            scope = scope_of(session, staff, organisation)
            return budget_reports(session, scope.organisation_ids, self._clock.now_ms())

    def report(self, staff: Claims, budget_id: str) -> BudgetReport:
        """One budget."""
        event_access.require_reader(staff)
        with snapshot(self._sessions) as session:
            mine = event_access.organisations_below(staff)
            found = budget_reports(session, mine, self._clock.now_ms(), budget_id)
        if not found:
            raise Refusal(Code.NOT_FOUND)
        return found[0]

    def of_event(self, staff: Claims, event: Event) -> Budget | None:
        """The budget that an event is in, if this staff member may see it."""
        if event.budget_id is None:
            return None
        with reading(self._sessions) as session:
            try:
                return _readable(session, staff, event.budget_id)
            except Refusal:
                return None

    def offered(self, staff: Claims, budget_id: str) -> Sequence[Event]:
        """The events that may be put into a budget."""
        with reading(self._sessions) as session:
            budget = _readable(session, staff, budget_id)
            return budgets.in_no_budget(session, event_access.ids_below(_path(session, budget)))

    def add(self, staff: Claims, plan: BudgetPlan, organisation: str | None = None) -> str:
        """A new budget; its id."""
        event_access.require_writer(staff)
        plan = tidied(plan)
        refuse_if(plan_faults(plan))
        with self._sessions.begin() as session:
            owner = event_access.owner(session, staff, organisation)
            budget = budgets.add(session, plan, owner, self._clock.now_ms())
            self._record(session, staff, "budget.create", budget.id, {"plan": plan, "organisation": owner})
            return budget.id

    def change(self, staff: Claims, budget_id: str, changes: BudgetChanges) -> None:
        """Change what is written down of a budget, also below what is used; without a difference nothing happens."""
        with self._sessions.begin() as session:
            budget = _writable(session, staff, budget_id)
            before = budgets.plan_of(budget)
            after = tidied(changed(before, changes))
            refuse_if(plan_faults(after))
            if before != after:
                budgets.write(budget, after)
                self._record(session, staff, "budget.change", budget_id, {"changes": from_to(before, after)})

    def put_in(self, staff: Claims, budget_id: str, event_id: str) -> None:
        """Count an event against a budget; one that is in another must be taken out there first."""
        with self._sessions.begin() as session:
            budget = _writable(session, staff, budget_id)
            event = event_access.writable(session, staff, event_id)
            if event.budget_id != budget_id:
                refuse_if(_place_faults(session, budget, event))
                event.budget_id = budget_id
                detail = {"event": event_id, "title": event.title}
                self._record(session, staff, "budget.put_in", budget_id, detail)

    def take_out(self, staff: Claims, budget_id: str, event_id: str) -> None:
        """Count an event against the budget no longer; of one that is not in it nothing happens."""
        with self._sessions.begin() as session:
            _writable(session, staff, budget_id)
            event = event_access.writable(session, staff, event_id)
            if event.budget_id == budget_id:
                event.budget_id = None
                detail = {"event": event_id, "title": event.title}
                self._record(session, staff, "budget.take_out", budget_id, detail)

    def _record(self, session: Session, staff: Claims, action: str, budget_id: str, detail: Any) -> None:
        trail.record(session, self._clock.now_ms(), staff.actor, action, f"budget:{budget_id}", detail)


def _place_faults(session: Session, budget: Budget, event: Event) -> list[Fault]:
    if event.budget_id is not None:
        return [("event", "is in another budget")]
    path = members.organisation_of(session, event.organisation_id).path
    if not members.is_at_or_below(path, _path(session, budget)):
        return [("event", "is of no organisation of this budget")]
    if event.state == CANCELLED:
        return [("event", "is called off")]
    if any(quota.currency != budget.currency for quota in event.quotas):
        return [("event", "is in another currency")]
    return []


def _readable(session: Session, staff: Claims, budget_id: str) -> Budget:
    event_access.require_reader(staff)
    return _within_reach(session, staff, budgets.get(session, budget_id))


def _writable(session: Session, staff: Claims, budget_id: str) -> Budget:
    """The budget, locked."""
    event_access.require_writer(staff)
    return _within_reach(session, staff, budgets.lock(session, budget_id))


def _within_reach(session: Session, staff: Claims, budget: Budget | None) -> Budget:
    if budget is None or not staff.covers(_path(session, budget)):
        raise Refusal(Code.NOT_FOUND)
    return budget


def _path(session: Session, budget: Budget) -> str:
    return members.organisation_of(session, budget.organisation_id).path
