"""Pages of reports: a table, a bar beside each share, and the same as a file."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.days import day_of, days_of
from ticketing.api.pages.drafting import branches
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.report_period import Asked
from ticketing.services.tokens import Claims

PATH = "/staff/reports"
Read = Callable[[Site, Claims, Asked], Any]

_READ: dict[str, Read] = {
    "settlement": lambda site, staff, asked: site.services.reports.settlement(staff, asked),
    "participation": lambda site, staff, asked: site.services.reports.participation(staff, asked),
    "attendance": lambda site, staff, asked: site.services.reports.attendance(staff, asked),
    "demand": lambda site, staff, asked: site.services.reports.demand(staff, asked),
}


async def show_first(_request: Request) -> Response:
    """The report that is asked for most."""
    return redirect(f"{PATH}/settlement")


async def show(request: Request) -> Response:
    """A report of this month, or of the days asked for."""
    site, name = site_of(request), request.path_params["name"]
    if name not in _READ:
        raise Refusal(Code.NOT_FOUND)
    staff = site.require(request, "staff", f"{PATH}/{name}")
    today = day_of(site.now_ms())
    days = days_of(request, today.replace(day=1), today)
    organisation = request.query_params.get("organisation") or staff.organisation_id
    asked = Asked(days.since, days.until, organisation)
    return site.page(
        request,
        f"staff/reports/{name}.html",
        who=staff,
        path=f"{PATH}/{name}",
        name=name,
        names=tuple(_READ),
        days=days,
        organisation=organisation,
        organisations=await in_thread(branches, site, staff),
        report=await in_thread(_READ[name], site, staff, asked),
    )
