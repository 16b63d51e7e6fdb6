"""What other programs are given: API tokens and webhooks, for the staff member's part of the tree."""

from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.hooks.kinds import KINDS
from ticketing.services.api_tokens import SCOPES, TokenWish
from ticketing.services.tokens import Claims
from ticketing.services.webhooks import EndpointWish

PATH = "/staff/integration"
_DAYS = 365


async def show(request: Request) -> Response:
    """Tokens, and the form for another."""
    site = site_of(request)
    return await _page(request, site, site.require(request, "staff", PATH))


async def _page(
    request: Request, site: Site, staff: Claims, refusal: Refusal | None = None, **shown: Any
) -> Response:
    services = site.services
    usual: dict[str, Any] = {"made": None, "refused": "", "form": {}, "chosen": []}
    return site.page(
        request,
        "staff/integration.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        tokens=await in_thread(services.api_tokens.listed, staff),
        nodes=await in_thread(services.staff.organisations, staff),
        webhooks=await in_thread(services.webhooks.listed, staff),
        scopes=SCOPES,
        kinds=KINDS,
        days=_DAYS,
        faults=site.faults(request, refusal),
        **(usual | shown),
    )


async def make_token(request: Request) -> Response:
    """Make a token and show it this once."""
    site, form, staff = await _posted(request)
    days = form.count("days")
    wish = TokenWish(
        form.text("name"),
        tuple(form.all("scope")),
        _DAYS if days is None else days,
        form.text("organisation") or None,
    )
    try:
        form.refuse_faults()
        token, _ = await in_thread(site.services.api_tokens.create, staff, wish)
    except Refusal as refusal:
        if refusal.code is Code.FORBIDDEN:
            raise
        shown = {"refused": "token", "form": form.values, "chosen": form.all("scope")}
        return await _page(request, site, staff, refusal, **shown)
    return await _page(request, site, staff, made=token)


async def revoke_token(request: Request) -> Response:
    """End a token for good."""
    site, form, staff = await _posted(request)
    await in_thread(site.services.api_tokens.revoke, staff, form.text("token"))
    return redirect(f"{PATH}?done=revoked")


async def make_webhook(request: Request) -> Response:
    """Set an endpoint up and show its secret this once."""
    site, form, staff = await _posted(request)
    wish = EndpointWish(form.text("url"), tuple(form.all("event")), form.text("organisation") or None)
    try:
        secret, _ = await in_thread(site.services.webhooks.create, staff, wish)
    except Refusal as refusal:
        if refusal.code is Code.FORBIDDEN:
            raise
        shown = {"refused": "webhook", "form": form.values, "chosen": form.all("event")}
        return await _page(request, site, staff, refusal, **shown)
    return await _page(request, site, staff, made=secret)


async def _posted(request: Request) -> tuple[Site, Form, Claims]:
    site = site_of(request)
    form = await read_form(request)
    return site, form, site.require(request, "staff", PATH)
