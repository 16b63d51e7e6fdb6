"""The till's pages: a clerk opens and closes a shift at this desk; the finance office sees them all.

A shift is opened at the desk that the browser is named after, so that what is handed over here is counted in it.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.days import day_of, days_of
from ticketing.api.pages.desk_setup import setup_of
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.errors import Code, Refusal, invalid
from ticketing.services.event_access import WRITERS
from ticketing.services.till import CURRENCY, Shift

PATH = "/desk/till"
REPORT_PATH = "/staff/till"
_REPORT_DAYS = 7
_UNDO_REASONS = {
    "given_back": "the sale broke off; the money was given back",
    "unpaid": "the sale broke off; nothing was paid",
}


async def show_till(request: Request) -> Response:
    """My open shifts with what they should hold, and my latest ones."""
    return await _till_page(request)


async def _till_page(request: Request, refusal: Refusal | None = None, form: Form | None = None) -> Response:
    site = site_of(request)
    clerk = site.clerk(request, PATH)
    shifts = await in_thread(site.services.till.mine, clerk)
    desk = setup_of(request, clerk).name
    is_open = [shift for shift in shifts if shift.record.closed_at is None]
    return site.page(
        request,
        "desk/till.html",
        refusal=refusal,
        who=clerk,
        path=PATH,
        desk=desk,
        currency=CURRENCY,
        open_shifts=is_open,
        may_open=all(shift.record.desk != desk for shift in is_open),
        recent=shifts[len(is_open) :],
        unfinished=await in_thread(site.services.till.unfinished, clerk),
        **_typed(site, request, refusal, form),
    )


async def open_shift(request: Request) -> Response:
    """Open a shift with the cash in the drawer; repeatable by the form's key."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    cash = _amount(form, "opening_cash")
    try:
        form.refuse_faults()
        desk = setup_of(request, clerk).name
        await in_thread(site.services.till.open, clerk, form.key(), desk, cash, CURRENCY)
    except Refusal as refusal:
        return await _till_page(request, refusal, form)
    return redirect(f"{PATH}?done=shift")


async def show_shift(request: Request) -> Response:
    """One shift: what it took and gave back, what was counted, and the form that closes it."""
    return await _shift_page(request)


async def _shift_page(request: Request, refusal: Refusal | None = None, form: Form | None = None) -> Response:
    site, shift_id = site_of(request), request.path_params["shift_id"]
    path = f"{PATH}/{shift_id}"
    reader = site.require(request, "staff", path)
    shift = await in_thread(site.services.till.shift, reader, shift_id)
    return site.page(
        request,
        "desk/shift.html",
        refusal=refusal,
        who=reader,
        path=path,
        shift=shift,
        may_close=shift.record.closed_at is None and reader.role != "auditor",
        may_settle=reader.role in WRITERS or shift.record.staff_id == reader.id,
        **_typed(site, request, refusal, form),
    )


async def close_shift(request: Request) -> Response:
    """Close a shift with what was counted; the same form again changes nothing."""
    site, shift_id = site_of(request), request.path_params["shift_id"]
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    cash, card = _amount(form, "counted_cash"), _amount(form, "counted_card")
    try:
        form.refuse_faults()
        await in_thread(site.services.till.close, clerk, shift_id, cash, card, form.text("remark")[:500])
    except Refusal as refusal:
        if refusal.code in (Code.NOT_FOUND, Code.FORBIDDEN):
            raise
        return await _shift_page(request, refusal, form)
    return redirect(f"{PATH}/{shift_id}?done=shift-closed")


async def settle_sale(request: Request) -> Response:
    """Finish or undo a sale that broke off; the same form again changes nothing."""
    site, order_id = site_of(request), request.path_params["order_id"]
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    desk, how = setup_of(request, clerk).name, form.text("how")
    from_report = form.text("from") == "report"
    back = REPORT_PATH if from_report else PATH
    try:
        if how == "finish":
            await in_thread(site.services.unfinished.finish, clerk, order_id, desk)
            return redirect(f"{back}?done=sale-finished")
        undo = partial(site.services.unfinished.undo, paid=_paid(how))
        await in_thread(undo, clerk, order_id, desk, _UNDO_REASONS[how])
    except Refusal as refusal:
        if refusal.code in (Code.HOLD_RELEASED, Code.NOT_CANCELLABLE):
            return redirect(f"{back}?done=sale-settled")
        if refusal.code is not Code.ALREADY_COLLECTED:
            raise
        return await (_report_page if from_report else _till_page)(request, refusal)
    return redirect(f"{back}?done=sale-undone")


def _paid(how: str) -> bool:
    """Whether an undo of this kind gives money back. Raises the refusal `invalid` for none that we know."""
    if how not in _UNDO_REASONS:
        raise invalid(("how", "is unknown"))
    return how == "given_back"


async def show_report(request: Request) -> Response:
    """Every shift of some days, and what no shift counted."""
    return await _report_page(request)


async def _report_page(request: Request, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    reader = site.require(request, "staff", REPORT_PATH)
    today = day_of(site.now_ms())
    days = days_of(request, today - timedelta(days=_REPORT_DAYS - 1), today)
    report = await in_thread(site.services.till.report, reader, days.since, days.until)
    return site.page(
        request,
        "staff/till.html",
        refusal=refusal,
        who=reader,
        path=REPORT_PATH,
        report=report,
        days=days,
        totals=_totals(report.shifts),
        may_settle=reader.role in WRITERS,
    )


def _totals(shifts: Sequence[Shift]) -> list[tuple[str, str, str | None, int]]:
    """What the shifts took, less what they gave back: (event, currency, way of payment, amount), money only."""
    sums: dict[tuple[str, str, str], int] = {}
    for line in (line for shift in shifts for line in shift.lines):
        if line.method is not None:
            key = (line.title, line.currency, line.method)
            sums[key] = sums.get(key, 0) + (line.amount if line.kind == "taken" else -line.amount)
    return [(*key, amount) for key, amount in sorted(sums.items())]


def _amount(form: Form, name: str) -> int:
    """An amount typed in yuan that must be there, in fen."""
    amount = form.price(name)
    form.text(name, required=True)
    return amount or 0


def _typed(site: Site, request: Request, refusal: Refusal | None, form: Form | None) -> dict[str, object]:
    """What was typed into a form that was refused, and what is wrong with it."""
    return site.typed(request, form or Form([]), refusal) | {"key": new_key()}
