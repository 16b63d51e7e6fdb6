"""Pages of members: the tickets they have, to show, to print, to put into a calendar, to give back."""

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas, views
from ticketing.api.pages import booking, names
from ticketing.api.pages.calendar import calendar_file
from ticketing.api.pages.codes import qr_svg
from ticketing.api.pages.forms import read_form
from ticketing.api.pages.rendering import HEADERS, onward
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.notices import Told
from ticketing.services.tokens import Claims


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
        notices=_said(site, request, await in_thread(site.services.notices.of_member, member.id)),
        next_cursor=following,
    )


def _said(site: Site, request: Request, notices: Sequence[Told]) -> list[tuple[str, Told]]:
    """What the member should know, each with its sentence: in their language where its kind is known."""
    return [(_sentence(site, request, told), told) for told in notices]


def _sentence(site: Site, request: Request, told: Told) -> str:
    known = names.NOTICES.get(told.kind)
    return site.renderer.say(request, known, title=told.title) if known else told.text


async def _of_order(
    site: Site, request: Request, member: Claims, order: schemas.Order
) -> list[tuple[str, Told]]:
    """The same of where and when one order's event is now, and of tickets of it that went back; none without SQL."""
    try:
        told = await in_thread(site.services.notices.of_member, member.id)
    except (DBAPIError, PoolTimeout):
        return []
    moved = [one for one in told if one.event_id == order.event_id and one.moved]
    return _said(site, request, [*moved, *(one for one in told if one.order_id == order.id)])


async def show_order(request: Request) -> Response:
    """One order, with a QR code for each ticket that is still to be collected."""
    return await _order_page(request)


async def _order_page(request: Request, refusal: Refusal | None = None) -> HTMLResponse:
    site, order_id = site_of(request), request.path_params["order_id"]
    member = site.require(request, "member", f"/orders/{order_id}")
    order = await booking.order(site, member, order_id)
    event = await site.event(order.event_id)
    return site.page(
        request,
        "order.html",
        refusal=refusal,
        who=member,
        path=f"/orders/{order_id}",
        order=order,
        event=event,
        cancellable=_cancellable(site, order, event),
        notices=await _of_order(site, request, member, order),
    )


def _cancellable(site: Site, order: schemas.Order, event: schemas.Event | None) -> bool:
    until = event.cancellable_until if event else None
    in_time = until is not None and site.now_ms() < views.millis(until)
    return in_time and any(ticket.status == "issued" for ticket in order.tickets)


async def show_print(request: Request) -> Response:
    """The tickets still to be collected, on paper."""
    site, order, event = await _own_order(request)
    places = {ticket.code: place for place, ticket in enumerate(order.tickets, start=1)}
    who = site.visitor(request, "member")
    return site.page(request, "order_print.html", who=who, order=order, event=event, places=places)


async def show_calendar(request: Request) -> Response:
    """The order as an entry of a calendar."""
    site, order, event = await _own_order(request)
    if event is None:
        raise Refusal(Code.NOT_FOUND)
    content = calendar_file(order, event, site.url(request), site.now_ms())
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{order.number}.ics"'}
    return Response(content, media_type="text/calendar", headers=headers)


async def _own_order(request: Request) -> tuple[Site, schemas.Order, schemas.Event | None]:
    site, order_id = site_of(request), request.path_params["order_id"]
    member = site.require(request, "member", f"/orders/{order_id}")
    order = await booking.order(site, member, order_id)
    return site, order, await site.event(order.event_id)


async def cancel(request: Request) -> Response:
    """Cancel the ticked tickets of an order."""
    site, order_id = site_of(request), request.path_params["order_id"]
    form = await read_form(request)
    member = site.require(request, "member", f"/orders/{order_id}")
    try:
        await in_thread(site.services.orders.cancel, member.id, order_id, form.all("ticket"))
    except Refusal as refusal:
        return await _order_page(request, refusal)
    return onward(request, f"/orders/{order_id}?done=cancelled")


async def show_qr(request: Request) -> Response:
    """The QR code of one ticket."""
    site, order_id = site_of(request), request.path_params["order_id"]
    member = site.require(request, "member", f"/orders/{order_id}")
    order = await booking.order(site, member, order_id, signed=True)
    place = request.path_params["place"]
    if not 1 <= place <= len(order.tickets):
        raise Refusal(Code.NOT_FOUND)
    picture = await in_thread(qr_svg, order.tickets[place - 1].qr, "m", 4)  # 5 ms: others go on meanwhile
    headers = {**HEADERS, "Cache-Control": "private, max-age=3600"}
    return Response(picture, media_type="image/svg+xml", headers=headers)
