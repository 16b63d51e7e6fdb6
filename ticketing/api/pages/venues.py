"""Pages of the programme's venues: the registry, and a venue with its history and its running sales."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import site_of
from ticketing.catalogue.venues import VenuePlan, plan_of
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import WRITERS
from ticketing.services.venues import VERBS, VenueChanges

PATH = "/staff/venues"
_FIELDS = ("name", "contact", "contract_number")
_ACTS = {"admitted": ("suspend", "remove"), "suspended": ("admit", "remove"), "removed": ("admit",)}
"""State of a venue -> the verbs that lead out of it."""


async def show_all(request: Request) -> Response:
    """The registry, and the form for a new venue."""
    return await _list_page(request, Form([]))


async def _list_page(request: Request, form: Form, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    return site.page(
        request,
        "staff/venues.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        venues=await in_thread(site.services.venues.all, staff),
        may_manage=staff.role in WRITERS,
        **site.typed(request, form, refusal),
    )


async def add(request: Request) -> Response:
    """Admit a new venue."""
    site, form = site_of(request), await read_form(request)
    staff = site.require(request, "staff", PATH)
    try:
        reason = form.text("reason")
        venue_id = await in_thread(site.services.venues.add, staff, _plan(form), None, reason)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _list_page(request, form, refusal)
    return redirect(f"{PATH}/{venue_id}?done=venue")


async def show(request: Request) -> Response:
    """One venue."""
    return await _venue_page(request)


async def _venue_page(request: Request, form: Form | None = None, refusal: Refusal | None = None) -> Response:
    site, venue_id = site_of(request), request.path_params["venue_id"]
    path = f"{PATH}/{venue_id}"
    staff = site.require(request, "staff", path)
    file = await in_thread(site.services.venues.file, staff, venue_id)
    written = plan_of(file.venue)
    form = form or Form([(name, getattr(written, name)) for name in _FIELDS])
    return site.page(
        request,
        "staff/venue.html",
        refusal=refusal,
        who=staff,
        path=path,
        venue=file.venue,
        history=file.history,
        running=file.running,
        acts=_ACTS[file.venue.state],
        may_manage=file.may_change,
        **site.typed(request, form, refusal),
    )


async def change(request: Request) -> Response:
    """Change what is written down of a venue."""
    site, venue_id = site_of(request), request.path_params["venue_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{venue_id}")
    changes = VenueChanges(**{name: form.text(name) for name in _FIELDS})
    try:
        await in_thread(site.services.venues.change, staff, venue_id, changes, form.text("reason"))
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _venue_page(request, form, refusal)
    return redirect(f"{PATH}/{venue_id}?done=venue-changed")


async def move(request: Request) -> Response:
    """Admit a venue again, suspend it or remove it."""
    site, params = site_of(request), request.path_params
    venue_id, verb = params["venue_id"], params["verb"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{venue_id}")
    if verb not in VERBS:
        raise Refusal(Code.NOT_FOUND)
    try:
        await in_thread(site.services.venues.move, staff, venue_id, verb, form.text("reason"))
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _venue_page(request, refusal=refusal)
    return redirect(f"{PATH}/{venue_id}?done=venue-{verb}")


def _plan(form: Form) -> VenuePlan:
    return VenuePlan(**{name: form.text(name) for name in _FIELDS})
