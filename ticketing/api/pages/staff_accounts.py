"""Accounts of staff: who works here, as what and for whom; added, changed, disabled, with passwords shown once."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.drafting import Branch, branches
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.staff_care import SHOWN_MAX, Account, roles_given
from ticketing.services.staff_logins import StaffHelp
from ticketing.services.tokens import Claims
from ticketing.staff.roles import Role

PATH = "/staff/accounts"
ACTS = ("disable", "enable")
HELP: Mapping[str, Callable[[StaffHelp, Claims, str], object]] = {
    "end-sessions": StaffHelp.end_sessions,
    "reset-second-factor": StaffHelp.reset_second_factor,
    "unlink-provider": StaffHelp.unlink_provider,
}
"""What an administrator alone does for an account."""


async def show_accounts(request: Request) -> Response:
    """The accounts of one's organisation and below, and the form for another."""
    return await _list_page(request)


async def _list_page(request: Request, refusal: Refusal | None = None, form: Form | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    sought = request.query_params.get("q", "").strip()
    found = await in_thread(site.services.staff_care.accounts, staff, sought)
    return site.page(
        request,
        "staff/accounts.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        accounts=found,
        sought=sought,
        all_shown=len(found) < SHOWN_MAX,
        **await _choices(site, staff),
        form=form.values if form else {},
        faults=site.faults(request, refusal),
    )


async def add(request: Request) -> Response:
    """Add an account and show its password, this once."""
    site = site_of(request)
    form = await read_form(request)
    staff = site.require(request, "staff", PATH)
    wish = (form.text("username"), form.text("role"), form.text("organisation"))
    try:
        account, password = await in_thread(site.services.staff_care.add, staff, *wish)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _list_page(request, refusal, form)
    return _password_page(site, request, staff, account, password)


async def show_account(request: Request) -> Response:
    """One account, and what may be done with it."""
    return await _account_page(request)


async def _account_page(request: Request, refusal: Refusal | None = None) -> Response:
    site, username = site_of(request), request.path_params["username"]
    path = f"{PATH}/{username}"
    staff = site.require(request, "staff", path)
    account = await in_thread(site.services.staff_care.account, staff, username)
    return site.page(
        request,
        "staff/colleague.html",
        provider=site.services.sign_on.name,
        refusal=refusal,
        who=staff,
        path=path,
        account=account,
        may_help=staff.role == Role.ADMIN,
        **await _choices(site, staff),
        faults=site.faults(request, refusal),
    )


async def change(request: Request) -> Response:
    """Give an account another role or organisation."""
    site, username = site_of(request), request.path_params["username"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{username}")
    wish = (username, form.text("role"), form.text("organisation"))
    try:
        await in_thread(site.services.staff_care.change, staff, *wish)
    except Refusal as refusal:
        return await _refused(request, refusal)
    return redirect(f"{PATH}/{quote(username)}?done=account")


async def act(request: Request) -> Response:
    """Disable an account or enable it again, end its sessions, or take its lost second factor away."""
    site, username = site_of(request), request.path_params["username"]
    verb = request.path_params["verb"]
    staff = site.require(request, "staff", f"{PATH}/{username}")
    try:
        if verb in HELP:
            await in_thread(HELP[verb], site.services.staff_help, staff, username)
        elif verb in ACTS:
            await in_thread(getattr(site.services.staff_care, verb), staff, username)
        else:
            raise Refusal(Code.NOT_FOUND)
    except Refusal as refusal:
        return await _refused(request, refusal)
    return redirect(f"{PATH}/{quote(username)}?done=account-{verb}")


async def reset_password(request: Request) -> Response:
    """Give an account another password and show it, this once."""
    site, username = site_of(request), request.path_params["username"]
    staff = site.require(request, "staff", f"{PATH}/{username}")
    account, password = await in_thread(site.services.staff_care.reset_password, staff, username)
    return _password_page(site, request, staff, account, password)


async def _refused(request: Request, refusal: Refusal) -> Response:
    if refusal.code is not Code.INVALID:
        raise refusal
    return await _account_page(request, refusal)


def _password_page(site: Site, request: Request, staff: Claims, account: Account, password: str) -> Response:
    path = f"{PATH}/{quote(account.username)}"
    return site.page(
        request, "staff/account_password.html", who=staff, path=path, account=account, password=password
    )


async def _choices(site: Site, staff: Claims) -> dict[str, Sequence[object]]:
    places: list[Branch] = await in_thread(branches, site, staff)
    return {"roles": roles_given(staff), "organisations": places}
