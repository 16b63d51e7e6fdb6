"""Budgets of campaigns: what they are, which events count against them, and what was used; also to take away."""

from msgspec import structs

from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.downloads import add_downloads
from ticketing.api.schemas import budgets as schemas
from ticketing.api.views import instant
from ticketing.catalogue.budgets import BudgetPlan
from ticketing.errors import Code
from ticketing.reports.budgets import BudgetReport
from ticketing.services.budgets import BudgetChanges
from ticketing.services.event_access import READERS, WRITERS
from ticketing.services.report_tables import budgets_table

BUDGETS = "/api/v1/staff/budgets"
BUDGET = f"{BUDGETS}/{{budget_id}}"
EVENT = f"{BUDGET}/events/{{event_id}}"

calls = Calls()

_LIST = Operation(
    method="GET",
    path=BUDGETS,
    summary="What campaigns used of their budgets",
    tag="staff",
    caller="staff",
    roles=READERS,
    query=("organisation",),
    codes=(Code.NOT_FOUND,),
)


@calls(structs.replace(_LIST, gives=schemas.Budgets))
def list_budgets(call: Call[None]) -> schemas.Budgets:
    """Of an organisation, one's own unless one is named, and of those below it."""
    return schemas.Budgets([_view(one) for one in _all(call)])


add_downloads(calls, _LIST, lambda call: ("budgets", budgets_table(_all(call))))


def _all(call: Call[None]) -> list[BudgetReport]:
    return call.front.services.budgets.all(call.caller, call.query("organisation"))


@calls(
    Operation(
        method="POST",
        path=BUDGETS,
        summary="Make a budget",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewBudget,
        gives=schemas.Budget,
        status=201,
    )
)
def add_budget(call: Call[schemas.NewBudget]) -> schemas.Budget:
    """No event is in it yet."""
    wish, service = call.body, call.front.services.budgets
    plan = BudgetPlan(name=wish.name, amount=wish.amount, note=wish.note)
    return _view(service.report(call.caller, service.add(call.caller, plan, wish.organisation)))


@calls(
    Operation(
        method="GET",
        path=BUDGET,
        summary="A budget with what each of its events costs",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.Budget,
        codes=(Code.NOT_FOUND,),
    )
)
def read_budget(call: Call[None]) -> schemas.Budget:
    """Subsidies are at the face prices of today, as in the settlement."""
    return _budget(call)


@calls(
    Operation(
        method="PATCH",
        path=BUDGET,
        summary="Change what is written down of a budget",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.BudgetChanges,
        gives=schemas.Budget,
        codes=(Code.NOT_FOUND,),
    )
)
def change_budget(call: Call[schemas.BudgetChanges]) -> schemas.Budget:
    """What is not sent stays as it is."""
    changes = BudgetChanges(**structs.asdict(call.body))
    call.front.services.budgets.change(call.caller, call.path("budget_id"), changes)
    return _budget(call)


def _on_event(method: str, summary: str) -> Operation:
    return Operation(
        method=method,
        path=EVENT,
        summary=summary,
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Budget,
        codes=(Code.NOT_FOUND, Code.INVALID),
    )


@calls(_on_event("PUT", "Count an event against a budget"))
def put_event_in(call: Call[None]) -> schemas.Budget:
    """One that is in another budget must be taken out there first."""
    call.front.services.budgets.put_in(call.caller, call.path("budget_id"), call.path("event_id"))
    return _budget(call)


@calls(_on_event("DELETE", "Count an event against a budget no longer"))
def take_event_out(call: Call[None]) -> schemas.Budget:
    """Nothing happens to one that is not in it."""
    call.front.services.budgets.take_out(call.caller, call.path("budget_id"), call.path("event_id"))
    return _budget(call)


def _budget(call: Call[schemas.BudgetChanges] | Call[None]) -> schemas.Budget:
    return _view(call.front.services.budgets.report(call.caller, call.path("budget_id")))


def _view(report: BudgetReport) -> schemas.Budget:
    fields = structs.asdict(report)
    events = [structs.asdict(one) | {"starts_at": instant(one.starts_at)} for one in report.events]
    return schemas.Budget(**fields | {"events": [schemas.BudgetEvent(**one) for one in events]})
