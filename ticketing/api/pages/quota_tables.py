"""Pages of staff: quotas in bulk. What was pasted comes back as a table with its mistakes before it is written."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.catalogue.quota_table import COLUMNS, HEADINGS, QuotaTable, write_table
from ticketing.catalogue.repository import plan_of
from ticketing.catalogue.tables import DRAFT, Event
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims

_USUAL = frozenset({"starts_at", "name", "price", "face_price", "capacity"})


async def show(request: Request) -> Response:
    """The field to paste into; for a draft it has the quotas that are there."""
    site = site_of(request)
    staff, event = await _event(request)
    text = (
        write_table(plan_of(event).quotas, site.renderer.language(request).code)
        if event.state == DRAFT
        else ""
    )
    return _page(request, staff, event, Form([("text", text)]))


async def paste(request: Request) -> Response:
    """Show what the table would make, or write it when that was seen and is wanted."""
    form = await read_form(request)
    staff, event = await _event(request)
    tables, replace = site_of(request).services.quota_tables, event.state == DRAFT
    text, reason = form.values.get("text", ""), form.text("reason")  # a first cell may be empty: no strip
    try:
        table = await in_thread(tables.look, staff, event.id, text, replace)
        if not table.is_clean or form.text("step") != "write":
            return _page(request, staff, event, form, table)
        await in_thread(tables.write, staff, event.id, text, reason, replace)
    except Refusal as refusal:
        return _page(request, staff, event, form, refusal=refusal)
    return redirect(f"/staff/events/{event.id}?done=table")


async def _event(request: Request) -> tuple[Claims, Event]:
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", f"/staff/events/{event_id}/quotas/table")
    require_writer(staff)
    return staff, await in_thread(site.services.catalogue.event, staff, event_id)


def _page(
    request: Request,
    staff: Claims,
    event: Event,
    form: Form,
    table: QuotaTable | None = None,
    refusal: Refusal | None = None,
) -> Response:
    site = site_of(request)
    if table is not None and not table.is_clean:
        refusal = refusal or Refusal(Code.INVALID)
    headings = _headings(site, request)
    return site.page(
        request,
        "staff/quota_table.html",
        refusal=refusal,
        who=staff,
        path=f"/staff/events/{event.id}/quotas/table",
        event=event,
        is_draft=event.state == DRAFT,
        headings=headings,
        used={column: headings[column] for column in _used(table)},
        table=table,
        faults=[site.fault(request, reason) for _, reason in table.faults] if table else [],
        wrong={line.number: _wrong(site, request, line.faults) for line in table.lines} if table else {},
        form=form.values,
    )


def _used(table: QuotaTable | None) -> list[str]:
    """The columns to show: the usual ones, and whatever else some line says something about."""
    said = {column for line in table.lines for column in line.cells} if table else set()
    return [column for column in COLUMNS if column in said.union(_USUAL)]


def _wrong(site: Site, request: Request, faults: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {column: site.fault(request, reason) for column, reason in faults}


def _headings(site: Site, request: Request) -> Mapping[str, str]:
    headings = HEADINGS[site.renderer.language(request).code]
    return {column: headings[column] for column in COLUMNS}
