"""Signing in and out, for members and for staff, and the member's own PIN."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.auth import Kind
from ticketing.api.devices import device_of
from ticketing.api.pages.forms import read_form
from ticketing.api.pages.rendering import redirect, remember
from ticketing.api.pages.site import ENROL_PATH, Site, headers_of, site_of
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.services.tokens import Claims

_OWN_PATH = re.compile(r"/(?![/\\])[!-~]{0,300}")
_CLERK_HOME, _STAFF_HOME = "/desk", "/staff/events"


async def show_login(request: Request) -> Response:
    """The member's sign-in form."""
    after = own_path(request.query_params.get("next", ""), "/")
    return site_of(request).page(request, "login.html", next=after)


async def login(request: Request) -> Response:
    """Sign a member in and send them where they came from."""
    site = site_of(request)
    form = await read_form(request)
    site.require_own_origin(request)
    after = own_path(form.text("next"), "/")
    number, pin = form.text("card_number"), form.text("pin")
    try:
        _, claims = await site.front.logins.run(
            site.services.accounts.login_member, number, pin, site.address(request)
        )
    except Refusal as refusal:
        return site.page(request, "login.html", refusal=refusal, path="/login", next=after)
    site.services.logins.begun(claims, device_of(headers_of(request).get(b"user-agent", b"")))
    response = redirect("/account" if claims.pin_must_change else after)
    site.sign_in(response, claims)
    language = await in_thread(site.services.logins.language, claims.id)
    if language in site.renderer.languages:
        remember(response, site.renderer.languages[language])
    return response


async def logout(request: Request) -> Response:
    """End the member's session."""
    return await _logout(request, "member", "/")


async def show_account(request: Request) -> Response:
    """Who is signed in and where, with the form for a new PIN."""
    site = site_of(request)
    return await _account_page(request, site.require(request, "member", "/account"))


async def _account_page(request: Request, member: Claims, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    logins = await in_thread(site.services.logins.of_member, member)
    blocked = site.gate.is_blocked(member)
    return site.page(
        request, "account.html", refusal=refusal, who=member, path="/account", logins=logins, blocked=blocked
    )


async def end_login(request: Request) -> Response:
    """End one of the member's logins, or all others."""
    site = site_of(request)
    form = await read_form(request)
    member = site.require(request, "member", "/account")
    login_id = form.text("login")
    try:
        if login_id:
            await in_thread(site.services.logins.end, member, login_id)
        else:
            await in_thread(site.services.logins.end_others, member)
    except Refusal as refusal:
        return await _account_page(request, member, refusal)
    return redirect("/account?done=login")


async def show_data(request: Request) -> Response:
    """What is kept about the member, for how long, and how to have it erased."""
    site = site_of(request)
    member = site.require(request, "member", "/account/data")
    kept = await in_thread(_kept, site, member)
    return site.page(request, "account_data.html", who=member, **kept)


def _kept(site: Site, member: Claims) -> dict[str, Any]:
    with reading(site.services.sessions) as session:
        holder = members.holder(session, member.id)
    if holder is None:
        raise Refusal(Code.UNAUTHENTICATED)
    return {"phone": holder.member.phone, "since": holder.member.created_at, "name": holder.member.name}


async def change_pin(request: Request) -> Response:
    """Set the member's own PIN; their other sessions end."""
    site = site_of(request)
    form = await read_form(request)
    member = site.require(request, "member", "/account")
    try:
        _, claims = await in_thread(
            site.services.accounts.change_pin, member, form.text("pin"), form.text("new_pin")
        )
    except Refusal as refusal:
        return await _account_page(request, member, refusal)
    response = redirect("/account?done=pin")
    site.sign_in(response, claims)
    return response


async def show_staff_login(request: Request) -> Response:
    """The staff's sign-in form."""
    return staff_login_page(request, own_path(request.query_params.get("next", ""), ""))


def staff_login_page(request: Request, after: str, refusal: Refusal | None = None) -> Response:
    """The staff's sign-in form, with the provider's button where there is one."""
    site = site_of(request)
    return site.page(
        request,
        "staff/login.html",
        refusal=refusal,
        path="/staff/login",
        next=after,
        mistyped=refusal is not None and "why" not in refusal.facts,
        provider=site.services.sign_on.name,
    )


def staff_step_page(request: Request, step: str, after: str, refusal: Refusal | None = None) -> Response:
    """The form for the code, after the password or the provider."""
    return site_of(request).page(
        request, "staff/login_code.html", refusal=refusal, path="/staff/login", next=after, step=step
    )


async def staff_login(request: Request) -> Response:
    """Sign a staff member in; a clerk goes to the desk."""
    site = site_of(request)
    form = await read_form(request)
    site.require_own_origin(request)
    after = own_path(form.text("next"), "")
    name, password = form.text("username"), form.values.get("password", "")
    try:
        claims, step = await site.front.logins.run(
            site.services.accounts.login_staff_first_step, name, password, site.address(request)
        )
    except Refusal as refusal:
        return staff_login_page(request, after, refusal)
    if step is not None:
        return staff_step_page(request, step, after)
    return await enter(request, claims, after)


async def staff_login_code(request: Request) -> Response:
    """The second step of a sign-in with a second factor."""
    site = site_of(request)
    form = await read_form(request)
    site.require_own_origin(request)
    after, step = own_path(form.text("next"), ""), form.text("step")
    try:
        claims = await site.front.logins.run(
            site.services.accounts.login_staff_second_step, step, form.text("code"), site.address(request)
        )
    except Refusal as refusal:
        if refusal.code is Code.UNAUTHENTICATED:
            return staff_login_page(request, after, refusal)
        return staff_step_page(request, step, after, refusal)
    return await enter(request, claims, after)


async def enter(request: Request, claims: Claims, after: str) -> Response:
    """The first page of who has just signed in."""
    site = site_of(request)
    device = device_of(headers_of(request).get(b"user-agent", b""))
    await in_thread(site.services.staff_logins.begun, claims, device, site.address(request))
    if claims.must_enrol:
        after = ENROL_PATH
    response = redirect(after or (_CLERK_HOME if claims.role == "clerk" else _STAFF_HOME))
    site.sign_in(response, claims)
    return response


async def staff_logout(request: Request) -> Response:
    """End the staff member's session."""
    return await _logout(request, "staff", "/staff/login")


async def _logout(request: Request, kind: Kind, after: str) -> Response:
    site = site_of(request)
    await read_form(request)
    site.require_own_origin(request)
    claims = site.visitor(request, kind)
    if claims is not None:
        await in_thread(site.services.accounts.logout, claims)
    response = redirect(after)
    site.gate.clear_cookie(response, kind)
    return response


def own_path(path: str, otherwise: str) -> str:
    """`path` when it is a page of ours, so that nobody is sent elsewhere after signing in."""
    return path if _OWN_PATH.fullmatch(path) else otherwise
