"""Desks without the network: the worker that opens their page, and what they and the books do not agree in."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import away_views
from ticketing.api.pages import names
from ticketing.api.pages.site import site_of

CONFLICTS_PATH = "/desk/conflicts"


async def show_worker(request: Request) -> Response:
    """The worker, under an address that lets it serve the desk's page and nothing else of the site.

    A worker asks by a policy of its own, and must not be kept: an old one would go on opening old pages.
    """
    response = await site_of(request).renderer.statics.named("desk-worker.js", request)
    response.headers["Service-Worker-Allowed"] = "/desk"
    response.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
    response.headers["Cache-Control"] = "no-cache"
    return response


async def show_conflicts(request: Request) -> Response:
    """Tickets that were handed over twice, and what else did not fit, newest first."""
    site = site_of(request)
    clerk = site.require(request, "staff", CONFLICTS_PATH)
    cursor = request.query_params.get("cursor")
    found, following = await in_thread(site.services.away.conflicts, clerk, cursor)
    conflicts = [away_views.conflict_view(one) for one in found]
    said = {kind: site.renderer.say(request, text) for kind, text in names.CONFLICTS.items()}
    events = {id_: await site.event(id_) for id_ in {one.event_id for one in conflicts} if id_}
    return site.page(
        request,
        "desk/conflicts.html",
        who=clerk,
        path=CONFLICTS_PATH,
        conflicts=conflicts,
        events=events,
        currency=site.board.currency_of,
        said=said,
        next_cursor=following,
    )
