"""Pages of members: what is on sale, booking it, and what they have."""

import io
from collections.abc import Mapping
from typing import Any

import segno
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas, views
from ticketing.api.board import Poster
from ticketing.api.holds import Items
from ticketing.api.pages import booking, names
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import HEADERS, redirect
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.api.routes.members import NOTICE_DAYS
from ticketing.database import reading
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.identifiers import event_of, quota_number
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, Decided
from ticketing.members.repository import notices
from ticketing.services.tokens import Claims

_DAY_MS = 24 * 3600 * 1000
COUNTDOWN_FROM_MS = _DAY_MS
REFRESH_SECONDS_MAX = 60
_OVER = ("closed", "cancelled")


async def show_events(request: Request) -> Response:
    """What is on sale, soonest first; what is over comes last."""
    site = site_of(request)
    events = sorted(site.board.events(), key=lambda event: event.status in _OVER)
    return site.page(request, "events.html", who=site.visitor(request, "member"), events=events)


async def show_event(request: Request) -> Response:
    """One event with its booking form."""
    return await _event_page(request, request.path_params["event_id"])


async def hold(request: Request) -> Response:
    """Take the chosen tickets; the form's own key makes a double tap one hold."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    member = site.require(request, "member", f"/events/{event_id}")
    try:
        outcome = await _hold(site, member, event_id, form, site.address(request))
    except Refusal as refusal:
        outcome = refusal
    except StoreUnavailable:
        outcome = Refusal(Code.UNAVAILABLE)
    if isinstance(outcome, Refusal):
        return await _event_page(request, event_id, outcome, form)
    return redirect(f"/holds/{outcome.hold.id}")


async def _hold(site: Site, member: Claims, event_id: str, form: Form, address: str) -> Decided | Refusal:
    site.holds.require_unhurried(address)
    return await site.holds.hold(member, event_id, form.key(), _wanted(event_id, form), address)


def _wanted(event_id: str, form: Form) -> Items:
    """The quotas and quantities chosen. Raises the refusal `invalid` when there is none."""
    items = {}
    for quota_id, quantity in _chosen(form).items():
        number = quota_number(event_id, quota_id)
        if quantity and number:
            items[number] = quantity
    if not items or form.faults or sum(items.values()) > TICKETS_PER_HOLD_MAX:
        raise Refusal(Code.INVALID)
    return tuple(items.items())


def _chosen(form: Form | None) -> Mapping[str, int]:
    """How many of which quota a booking form asks for: its fields are named `q.QUOTA`."""
    if form is None:
        return {}
    return {name[2:]: form.count(name) or 0 for name in form.values if name.startswith("q.")}


async def _event_page(
    request: Request, event_id: str, refusal: Refusal | None = None, form: Form | None = None
) -> HTMLResponse:
    site = site_of(request)
    member = site.visitor(request, "member")
    try:
        poster = await site.board.fresh(event_id)
        own = await booking.own(site, poster.event, member) if poster else booking.STRANGER
    except StoreUnavailable:
        poster, own = site.board.poster(event_id), booking.STRANGER
        refusal = refusal or Refusal(Code.UNAVAILABLE)
    if poster is None:
        raise Refusal(Code.NOT_FOUND)
    return site.page(
        request,
        "event.html",
        refusal=refusal,
        who=member,
        path=f"/events/{event_id}",
        event=poster.event,
        plan=booking.plan(poster.event, poster.availability, own, _chosen(form)),
        allowance=booking.allowance_text(site, request, own),
        key=_form_key(form, refusal),
        **_opening(site, poster),
    )


def _form_key(form: Form | None, refusal: Refusal | None) -> str:
    """A refusal has stored nothing, so its key may try again; only a key used for another choice has to go."""
    if form is None or refusal is None or refusal.code is Code.IDEMPOTENCY_KEY_REUSED:
        return new_key()
    return form.text("key") or new_key()


def _opening(site: Site, poster: Poster) -> dict[str, Any]:
    """Whether to count down to the opening, and when the page comes again by itself without JavaScript.

    It does so only until it can be booked on: never under somebody's choice.
    """
    if poster.event.status != "scheduled":
        return {"counting": False}
    left_ms = views.millis(poster.event.opens_at) - site.now_ms()
    refresh_seconds = max(1, min(REFRESH_SECONDS_MAX, -(-left_ms // 1000)))
    return {"counting": left_ms < COUNTDOWN_FROM_MS, "refresh_seconds": refresh_seconds}


async def show_hold(request: Request) -> Response:
    """A hold as it is now, with its countdown."""
    return await _hold_page(request)


async def _hold_page(request: Request, refusal: Refusal | None = None) -> HTMLResponse:
    site, hold_id = site_of(request), request.path_params["hold_id"]
    member = site.require(request, "member", f"/holds/{hold_id}")
    found = await site.holds.look_up(member, hold_id)
    event = site.board.event(found.event_id)
    hold = views.hold_view(found, site.board.currency_of(found.event_id))
    seconds_left = -(-(found.expires_at - site.now_ms()) // 1000)
    return site.page(
        request,
        "hold.html",
        refusal=refusal,
        who=member,
        path=f"/holds/{hold_id}",
        hold=hold,
        event=event,
        methods=booking.methods(event, hold),
        refresh_seconds=max(1, seconds_left + 1) if hold.status == "held" else None,
    )


async def confirm(request: Request) -> Response:
    """Turn a hold into an order; repeated, it leads to the same order."""
    site, hold_id = site_of(request), request.path_params["hold_id"]
    form = await read_form(request)
    member = site.require(request, "member", f"/holds/{hold_id}")
    outcome = await site.holds.confirm(member, hold_id, form.text("method"), site.address(request))
    if isinstance(outcome, Refusal):
        return await _hold_page(request, outcome)
    return redirect(f"/orders/{hold_id}")


async def release(request: Request) -> Response:
    """Give held tickets back."""
    site, hold_id = site_of(request), request.path_params["hold_id"]
    await read_form(request)
    member = site.require(request, "member", f"/holds/{hold_id}")
    refusal = await site.holds.release(member, hold_id, site.address(request))
    if refusal is not None:
        return await _hold_page(request, refusal)
    return redirect(f"/events/{event_of(hold_id)}?done=released")


async def show_orders(request: Request) -> Response:
    """A member's orders, newest first."""
    site = site_of(request)
    member = site.require(request, "member", "/orders")
    records, following = await in_thread(
        site.services.orders.page, member.id, request.query_params.get("cursor")
    )
    return site.page(
        request,
        "orders.html",
        who=member,
        orders=[views.order_view(record) for record in records],
        events={event.id: event for event in site.board.events()},
        notices=await in_thread(_notices, site, request, member),
        next_cursor=following,
    )


def _notices(site: Site, request: Request, member: Claims) -> list[tuple[str, int]]:
    """What the member should know, in their language where its kind is known, and since when."""
    since = site.now_ms() - NOTICE_DAYS * _DAY_MS
    with reading(site.services.sessions) as session:
        found = notices(session, member.id, since)
    return [
        (site.renderer.say(request, names.NOTICES.get(notice.kind, notice.text)), notice.at)
        for notice in found
    ]


async def show_order(request: Request) -> Response:
    """One order, with a QR code for each ticket that is still to be collected."""
    return await _order_page(request)


async def _order_page(request: Request, refusal: Refusal | None = None) -> HTMLResponse:
    site, order_id = site_of(request), request.path_params["order_id"]
    member = site.require(request, "member", f"/orders/{order_id}")
    order = await booking.order(site, member, order_id)
    event = site.board.event(order.event_id)
    return site.page(
        request,
        "order.html",
        refusal=refusal,
        who=member,
        path=f"/orders/{order_id}",
        order=order,
        event=event,
        cancellable=_cancellable(site, order, event),
    )


def _cancellable(site: Site, order: schemas.Order, event: schemas.Event | None) -> bool:
    until = event.cancellable_until if event else None
    in_time = until is not None and site.now_ms() < views.millis(until)
    return in_time and any(ticket.status == "issued" for ticket in order.tickets)


async def cancel(request: Request) -> Response:
    """Cancel the ticked tickets of an order."""
    site, order_id = site_of(request), request.path_params["order_id"]
    form = await read_form(request)
    member = site.require(request, "member", f"/orders/{order_id}")
    try:
        await in_thread(site.services.orders.cancel, member.id, order_id, form.all("ticket"))
    except Refusal as refusal:
        return await _order_page(request, refusal)
    return redirect(f"/orders/{order_id}?done=cancelled")


async def show_qr(request: Request) -> Response:
    """The QR code of one ticket as a picture of its own: no page may carry inline styles."""
    site, order_id = site_of(request), request.path_params["order_id"]
    member = site.require(request, "member", f"/orders/{order_id}")
    order = await booking.order(site, member, order_id)
    place = request.path_params["place"]
    if not 1 <= place <= len(order.tickets):
        raise Refusal(Code.NOT_FOUND)
    picture = io.BytesIO()
    code = segno.make(order.tickets[place - 1].qr, error="m", micro=False)
    code.save(picture, kind="svg", scale=4, border=2, light="#fff", xmldecl=False)
    headers = {**HEADERS, "Cache-Control": "private, max-age=3600"}
    return Response(picture.getvalue(), media_type="image/svg+xml", headers=headers)
