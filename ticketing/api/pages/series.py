"""Pages of series: events that share a limit per card, made, changed, and filled with drafts."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.drafting import branches
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.api.pages.staff import listed
from ticketing.catalogue.model import EventChanges
from ticketing.catalogue.tables import DRAFT
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import WRITERS
from ticketing.services.tokens import Claims

PATH = "/staff/series"


async def show_all(request: Request) -> Response:
    """The series within reach with their events, and the form for another."""
    return await _list_page(request, Form([]))


async def _list_page(request: Request, form: Form, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    may_manage = staff.role in WRITERS
    return site.page(
        request,
        "staff/series_list.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        found=await in_thread(site.services.series.all, staff),
        may_manage=may_manage,
        organisations=await in_thread(branches, site, staff) if may_manage else (),
        **site.typed(request, form, refusal),
    )


async def add(request: Request) -> Response:
    """Make a series."""
    site, form = site_of(request), await read_form(request)
    staff = site.require(request, "staff", PATH)
    wish = (form.text("name"), form.count("per_card_limit"), form.text("organisation") or None)
    try:
        form.refuse_faults()
        group_id = await in_thread(site.services.catalogue.create_group, staff, *wish)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _list_page(request, form, refusal)
    return redirect(f"{PATH}/{group_id}?done=series")


async def show(request: Request) -> Response:
    """One series: its limit, its events, and drafts that could be put in."""
    return await _series_page(request)


async def _series_page(
    request: Request, form: Form | None = None, refusal: Refusal | None = None
) -> Response:
    site, group_id = site_of(request), request.path_params["group_id"]
    path = f"{PATH}/{group_id}"
    staff = site.require(request, "staff", path)
    series, drafts = await in_thread(site.services.series.one, staff, group_id)
    limit = str(series.per_card_limit or "")
    return site.page(
        request,
        "staff/series.html",
        refusal=refusal,
        who=staff,
        path=path,
        series=series,
        events=[listed(site, event) for event in series.events],
        drafts=drafts,
        draft_ids={event.id for event in series.events if event.state == DRAFT},
        may_manage=staff.role in WRITERS,
        **site.typed(request, form or Form([("name", series.name), ("per_card_limit", limit)]), refusal),
    )


async def change(request: Request) -> Response:
    """Rename a series or set its limit."""
    site, group_id, form, staff = await _posted(request)
    wish = (form.text("name"), form.count("per_card_limit"), form.text("reason"))
    try:
        form.refuse_faults()
        await in_thread(site.services.series.change, staff, group_id, *wish)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _series_page(request, form, refusal)
    return redirect(f"{PATH}/{group_id}?done=series-changed")


async def put_in(request: Request) -> Response:
    """Put a draft into a series."""
    _, group_id, form, _ = await _posted(request)
    return await _move(request, form.text("event_id"), group_id, "series-in", form)


async def take_out(request: Request) -> Response:
    """Take a draft out of a series: it shares its limit with no other event then."""
    _, _, form, _ = await _posted(request)
    return await _move(request, request.path_params["event_id"], None, "series-out", form)


async def _move(request: Request, event_id: str, to: str | None, done: str, form: Form) -> Response:
    site, group_id, staff = site_of(request), request.path_params["group_id"], _staff(request)
    reason = form.text("reason", required=True)
    try:
        series, _ = await in_thread(site.services.series.one, staff, group_id)
        if to is None and event_id not in {event.id for event in series.events}:
            raise Refusal(Code.NOT_FOUND)
        form.refuse_faults()
        changes = EventChanges(allowance_group=to)
        await in_thread(site.services.catalogue.patch_event, staff, event_id, changes, reason)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _series_page(request, refusal=refusal)
    return redirect(f"{PATH}/{group_id}?done={done}")


def _staff(request: Request) -> Claims:
    return site_of(request).require(request, "staff", f"{PATH}/{request.path_params['group_id']}")


async def _posted(request: Request) -> tuple[Site, str, Form, Claims]:
    form = await read_form(request)
    return site_of(request), request.path_params["group_id"], form, _staff(request)
