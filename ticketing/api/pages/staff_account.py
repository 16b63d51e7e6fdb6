"""A staff member's own account: the second factor, and where they are signed in."""

from typing import Any

from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.codes import qr_data
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import ENROL_PATH, Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.second_factor import Enrolment
from ticketing.services.tokens import Claims


async def show(request: Request) -> Response:
    """The account as it is."""
    site = site_of(request)
    return await page(request, site, site.require(request, "staff", ENROL_PATH))


async def page(
    request: Request,
    site: Site,
    staff: Claims,
    refusal: Refusal | None = None,
    enrolment: Enrolment | None = None,
    recovery_codes: list[str] | None = None,
    onward: str | None = None,
    linking: bool = False,
) -> Response:
    """The account, with what has just been made: `onward` leads to the provider, to link the account there.

    `linking`: the refusal is of the password that links or unlinks, and not of the second factor.
    """
    factor = await in_thread(site.services.accounts.factors.state, staff)
    logins = await in_thread(site.services.staff_logins.own, staff)
    sign_on = site.services.sign_on
    return site.page(
        request,
        "staff/account.html",
        refusal=refusal,
        who=staff,
        path=ENROL_PATH,
        factor=factor,
        required=site.services.settings.staff_second_factor == "required",
        logins=logins,
        enrolment=enrolment,
        qr=qr_data(enrolment.uri) if enrolment else None,
        recovery_codes=recovery_codes,
        provider=sign_on.name,
        linked_at=await in_thread(sign_on.linked_at, staff) if sign_on.name else None,
        onward=onward,
        linking=linking,
    )


async def begin_factor(request: Request) -> Response:
    """Show a new secret, for the password."""
    site, form, staff = await _posted(request)
    factors = site.services.accounts.factors
    try:
        made = await in_thread(factors.begin, staff, form.values.get("password", ""))
    except Refusal as refusal:
        return await page(request, site, staff, refusal)
    return await page(request, site, staff, enrolment=made)


async def confirm_factor(request: Request) -> Response:
    """Let the new secret count, and show the recovery codes this once."""
    site, form, staff = await _posted(request)
    factors = site.services.accounts.factors
    try:
        codes = await in_thread(factors.confirm, staff, form.text("code"))
    except Refusal as refusal:
        shown = Refusal(Code.BAD_CREDENTIALS) if refusal.code is Code.INVALID else refusal
        return await page(request, site, staff, shown, await in_thread(factors.pending, staff))
    staff = replace(staff, must_enrol=False)
    response = await page(request, site, staff, recovery_codes=codes)
    site.sign_in(response, staff)
    return response


async def remove_factor(request: Request) -> Response:
    """Go on without a second factor; every session ends."""
    site, form, staff = await _posted(request)
    password, code = form.values.get("password", ""), form.text("code")
    try:
        await in_thread(site.services.accounts.factors.turn_off, staff, password, code, site.address(request))
    except Refusal as refusal:
        return await page(request, site, staff, refusal)
    response = redirect("/staff/login")
    site.gate.clear_cookie(response, "staff")
    return response


async def end_login(request: Request) -> Response:
    """End one of one's own logins, or all others."""
    site, form, staff = await _posted(request)
    login_id, logins = form.text("login"), site.services.staff_logins
    act: Any = (logins.end, staff, login_id) if login_id else (logins.end_others, staff)
    try:
        await in_thread(*act)
    except Refusal as refusal:
        return await page(request, site, staff, refusal)
    return redirect(f"{ENROL_PATH}?done=login")


async def _posted(request: Request) -> tuple[Site, Form, Claims]:
    site = site_of(request)
    form = await read_form(request)
    return site, form, site.require(request, "staff", ENROL_PATH)
