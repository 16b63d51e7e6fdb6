"""The pages as one ASGI application, with errors that people can read."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ticketing.api.bodies import has_controls, read_id
from ticketing.api.front import Front
from ticketing.api.pages import (
    accounts,
    budgets,
    campaigns,
    desk,
    desk_away,
    desk_print,
    desk_share,
    drafting,
    feeds,
    imports,
    integration,
    live,
    looks,
    member_care,
    members,
    messages,
    orders,
    organisations,
    previews,
    quota_tables,
    reports,
    series,
    staff,
    staff_account,
    staff_accounts,
    staff_provider,
    till,
    trail,
    venues,
    waves,
    webhook,
)
from ticketing.api.pages.rendering import Renderer, onward, redirect
from ticketing.api.pages.site import ENROL_PATH, EnrolFirst, SignInFirst, Site
from ticketing.errors import Code, Refusal, TicketingError
from ticketing.services.single_sign_on import CALLBACK_PATH

Handler = Callable[[Request], Awaitable[Response]]

COMPRESSED_FROM_BYTES = 600
_SIGN_IN = {"member": "/login", "staff": "/staff/login"}
_log = structlog.get_logger(__name__)


def create_pages(front: Front, web: Path) -> Starlette:
    """Every page over one process's front, and the files below `/static`."""
    renderer = Renderer(web)
    routes = [
        _get("/static/{name:path}", renderer.statics.show),
        *_member_routes(),
        *_staff_routes(),
        *_account_routes(),
        *_desk_routes(),
    ]
    pages = Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=5)],
        exception_handlers={
            SignInFirst: _send_to_sign_in,
            EnrolFirst: _send_to_enrol,
            HTTPException: _refused_by_routing,
            TicketingError: _refused,
            DBAPIError: _failed,
            ClientDisconnect: _client_left,
            Exception: _failed,
        },
    )
    pages.state.site = Site(front, renderer)
    return pages


def _member_routes() -> list[Route]:
    return [
        _get("/", members.show_events),
        _get(feeds.PATH, feeds.show),
        _get("/events/{event_id}", members.show_event),
        _get("/events/{event_id}/live", members.show_live),
        _post("/events/{event_id}/holds", members.hold),
        _get("/holds/{hold_id}", members.show_hold),
        _post("/holds/{hold_id}/confirm", members.confirm),
        _post("/holds/{hold_id}/release", members.release),
        _get("/pictures/{picture_id}/{size}", looks.show_picture),
        _get("/orders", orders.show_orders),
        _get("/orders/{order_id}", orders.show_order),
        _get("/orders/{order_id}/print", orders.show_print),
        _get("/orders/{order_id}/calendar.ics", orders.show_calendar),
        _get("/orders/{order_id}/qr/{place:int}.svg", orders.show_qr),
        _post("/orders/{order_id}/cancel", orders.cancel),
        _get("/login", accounts.show_login),
        _post("/login", accounts.login),
        _post("/logout", accounts.logout),
        _get("/account", accounts.show_account),
        _post("/account", accounts.change_pin),
        _post("/account/logins", accounts.end_login),
        _get("/account/data", accounts.show_data),
    ]


def _staff_routes() -> list[Route]:
    return [
        _get("/staff", _to_staff_events),
        _get("/staff/login", accounts.show_staff_login),
        _post("/staff/login", accounts.staff_login),
        _post("/staff/login/code", accounts.staff_login_code),
        _get(staff_provider.PATH, staff_provider.leave),
        _get(CALLBACK_PATH, staff_provider.come_back),
        _post(staff_provider.LINK_PATH, staff_provider.link),
        _post(f"{staff_provider.LINK_PATH}/remove", staff_provider.unlink),
        _post("/staff/logout", accounts.staff_logout),
        _get(ENROL_PATH, staff_account.show),
        _post(f"{ENROL_PATH}/second-factor", staff_account.begin_factor),
        _post(f"{ENROL_PATH}/second-factor/confirm", staff_account.confirm_factor),
        _post(f"{ENROL_PATH}/second-factor/remove", staff_account.remove_factor),
        _post(f"{ENROL_PATH}/logins", staff_account.end_login),
        _get(feeds.STAFF_PATH, feeds.show_staff),
        _get("/staff/events", staff.show_events),
        _post("/staff/events", drafting.create),
        _get("/staff/events/new", drafting.show_new),
        _post("/staff/events/new/organisations", drafting.find_for_new),
        _get(campaigns.TEMPLATES, campaigns.show_templates),
        _post(campaigns.TEMPLATES, campaigns.start),
        _get("/staff/events/{event_id}", staff.show_event),
        _get("/staff/events/{event_id}/preview", previews.show),
        _get("/staff/events/{event_id}/copy", campaigns.show_copy),
        _post("/staff/events/{event_id}/copy", campaigns.copy),
        _get("/staff/events/{event_id}/quotas/table", quota_tables.show),
        _post("/staff/events/{event_id}/quotas/table", quota_tables.paste),
        _get("/staff/events/{event_id}/edit", drafting.show_edit),
        _post("/staff/events/{event_id}/edit", drafting.edit),
        _post("/staff/events/{event_id}/edit/organisations", drafting.find_for_edit),
        _post("/staff/events/{event_id}/capacity", staff.change_capacity),
        _post("/staff/events/{event_id}/share", staff.set_share),
        _post("/staff/events/{event_id}/postpone", staff.postpone),
        _post("/staff/events/{event_id}/raise", waves.raise_quota),
        _post("/staff/events/{event_id}/waves/{wave_id}/cancel", waves.cancel),
        _post("/staff/events/{event_id}/quotas", staff.add_quota),
        _get(live.PATH, live.show_live),
        _get(f"{live.PATH}/stream", live.stream_live),
        _get(live.WALL, live.show_wall),
        _get(f"{live.WALL}/stream", live.stream_wall),
        _get(live.CURVE, live.show_curve),
        _get(trail.PATH, trail.show_trail),
        *_programme_routes(),
        *_member_care_routes(),
    ]


def _programme_routes() -> list[Route]:
    """Looks, budgets, venues, and reports on what became of it all."""
    return [
        _get("/staff/look", looks.show_organisation_look),
        _post("/staff/look", looks.set_organisation_look),
        _get("/staff/events/{event_id}/look", looks.show_event_look),
        _post("/staff/events/{event_id}/look", looks.set_event_look),
        _get("/staff/events/{event_id}/poster", looks.show_poster),
        _get("/staff/events/{event_id}/poster.svg", looks.show_poster_code),
        _get(till.REPORT_PATH, till.show_report),
        _get(reports.PATH, reports.show_first),
        _get(f"{reports.PATH}/{{name}}", reports.show),
        _get(budgets.PATH, budgets.show_all),
        _post(budgets.PATH, budgets.add),
        _get(f"{budgets.PATH}/{{budget_id}}", budgets.show),
        _post(f"{budgets.PATH}/{{budget_id}}", budgets.change),
        _post(f"{budgets.PATH}/{{budget_id}}/events", budgets.put_in),
        _post(f"{budgets.PATH}/{{budget_id}}/events/{{event_id}}/take-out", budgets.take_out),
        _get(series.PATH, series.show_all),
        _post(series.PATH, series.add),
        _get(f"{series.PATH}/{{group_id}}", series.show),
        _post(f"{series.PATH}/{{group_id}}", series.change),
        _post(f"{series.PATH}/{{group_id}}/events", series.put_in),
        _post(f"{series.PATH}/{{group_id}}/events/{{event_id}}/take-out", series.take_out),
        _get(venues.PATH, venues.show_all),
        _post(venues.PATH, venues.add),
        _get(f"{venues.PATH}/{{venue_id}}", venues.show),
        _post(f"{venues.PATH}/{{venue_id}}", venues.change),
        _post(f"{venues.PATH}/{{venue_id}}/{{verb}}", venues.move),
        _post("/staff/events/{event_id}/{verb}", staff.act),
    ]


def _member_care_routes() -> list[Route]:
    """Members, cards, organisations and accounts, as staff look after them."""
    return [
        _get(imports.PATH, imports.show_imports),
        _post(imports.PATH, imports.send),
        _get(f"{imports.PATH}/cards.csv", imports.show_template),
        _get(f"{imports.PATH}/{{import_id}}", imports.show_import),
        _get(f"{imports.PATH}/{{import_id}}/progress", imports.show_progress),
        _post(f"{imports.PATH}/{{import_id}}/start", imports.start),
        _post(f"{imports.PATH}/{{import_id}}/drop", imports.drop),
        _get(organisations.PATH, organisations.show_tree),
        _get(f"{organisations.PATH}/{{organisation_id}}", organisations.show_node),
        _post(f"{organisations.PATH}/{{organisation_id}}", organisations.rename),
        _post(f"{organisations.PATH}/{{organisation_id}}/below", organisations.add),
        _get(member_care.PATH, member_care.show_search),
        _post(member_care.PATH, member_care.search),
        _get(f"{member_care.PATH}/{{card_id}}", member_care.show_member),
        _post(f"{member_care.PATH}/{{card_id}}/pin", member_care.give_pin),
        _post(f"{member_care.PATH}/{{card_id}}/{{verb}}", member_care.act),
        _get(staff_accounts.PATH, staff_accounts.show_accounts),
        _post(staff_accounts.PATH, staff_accounts.add),
        _get(f"{staff_accounts.PATH}/{{username}}", staff_accounts.show_account),
        _post(f"{staff_accounts.PATH}/{{username}}", staff_accounts.change),
        _post(f"{staff_accounts.PATH}/{{username}}/password", staff_accounts.reset_password),
        _post(f"{staff_accounts.PATH}/{{username}}/{{verb}}", staff_accounts.act),
    ]


def _account_routes() -> list[Route]:
    return [
        _get(integration.PATH, integration.show),
        _post(f"{integration.PATH}/tokens", integration.make_token),
        _post(f"{integration.PATH}/tokens/revoke", integration.revoke_token),
        _post(f"{integration.PATH}/webhooks", integration.make_webhook),
        _get(webhook.PATH, webhook.show),
        _post(f"{webhook.PATH}/{{verb}}", webhook.act),
        _post(f"{webhook.PATH}/deliveries/{{delivery_id}}/replay", webhook.replay),
    ]


def _desk_routes() -> list[Route]:
    return [
        _get("/desk", desk.show),
        _post("/desk", desk.swipe),
        _get("/desk/worker.js", desk_away.show_worker),
        _get(desk_away.CONFLICTS_PATH, desk_away.show_conflicts),
        _post(f"{desk_away.CONFLICTS_PATH}/{{conflict_id}}/settle", desk_away.settle),
        _post("/desk/pickups", desk.hand_out),
        _post("/desk/pickups/{pickup_id}/undo", desk.undo),
        _post(desk_print.PATH, desk_print.show),
        _post("/desk/sales", desk.sell),
        _post("/desk/sales/{order_id}/settle", till.settle_sale),
        _post("/desk/pin", desk.give_pin),
        _post("/desk/setup", desk.set_up),
        _get(desk_share.PATH, desk_share.show),
        _post(desk_share.PATH, desk_share.give_back),
        _get(till.PATH, till.show_till),
        _post(till.PATH, till.open_shift),
        _get(f"{till.PATH}/{{shift_id}}", till.show_shift),
        _post(f"{till.PATH}/{{shift_id}}/close", till.close_shift),
    ]


def _get(path: str, handler: Handler) -> Route:
    return Route(path, _of_plain_text(handler), methods=["GET"])


def _post(path: str, handler: Handler) -> Route:
    return Route(path, _of_plain_text(handler), methods=["POST"])


def _of_plain_text(handler: Handler) -> Handler:
    """The handler behind a check of the address: ids and queries go on into SQL."""

    async def checked(request: Request) -> Response:
        for value in request.path_params.values():
            read_id(str(value))
        if any(has_controls(value) for value in request.query_params.values()):
            raise Refusal(Code.INVALID)
        return await handler(request)

    return checked


async def _to_staff_events(_request: Request) -> Response:
    return redirect("/staff/events")


async def _send_to_sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInFirst)
    return onward(request, f"{_SIGN_IN[error.kind]}?next={quote(error.after)}")


async def _send_to_enrol(request: Request, _error: Exception) -> Response:
    return onward(request, ENROL_PATH)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        return await _failed(request, error)
    return messages.refused(request, error)


async def _refused_by_routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = Code.METHOD_NOT_ALLOWED if error.status_code == 405 else Code.NOT_FOUND
    return await _refused(request, Refusal(code))


async def _client_left(_request: Request, _error: Exception) -> Response:
    """Whoever sent half a form has left; nothing broke, and nobody reads this."""
    return Response(status_code=408)


async def _failed(request: Request, error: Exception) -> Response:
    """Nothing of the error reaches the reader; the log has it."""
    _log.error("page_failed", path=request.url.path, exc_info=error)
    return await _refused(request, Refusal(Code.UNAVAILABLE))
