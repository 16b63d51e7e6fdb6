"""Events as a calendar: for everybody to subscribe to, and for staff those of their own part of the tree."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import schemas
from ticketing.api.pages.calendar import feed
from ticketing.api.pages.rendering import HEADERS
from ticketing.api.pages.site import Site, site_of
from ticketing.api.pages.staff import listed

PATH, STAFF_PATH = "/events.ics", "/staff/events.ics"


async def show(request: Request) -> Response:
    """Every published event, or with `?organisation=` those of one organisation; a calendar asks again by itself."""
    site, organisation = site_of(request), request.query_params.get("organisation")
    events = [event for event in site.board.events() if organisation in (None, event.organisation)]
    return await _answer(site, request, events, "/events/{event_id}")


async def show_staff(request: Request) -> Response:
    """The staff member's events, drafts too, as a file: a calendar could not sign in to read it again."""
    site = site_of(request)
    staff = site.require(request, "staff", STAFF_PATH)
    events = await in_thread(site.services.catalogue.list_events, staff)
    return await _answer(site, request, [listed(site, event) for event in events], "/staff/events/{event_id}")


async def _answer(site: Site, request: Request, events: list[schemas.Event], path: str) -> Response:
    content = await in_thread(feed, events, site.url(request), path, site.now_ms())
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="events.ics"'}
    return Response(content, media_type="text/calendar", headers=headers)
