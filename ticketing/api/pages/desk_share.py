"""The desk's own tickets: what is kept of each quota, and the button that gives it back to the web."""

from collections.abc import Iterator

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.catalogue.repository import share_back_at
from ticketing.catalogue.tables import Event
from ticketing.errors import Code, Refusal

PATH = "/desk/share"


class Kept(Struct, frozen=True):
    """What is kept of a quota for the desk."""

    quota_id: str
    title: str
    name: str
    withheld: int
    until: int | None  # when what is left goes to the web by itself


async def show(request: Request) -> Response:
    """Every quota of the clerk's reach of which something is kept."""
    return await _page(request)


async def _page(request: Request, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    clerk = site.clerk(request, PATH)
    events = await in_thread(site.services.desk.events, clerk)
    kept = list(_kept(site, events))
    return site.page(request, "desk/share.html", refusal=refusal, who=clerk, path=PATH, kept=kept)


async def give_back(request: Request) -> Response:
    """Give what is kept of a quota back to the web; the same form again changes nothing."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    reason = form.text("reason", required=True)[:500]
    try:
        if form.faults:
            raise Refusal(Code.INVALID)
        await in_thread(site.services.desk_share.give_back, clerk, form.text("quota_id"), reason)
    except Refusal as refusal:
        return await _page(request, refusal)
    return redirect(f"{PATH}?done=given-back")


def _kept(site: Site, events: list[Event]) -> Iterator[Kept]:
    """As this process last heard, at most a quarter of a second ago."""
    for event in events:
        state = site.board.state_of(event.id)
        for quota in event.quotas:
            counts = state.counts.get(quota.number) if state else None
            if counts is not None and counts.withheld:
                until = share_back_at(event, quota)
                yield Kept(quota.id, event.title, quota.name, counts.withheld, until)
