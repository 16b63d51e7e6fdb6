"""A webhook's own page: what it was told, and what may be done with it."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.bodies import read_number
from ticketing.api.pages.forms import read_form
from ticketing.api.pages.integration import PATH as INTEGRATION
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.tokens import Claims

PATH = f"{INTEGRATION}/webhooks/{{webhook_id}}"
VERBS = ("pause", "resume", "remove", "replay")


async def show(request: Request) -> Response:
    """The log, newest first."""
    site, endpoint_id, path = _place(request)
    staff = site.require(request, "staff", path)
    endpoint, deliveries = await in_thread(site.services.webhooks.log, staff, endpoint_id)
    return site.page(
        request, "staff/webhook.html", who=staff, path=path, endpoint=endpoint, deliveries=deliveries
    )


async def act(request: Request) -> Response:
    """Pause it, let it go on, remove it, or send again what was given up."""
    site, endpoint_id, path = _place(request)
    verb = request.path_params["verb"]
    await read_form(request)
    staff = site.require(request, "staff", path)
    if verb not in VERBS:
        raise Refusal(Code.NOT_FOUND)
    await in_thread(_do, site, staff, endpoint_id, verb)
    return redirect(INTEGRATION if verb == "remove" else path)


async def replay(request: Request) -> Response:
    """Send one message again."""
    site, endpoint_id, path = _place(request)
    await read_form(request)
    staff = site.require(request, "staff", path)
    delivery = read_number(request.path_params["delivery_id"])
    await in_thread(site.services.webhooks.replay, staff, endpoint_id, delivery)
    return redirect(path)


def _do(site: Site, staff: Claims, endpoint_id: str, verb: str) -> None:
    webhooks = site.services.webhooks
    if verb == "remove":
        webhooks.remove(staff, endpoint_id)
    elif verb == "replay":
        webhooks.replay(staff, endpoint_id)
    else:
        webhooks.set_active(staff, endpoint_id, active=verb == "resume")


def _place(request: Request) -> tuple[Site, str, str]:
    endpoint_id = request.path_params["webhook_id"]
    return site_of(request), endpoint_id, PATH.format(webhook_id=endpoint_id)
