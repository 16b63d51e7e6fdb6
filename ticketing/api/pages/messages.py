"""A page that says why something cannot be done."""

from starlette.requests import Request
from starlette.responses import HTMLResponse

from ticketing.api.auth import Kind
from ticketing.api.pages.site import site_of
from ticketing.errors import Code, Refusal

_PASSING = (Code.RATE_LIMITED, Code.UNAVAILABLE, Code.RECOVERING, Code.BACKLOG_FULL)


def refused(request: Request, refusal: Refusal) -> HTMLResponse:
    """The refusal in words, a way back, and where it passes by itself a way to look again."""
    site = site_of(request)
    area: Kind = "staff" if request.url.path.startswith(("/staff", "/desk")) else "member"
    base, back = ("staff/base.html", "/staff/events") if area == "staff" else ("base.html", "/")
    who = site.visitor(request, area)
    passing = refusal.code in _PASSING and request.method == "GET"
    again = request.url.path if passing else None
    return site.page(request, "message.html", refusal=refusal, who=who, path=back, base=base, again=again)
