"""Pages of campaigns' budgets: all of them, and one with its events and what each costs."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.drafting import branches
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.catalogue.budgets import BudgetPlan
from ticketing.errors import Code, Refusal
from ticketing.reports.budgets import BudgetReport
from ticketing.services.budgets import BudgetChanges
from ticketing.services.event_access import WRITERS

PATH = "/staff/budgets"


async def show_all(request: Request) -> Response:
    """Every budget with a bar, and the form for a new one."""
    return await _list_page(request, Form([]))


async def _list_page(request: Request, form: Form, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    return site.page(
        request,
        "staff/budgets.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        budgets=await in_thread(site.services.budgets.all, staff),
        organisations=await in_thread(branches, site, staff),
        own=staff.organisation_id,
        may_manage=staff.role in WRITERS,
        **site.typed(request, form, refusal),
    )


async def add(request: Request) -> Response:
    """Make a budget."""
    site, form = site_of(request), await read_form(request)
    staff = site.require(request, "staff", PATH)
    organisation = form.text("organisation") or None
    try:
        plan = _plan(form)
        budget_id = await in_thread(site.services.budgets.add, staff, plan, organisation)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _list_page(request, form, refusal)
    return redirect(f"{PATH}/{budget_id}?done=budget")


async def show(request: Request) -> Response:
    """One budget."""
    return await _budget_page(request)


async def _budget_page(
    request: Request, form: Form | None = None, refusal: Refusal | None = None
) -> Response:
    site, budget_id = site_of(request), request.path_params["budget_id"]
    path = f"{PATH}/{budget_id}"
    staff = site.require(request, "staff", path)
    budget = await in_thread(site.services.budgets.report, staff, budget_id)
    return site.page(
        request,
        "staff/budget.html",
        refusal=refusal,
        who=staff,
        path=path,
        budget=budget,
        offered=await in_thread(site.services.budgets.offered, staff, budget_id),
        may_manage=staff.role in WRITERS,
        **site.typed(request, form or _written(budget), refusal),
    )


async def change(request: Request) -> Response:
    """Change what is written down of a budget."""
    form = await read_form(request)

    def changes(site: Site, budget_id: str) -> tuple[Any, ...]:
        plan = _plan(form)
        wish = BudgetChanges(name=plan.name, amount=plan.amount, note=plan.note)
        return site.services.budgets.change, budget_id, wish

    return await _done(request, form, changes, "budget-changed")


async def put_in(request: Request) -> Response:
    """Count an event against a budget."""
    form = await read_form(request)

    def event(site: Site, budget_id: str) -> tuple[Any, ...]:
        event_id = form.text("event", required=True)
        form.refuse_faults()
        return site.services.budgets.put_in, budget_id, event_id

    return await _done(request, None, event, "budget-in")


async def take_out(request: Request) -> Response:
    """Count an event against a budget no longer."""
    await read_form(request)
    event_id = request.path_params["event_id"]
    return await _done(
        request, None, lambda site, budget: (site.services.budgets.take_out, budget, event_id), "budget-out"
    )


async def _done(
    request: Request, form: Form | None, act: Callable[[Site, str], tuple[Any, ...]], done: str
) -> Response:
    """Do what a form asks of a budget, or show the page again with what was wrong."""
    site, budget_id = site_of(request), request.path_params["budget_id"]
    staff = site.require(request, "staff", f"{PATH}/{budget_id}")
    try:
        verb, *wish = act(site, budget_id)
        await in_thread(verb, staff, *wish)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _budget_page(request, form, refusal)
    return redirect(f"{PATH}/{budget_id}?done={done}")


def _plan(form: Form) -> BudgetPlan:
    """A budget as it was typed. Raises the refusal `invalid` for an amount that is none."""
    amount = form.price("amount")
    form.text("amount", required=True)
    form.refuse_faults()
    return BudgetPlan(name=form.text("name"), amount=amount or 0, note=form.text("note"))


def _written(budget: BudgetReport) -> Form:
    yuan = f"{budget.amount // 100}.{budget.amount % 100:02}"
    return Form([("name", budget.budget), ("amount", yuan), ("note", budget.note)])
