"""The tree of organisations: walked through, searched, added to, renamed."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import site_of
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import WRITERS
from ticketing.services.organisations import FOUND_MAX
from ticketing.services.staff import KINDS

PATH = "/staff/organisations"


async def show_tree(request: Request) -> Response:
    """One's own organisation; or, when something is searched for, what was found."""
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    sought = request.query_params.get("q", "").strip()
    if not sought:
        return await _node_page(request, staff.organisation_id)
    found = await in_thread(site.services.organisations.find, staff, sought)
    return site.page(
        request,
        "staff/organisations.html",
        who=staff,
        path=PATH,
        found=found,
        sought=sought,
        all_shown=len(found) < FOUND_MAX,
    )


async def show_node(request: Request) -> Response:
    """One organisation: its members and cards, and what is directly below it."""
    return await _node_page(request, request.path_params["organisation_id"])


async def _node_page(
    request: Request, organisation_id: str, refusal: Refusal | None = None, form: Form | None = None
) -> Response:
    site = site_of(request)
    path = f"{PATH}/{organisation_id}"
    staff = site.require(request, "staff", path)
    page = _page(request)
    place = await in_thread(site.services.organisations.place, staff, organisation_id, page)
    return site.page(
        request,
        "staff/organisation.html",
        refusal=refusal,
        who=staff,
        path=path,
        place=place,
        page=page,
        kinds=KINDS,
        may_manage=staff.role in WRITERS,
        form=form.values if form else {},
        faults=site.faults(request, refusal),
    )


async def add(request: Request) -> Response:
    """Add an organisation below the one that is shown."""
    site, parent = site_of(request), request.path_params["organisation_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{parent}")
    wish = (form.text("name"), parent, form.text("kind"), form.text("id") or None)
    try:
        await in_thread(site.services.organisations.require, staff, parent)
        await in_thread(site.services.staff.add_organisation, staff, *wish)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _node_page(request, parent, refusal, form)
    return redirect(f"{PATH}/{parent}?done=organisation")


async def rename(request: Request) -> Response:
    """Give an organisation another name."""
    site, organisation_id = site_of(request), request.path_params["organisation_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{organisation_id}")
    try:
        await in_thread(site.services.organisations.rename, staff, organisation_id, form.text("new_name"))
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _node_page(request, organisation_id, _of_new_name(refusal), form)
    return redirect(f"{PATH}/{organisation_id}?done=renamed")


def _of_new_name(refusal: Refusal) -> Refusal:
    """The page has another field called `name`."""
    errors = [error | {"field": "new_name"} for error in refusal.facts["errors"]]
    return Refusal(refusal.code, errors=errors)


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    page = int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0
    if page < 1:
        raise Refusal(Code.NOT_FOUND)
    return page
