"""Before a draft is published: how members will see it, and what to look at."""

import re
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import schemas, views
from ticketing.api.pages import booking, event_words
from ticketing.api.pages.members import context_of
from ticketing.api.pages.site import Site, site_of
from ticketing.catalogue.tables import Event
from ticketing.database import reading
from ticketing.inventory.model import Ledger
from ticketing.members import repository as members
from ticketing.services.checking import Remark
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims

_OF_QUOTA = re.compile(r"quotas\[(?P<index>[0-9]+)\]\.(?P<field>\w+)")


class Shown(Struct, frozen=True):
    """A remark as the page says it: where it is mended, what that is called, and what is the matter."""

    refuses: bool
    address: str
    label: str
    text: str


def remarks_of(site: Site, request: Request, staff: Claims, event: Event) -> list[Shown]:
    """What to look at before publishing a draft."""
    found = site.services.checks.check(staff, event.id)
    return [_shown(site, request, event, remark) for remark in found]


def _shown(site: Site, request: Request, event: Event, remark: Remark) -> Shown:
    text, base = site.fault(request, remark.reason), f"/staff/events/{event.id}"
    match = _OF_QUOTA.fullmatch(remark.field)
    if match is not None:
        name = event.quotas[int(match["index"])].name
        return Shown(remark.refuses, f"{base}/quotas/table#text", name, text)
    label = site.renderer.say(request, event_words.FIELDS.get(remark.field, remark.field))
    if remark.field in ("quotas", "budget"):  # fewer tickets cost less
        return Shown(remark.refuses, f"{base}/quotas/table#text", label, text)
    place = {"eligible_organisations": "eligible"}.get(remark.field, remark.field)
    return Shown(remark.refuses, f"{base}/edit#{place}", label, text)


async def show(request: Request) -> Response:
    """The page that members will see, of the draft as it is. Nothing on it books."""
    site, event_id = site_of(request), request.path_params["event_id"]
    path = f"/staff/events/{event_id}/preview"
    staff = site.require(request, "staff", path)
    require_writer(staff)
    context = await in_thread(_context, site, request, staff, event_id)
    return site.page(request, "event.html", path=path, preview=f"/staff/events/{event_id}", **context)


def _context(site: Site, request: Request, staff: Claims, event_id: str) -> dict[str, Any]:
    event = site.services.catalogue.event(staff, event_id)
    wanted = event.eligible_organisations or []
    with reading(site.services.sessions) as session:
        known = members.organisation_names(session, {event.organisation_id, *wanted})
    status: schemas.StaffStatus = "open" if event.opens_at <= site.now_ms() else "scheduled"
    view = views.event_view(event, known[event.organisation_id], None, status)
    own = booking.Own(eligible=True, allowances=views.allowances([event], Ledger()), live_hold=None)
    held = {quota.id: 0 for quota in view.quotas}
    shown = context_of(site, request, view, own, [known[id_] for id_ in wanted], held)
    return shown | {"every": None}
