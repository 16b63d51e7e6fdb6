"""Receipts and tickets on paper: a strip of 58 or 80 mm, or A4, as the desk is set.

Every answer is a print that is counted, so this is a POST and answered with the paper itself: a reload is another
print, and marked as a copy.
"""

from collections import Counter

from markupsafe import Markup
from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import schemas
from ticketing.api.pages.codes import qr_picture
from ticketing.api.pages.desk_found import PICKUPS_SHOWN_MAX
from ticketing.api.pages.desk_setup import setup_of
from ticketing.api.pages.forms import read_form
from ticketing.api.pages.rendering import CONTENT_SECURITY_POLICY
from ticketing.api.pages.site import Site, site_of
from ticketing.api.slip_views import slip_view
from ticketing.errors import Code, Refusal
from ticketing.services.tokens import Claims

PATH = "/desk/prints"
FRAMED = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
"""The desk's page prints from a frame, so that it stays as it is."""


class Sheet(Struct, frozen=True):
    """A slip, its tickets by what they cost (name, price, how many), and the picture of each one's QR code."""

    slip: schemas.Slip
    lines: list[tuple[str, int, int]]
    pictures: dict[str, Markup]


async def show(request: Request) -> Response:
    """The paper of some hand-overs."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, "/desk")
    pickup_ids = form.all("pickup")[:PICKUPS_SHOWN_MAX]
    if not pickup_ids:
        raise Refusal(Code.INVALID)
    sheets = [await in_thread(_sheet, site, clerk, pickup_id) for pickup_id in dict.fromkeys(pickup_ids)]
    setup = setup_of(request, clerk)
    page = site.page(request, "desk/prints.html", who=clerk, path="/desk", sheets=sheets, paper=setup.paper)
    page.headers["Content-Security-Policy"] = FRAMED
    return page


def _sheet(site: Site, clerk: Claims, pickup_id: str) -> Sheet:
    slip = slip_view(site.services.slips.make(clerk, pickup_id), site.services.seal)
    kinds = Counter((ticket.quota, ticket.price) for ticket in slip.tickets)
    lines = [(*kind, count) for kind, count in kinds.items()]
    return Sheet(slip, lines, {ticket.code: qr_picture(ticket.qr) for ticket in slip.tickets})
