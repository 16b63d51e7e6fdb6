"""Desks without the network: the worker that opens their page, and what they and the books do not agree in."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import away_views
from ticketing.api.bodies import read_number
from ticketing.api.pages.forms import read_form
from ticketing.api.pages.names import N_
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import site_of
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import WRITERS

CONFLICTS_PATH = "/desk/conflicts"

CONFLICTS: Mapping[str, str] = {
    "collected": N_("Handed out twice"),
    "cancelled": N_("Had been cancelled"),
    "unknown": N_("No such ticket"),
    "paid": N_("Money taken that was not due:"),
    "unpaid": N_("Money not taken that was due:"),
}
"""What a hand-over made without the network and the books do not agree in."""


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
    """Tickets that were handed over twice, and what else did not fit, newest first; the settled ones apart."""
    return await _conflicts_page(request)


async def _conflicts_page(request: Request, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    clerk = site.require(request, "staff", CONFLICTS_PATH)
    cursor, settled = request.query_params.get("cursor"), request.query_params.get("settled") == "yes"
    found, following = await in_thread(site.services.away.conflicts, clerk, cursor, settled)
    conflicts = [away_views.conflict_view(one) for one in found]
    said = {kind: site.renderer.say(request, text) for kind, text in CONFLICTS.items()}
    events = {id_: await site.event(id_) for id_ in {one.event_id for one in conflicts} if id_}
    return site.page(
        request,
        "desk/conflicts.html",
        refusal=refusal,
        who=clerk,
        path=CONFLICTS_PATH,
        conflicts=conflicts,
        events=events,
        currency=site.board.currency_of,
        said=said,
        settled=settled,
        may_settle=clerk.role in WRITERS,
        next_cursor=following,
    )


async def settle(request: Request) -> Response:
    """Note that people have put a conflict right; the same form again changes nothing."""
    site = site_of(request)
    form = await read_form(request)
    manager = site.require(request, "staff", CONFLICTS_PATH)
    conflict_id = read_number(request.path_params["conflict_id"])
    try:
        await in_thread(site.services.away.settle, manager, conflict_id, form.text("reason")[:500])
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _conflicts_page(request, refusal)
    return redirect(f"{CONFLICTS_PATH}?done=settled")
