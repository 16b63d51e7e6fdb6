"""Pages of staff: where an event begins that is like another one, or usual for its kind."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages import event_words
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import site_of
from ticketing.catalogue.tables import Event
from ticketing.clock import DAY_MS
from ticketing.errors import Code, Refusal
from ticketing.services.campaigns import DAYS_MAX
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims

TEMPLATES = "/staff/templates"
_FIFTY_TWO_WEEKS = 364
"""A year later on the same day of the week: what most people want of last year's event."""


async def show_templates(request: Request) -> Response:
    """The choice of a template, and when its event is."""
    return await _templates_page(request, Form([]))


async def _templates_page(request: Request, form: Form, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", TEMPLATES)
    require_writer(staff)
    known = site.services.campaigns.templates(staff)
    kinds = {name: site.renderer.say(request, event_words.TEMPLATES[name]) for name in known}
    return site.page(
        request,
        "staff/templates.html",
        refusal=refusal,
        who=staff,
        path=TEMPLATES,
        kinds=kinds,
        counts={name: sum(quotas.times for quotas in each.quotas) for name, each in known.items()},
        form=form.values,
        wrong={name: site.fault(request, reason) for name, reason in form.faults.items()},
    )


async def start(request: Request) -> Response:
    """Make a draft of a template, in the language of the page."""
    site, form = site_of(request), await read_form(request)
    staff = site.require(request, "staff", TEMPLATES)
    starts_at = form.time("starts_at", required=True)
    if starts_at is None:
        return await _templates_page(request, form, Refusal(Code.INVALID))
    language = site.renderer.language(request).code
    make, title = site.services.campaigns.from_template, form.text("title")
    try:
        event_id = await in_thread(make, staff, form.text("template"), starts_at, language, title)
    except Refusal as refusal:
        return await _templates_page(request, form, _of_a_form(refusal))
    return redirect(f"/staff/events/{event_id}?done=created")


async def show_copy(request: Request) -> Response:
    """How many days later the copy is."""
    return await _copy_page(request, Form([("days", str(_FIFTY_TWO_WEEKS))]))


async def _copy_page(request: Request, form: Form, refusal: Refusal | None = None) -> Response:
    staff, event = await _copied_event(request)
    site = site_of(request)
    days = form.values.get("days", "")
    at = event.starts_at + int(days) * DAY_MS if days.isdecimal() and int(days) <= DAYS_MAX else None
    return site.page(
        request,
        "staff/copy.html",
        refusal=refusal,
        who=staff,
        path=f"/staff/events/{event.id}/copy",
        event=event,
        days_max=DAYS_MAX,
        moved_to=at,
        in_series=event.group_id != event.id and event.group.archived_at is None,
        form=form.values,
        wrong={name: site.fault(request, reason) for name, reason in form.faults.items()},
    )


async def copy(request: Request) -> Response:
    """Make the copy."""
    form = await read_form(request)
    staff, event = await _copied_event(request)
    days = form.count("days", required=True)
    if days is None:
        return await _copy_page(request, form, Refusal(Code.INVALID))
    make, same_series = site_of(request).services.campaigns.copy, form.text("same_series") == "yes"
    try:
        event_id = await in_thread(make, staff, event.id, days, same_series)
    except Refusal as refusal:
        return await _copy_page(request, form, _of_a_form(refusal))
    return redirect(f"/staff/events/{event_id}?done=created")


async def _copied_event(request: Request) -> tuple[Claims, Event]:
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", f"/staff/events/{event_id}/copy")
    require_writer(staff)
    return staff, await in_thread(site.services.catalogue.event, staff, event_id)


def _of_a_form(refusal: Refusal) -> Refusal:
    """What is wrong with a form is said above it; whatever else is refused is a page of its own."""
    if refusal.code is not Code.INVALID:
        raise refusal
    return refusal
