"""Pages of staff: the form for a new event, and the same form for what may still change of one."""

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api.pages import picker
from ticketing.api.pages.drafts import QUOTA_ROWS, edited, form_field, form_of, read_event
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.catalogue.model import KINDS
from ticketing.catalogue.tables import Event
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims

NEW = "/staff/events/new"


class Branch(Struct, frozen=True):
    """An organisation in a list of choices, indented by its depth."""

    id: str
    label: str


async def show_new(request: Request) -> Response:
    """The form for a new event."""
    staff = site_of(request).require(request, "staff", NEW)
    return await _form_page(
        request, staff, Form([("hold_minutes", "5"), ("organiser", staff.organisation_id)])
    )


async def create(request: Request) -> Response:
    """Save a new draft."""
    site = site_of(request)
    form = await read_form(request)
    staff = site.require(request, "staff", NEW)
    if picker.holds_back(form):
        return await _form_page(request, staff, form)
    draft = read_event(form)
    if form.faults:
        return await _form_page(request, staff, form, Refusal(Code.INVALID))
    try:
        event_id = await in_thread(site.services.catalogue.create_event, staff, draft)
    except Refusal as refusal:
        return await _form_page(request, staff, _with_faults(form, refusal), refusal)
    return redirect(f"/staff/events/{event_id}?done=created")


async def show_edit(request: Request) -> Response:
    """The form with what an event says now."""
    staff, event = await _edited_event(request)
    return await _form_page(request, staff, Form(form_of(event)), event=event)


async def edit(request: Request) -> Response:
    """Change what the form changed, and nothing else."""
    form = await read_form(request)
    staff, event = await _edited_event(request)
    if picker.holds_back(form):
        return await _form_page(request, staff, form, event=event)
    changes, reason = edited(form, form_of(event)), form.text("reason", required=True)
    if form.faults:
        return await _form_page(request, staff, form, Refusal(Code.INVALID), event)
    try:
        await in_thread(site_of(request).services.catalogue.patch_event, staff, event.id, changes, reason)
    except Refusal as refusal:
        return await _form_page(request, staff, _with_faults(form, refusal), refusal, event)
    return redirect(f"/staff/events/{event.id}?done=edited")


async def find_for_new(request: Request) -> Response:
    """The form for a new event as it was filled in, with the organisations that were searched for."""
    form = await read_form(request)
    staff = site_of(request).require(request, "staff", NEW)
    return await _found(request, staff, form)


async def find_for_edit(request: Request) -> Response:
    """The same of an event that is changed."""
    form = await read_form(request)
    staff, event = await _edited_event(request)
    return await _found(request, staff, form, event)


async def _found(request: Request, staff: Claims, form: Form, event: Event | None = None) -> Response:
    if "hx-request" not in request.headers:
        return await _form_page(request, staff, form, event=event)
    site, path = site_of(request), _path(event)
    require_writer(staff)
    picked = await in_thread(picker.context, site, staff, form, event)
    return site.page(request, "staff/picker.html", who=staff, path=path, **picked)


async def _edited_event(request: Request) -> tuple[Claims, Event]:
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", f"/staff/events/{event_id}/edit")
    return staff, await in_thread(site.services.catalogue.event, staff, event_id)


def _with_faults(form: Form, refusal: Refusal) -> Form:
    for error in refusal.facts.get("errors", ()):
        form.faults[form_field(error["field"], form)] = error["reason"]
    return form


async def _form_page(
    request: Request,
    staff: Claims,
    form: Form,
    refusal: Refusal | None = None,
    event: Event | None = None,
) -> HTMLResponse:
    """The form of a new event, or of `event`."""
    site = site_of(request)
    require_writer(staff)
    return site.page(
        request,
        "staff/form.html",
        refusal=refusal,
        who=staff,
        path=_path(event),
        event=event,
        form=form.values,
        wrong={name: site.fault(request, reason) for name, reason in form.faults.items()},
        rows=range(QUOTA_ROWS),
        kinds=KINDS,
        venues=await in_thread(site.services.venues.all, staff),
        organisations=[] if event else await in_thread(branches, site, staff),
        **await in_thread(picker.context, site, staff, form, event),
    )


def _path(event: Event | None) -> str:
    return f"/staff/events/{event.id}/edit" if event else NEW


def branches(site: Site, staff: Claims) -> list[Branch]:
    """The staff member's organisation and all below it, to choose from."""
    with reading(site.services.sessions) as session:
        found = members.organisations(session, staff.organisation_path)
    top = min((node.path.count(".") for node in found), default=0)
    return [Branch(node.id, "\u3000" * (node.path.count(".") - top) + node.name) for node in found]
