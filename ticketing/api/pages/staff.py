"""Pages of staff: their events, the numbers of a sale, and the acts on it."""

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas, views
from ticketing.api.pages.drafts import read_quota
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.previews import remarks_of
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.catalogue.model import QuotaChanges
from ticketing.catalogue.tables import CANCELLED, CLOSED, DRAFT, PAUSED, PUBLISHED, Event
from ticketing.errors import Code, Refusal, StoreUnavailable, invalid
from ticketing.services.event_access import WRITERS
from ticketing.services.stats import EventStats
from ticketing.services.tokens import Claims

_ACTS: Mapping[str, tuple[str, ...]] = {
    DRAFT: ("publish",),
    PUBLISHED: ("pause", "close", "cancel"),
    PAUSED: ("resume", "close", "cancel"),
    CLOSED: ("cancel",),
}
"""State of an event -> the verbs that lead out of it."""

WAVE_ROWS = 3
"""Waves that the form has room for; more are planned by sending it again."""

VERBS = ("publish", "pause", "resume", "close", "cancel")


async def show_events(request: Request) -> Response:
    """The events of the staff member's organisation and below."""
    site = site_of(request)
    staff = site.require(request, "staff", "/staff/events")
    events = await in_thread(site.services.catalogue.list_events, staff)
    return site.page(
        request,
        "staff/events.html",
        who=staff,
        events=[listed(site, event) for event in events],
        may_manage=staff.role in WRITERS,
    )


def listed(site: Site, event: Event) -> schemas.Event:
    """An event as the board has it; a draft, or one published a moment ago, as SQL has it."""
    poster = site.board.poster(event.id)
    if poster is not None and event.state != DRAFT:
        return poster.event
    return views.event_view(event, "", None, views.sale_status(event, None, site.now_ms()))


async def show_event(request: Request) -> Response:
    """The numbers of an event, and what may be done with it."""
    return await _event_page(request)


async def _event_page(
    request: Request, refusal: Refusal | None = None, form: Form | None = None
) -> HTMLResponse:
    site, event_id = site_of(request), request.path_params["event_id"]
    path = f"/staff/events/{event_id}"
    staff = site.require(request, "staff", path)
    event = await in_thread(site.services.catalogue.event, staff, event_id)
    stats, view = await in_thread(_numbers, site, staff, event)
    return site.page(
        request,
        "staff/event.html",
        refusal=refusal,
        who=staff,
        path=path,
        event=view,
        series=event.group if event.group_id != event.id else None,
        rows=stats.quotas if stats else _without_numbers(view),
        starts={quota.id: quota.starts_at for quota in view.quotas},
        names={quota.id: quota.name for quota in view.quotas},
        waves=await in_thread(site.services.waves.of_event, staff, event_id),
        wave_rows=range(WAVE_ROWS),
        budget=await in_thread(site.services.budgets.of_event, staff, event),
        key=new_key(),
        remarks=await in_thread(remarks_of, site, request, staff, event) if event.state == DRAFT else (),
        live=stats is not None,
        backlog=stats.backlog if stats else 0,
        refusals=sorted(stats.refusals.items(), key=lambda pair: -pair[1]) if stats else [],
        acts=_ACTS.get(event.state, ()),
        may_edit=event.state != CANCELLED,
        pause_message=event.pause_message,
        form=form.values if form else {},
        faults=site.reasons(request, refusal),
        offer_force=refusal is not None and refusal.code is Code.CAPACITY_IN_USE,
        may_manage=staff.role in WRITERS,
    )


def _numbers(site: Site, staff: Claims, event: Event) -> tuple[EventStats | None, schemas.Event]:
    """The counts, and the event with the status that they show; from SQL alone when Redis is away."""
    try:
        stats = site.services.stats.event_stats(staff, event.id)
        group = site.services.keeper.state(event.group_id)
    except StoreUnavailable:
        return None, listed(site, event)
    state = group.events.get(event.id) if group and group.as_expected else None
    status = views.sale_status(event, state, site.now_ms())
    return stats, views.event_view(event, "", state, status)


def _without_numbers(event: schemas.Event) -> list[dict[str, Any]]:
    unknown = dict.fromkeys(("withheld", "available", "held", "sold", "collected"))
    return [
        {"id": quota.id, "name": quota.name, "capacity": quota.capacity} | unknown for quota in event.quotas
    ]


async def act(request: Request) -> Response:
    """Publish, pause, resume, close or cancel."""
    site, event_id, verb = site_of(request), request.path_params["event_id"], request.path_params["verb"]
    if verb not in VERBS:
        raise Refusal(Code.NOT_FOUND)
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    given = (form.text("reason"), *((form.text("message"),) if verb == "pause" else ()))
    try:
        await in_thread(getattr(site.services.catalogue, verb), staff, event_id, *given)
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done={verb}")


async def postpone(request: Request) -> Response:
    """Put an event off with all its showings."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    starts_at, reason = form.time("starts_at", required=True), form.text("reason", required=True)
    if starts_at is None or form.faults:
        return await refused(request, invalid(*form.faults.items()), form)
    act, move_sale = site.services.catalogue.postpone, form.text("move_sale") == "yes"
    try:
        await in_thread(act, staff, event_id, starts_at, reason, move_sale)
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=postponed")


async def change_capacity(request: Request) -> Response:
    """Raise or lower a quota, also in mid-sale."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    capacity, reason = form.count("capacity", required=True), form.text("reason", required=True)
    if capacity is None or form.faults:
        return await refused(request, invalid(*form.faults.items()), form)
    force = form.text("force") == "yes"
    changes = QuotaChanges(capacity=capacity)
    try:
        await in_thread(
            site.services.quotas.change,
            staff,
            event_id,
            form.text("quota_id"),
            changes,
            reason,
            force,
        )
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=capacity")


async def set_share(request: Request) -> Response:
    """Keep tickets of a quota for the desk, or give them back to the web; also in mid-sale."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    withheld, reason = form.count("withheld", required=True), form.text("reason", required=True)
    if withheld is None or form.faults:
        return await refused(request, invalid(*form.faults.items()), form)
    changes = QuotaChanges(withheld=withheld)
    try:
        await in_thread(site.services.quotas.change, staff, event_id, form.text("quota_id"), changes, reason)
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=share")


async def add_quota(request: Request) -> Response:
    """Add a quota, also in mid-sale."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    draft, reason = read_quota(form, ""), form.text("reason", required=True)
    if form.faults:
        return await refused(request, invalid(*form.faults.items()), form)
    try:
        await in_thread(site.services.quotas.add, staff, event_id, draft, reason)
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=quota")


async def refused(request: Request, refusal: Refusal, form: Form) -> Response:
    """The event's page with the refusal on top; what is not theirs at all is refused as a page."""
    if refusal.code in (Code.NOT_FOUND, Code.FORBIDDEN):
        raise refusal
    return await _event_page(request, refusal, form)
