"""Staff sign in by the provider, and link their own account to it.

The answer comes with a GET from another site, so nothing it says counts without the cookie that this browser was given
when it left. A form of ours may not lead to another site (the content policy), so who links goes on by a link.
"""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages import staff_account
from ticketing.api.pages.accounts import enter, own_path, staff_login_page, staff_step_page
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import ENROL_PATH, EnrolFirst, Site, site_of
from ticketing.errors import Refusal
from ticketing.services.single_sign_on import WAY_MINUTES
from ticketing.services.tokens import Claims

PATH = "/staff/login/provider"
LINK_PATH = f"{ENROL_PATH}/provider"


async def leave(request: Request) -> Response:
    """Send the browser to the provider."""
    site, after = site_of(request), own_path(request.query_params.get("next", ""), "")
    try:
        departure = await site.front.provider.run(site.services.sign_on.begin, after, site.address(request))
    except Refusal as refusal:
        return _refused(request, refusal, after)
    response = redirect(departure.url)
    _keep(site, response, departure.cookie)
    return response


async def come_back(request: Request) -> Response:
    """Take what the provider answered: somebody signs in, or links their account."""
    site = site_of(request)
    here = site.visitor(request, "staff")
    finish, cookie = site.services.sign_on.finish, request.cookies.get(_cookie_name(site), "")
    try:
        came = await site.front.provider.run(
            finish, cookie, dict(request.query_params), here, site.address(request)
        )
        if came.linked:
            response: Response = redirect(f"{ENROL_PATH}?done=linked")
        elif came.step is not None:
            response = staff_step_page(request, came.step, came.after)
        else:
            response = await enter(request, came.claims, came.after)
    except Refusal as refusal:
        if here is not None and "why" in refusal.facts:
            response = await staff_account.page(request, site, here, refusal)
        else:
            response = _refused(request, refusal, "")
    _keep(site, response, "")
    return response


async def link(request: Request) -> Response:
    """Begin to link one's own account, for the password."""
    site, form, staff = await _posted(request)
    try:
        departure = await site.front.provider.run(
            site.services.sign_on.begin_link, staff, form.values.get("password", "")
        )
    except Refusal as refusal:
        return await staff_account.page(request, site, staff, refusal, linking=True)
    response = await staff_account.page(request, site, staff, onward=departure.url)
    _keep(site, response, departure.cookie)
    return response


async def unlink(request: Request) -> Response:
    """Take one's own link away, for the password."""
    site, form, staff = await _posted(request)
    try:
        await in_thread(site.services.sign_on.unlink, staff, form.values.get("password", ""))
    except Refusal as refusal:
        return await staff_account.page(request, site, staff, refusal, linking=True)
    return redirect(f"{ENROL_PATH}?done=unlinked")


async def _posted(request: Request) -> tuple[Site, Form, Claims]:
    site, form = site_of(request), await read_form(request)
    staff = site.require(request, "staff", ENROL_PATH)
    site.services.sign_on.require_provider()
    if staff.must_enrol:
        raise EnrolFirst
    return site, form, staff


def _refused(request: Request, refusal: Refusal, after: str) -> Response:
    if "why" not in refusal.facts and "retry_after_ms" not in refusal.facts:
        raise refusal
    return staff_login_page(request, after, refusal)


def _keep(site: Site, response: Response, cookie: str) -> None:
    """Let the browser keep what it must bring back, or forget it."""
    response.set_cookie(
        _cookie_name(site),
        cookie,
        max_age=WAY_MINUTES * 60 if cookie else 0,
        path="/",
        secure=site.gate.secure,
        httponly=True,
        samesite="lax",
    )


def _cookie_name(site: Site) -> str:
    return "__Host-staff_way" if site.gate.secure else "staff_way"
