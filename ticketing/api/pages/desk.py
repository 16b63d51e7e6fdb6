"""The desk's page: swipe, see what waits, hand it out, take a mistake back, sell on the spot.

The card's number stays out of every address: a swipe is a POST that is answered with the page itself.
Whatever changes something is answered with a redirect.
"""

from collections.abc import Collection, Sequence
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas, views
from ticketing.api.pages import booking, names
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.identifiers import event_of, read_ticket_code
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX
from ticketing.members.numbers import read_card_number
from ticketing.orders import repository as orders
from ticketing.services.desk import UNDO_MS, require_clerk
from ticketing.services.swipes import HandedOut, Swiped, handed_out
from ticketing.services.tokens import Claims

DESK_COOKIE = "desk"
DESK_COOKIE_SECONDS = 365 * 24 * 3600
DESK_NAME_MAX = 100
PATH = "/desk"
_PICKUPS_SHOWN_MAX = 20
_RECENT_ORDERS = 20


class Done(Struct, frozen=True):
    """A hand-over just made, and until when (ms) it can be taken back."""

    id: str
    codes: tuple[str, ...]
    amount: int
    currency: str
    undo_until: int


class Found(Struct, frozen=True):
    """Who was swiped, and the card number for a sale when it was a card."""

    name: str
    card_masked: str
    organisation: str
    card_number: str | None


async def show(request: Request) -> Response:
    """The swipe field, and what was just handed out."""
    site = site_of(request)
    clerk = _clerk(site, request)
    pickups = await in_thread(_done, site, clerk, request.query_params.getlist("pickup"))
    return _page(site, request, clerk, pickups=pickups)


async def swipe(request: Request) -> Response:
    """Whose card, ticket or order this is, and what waits for them."""
    site = site_of(request)
    form = await read_form(request)
    clerk = _clerk(site, request)
    return await _found_page(site, request, clerk, form.text("swipe"))


async def hand_out(request: Request) -> Response:
    """Hand out the ticked tickets, order by order; each is repeatable by the form's key."""
    site = site_of(request)
    form = await read_form(request)
    clerk = _clerk(site, request)
    key, desk, method = form.key(), _desk_name(request, clerk), form.text("method") or None
    chosen = _chosen_tickets(form)
    done: list[str] = []
    for order_id, codes in chosen.items():
        try:
            record = await in_thread(
                site.services.desk.pick_up, clerk, f"{key}.{order_id}"[:255], order_id, codes, desk, method
            )
        except Refusal as refusal:
            pickups = await in_thread(_done, site, clerk, done)
            return await _found_page(site, request, clerk, codes[0], refusal, pickups)
        done.append(record.id)
    return _to_done(done)


def _chosen_tickets(form: Form) -> dict[str, list[str]]:
    """The ticked tickets by order; a box's value is `ORDER CODE`. Raises the refusal `invalid` for none."""
    chosen: dict[str, list[str]] = {}
    for value in form.all("ticket"):
        order_id, _, code = value.partition(" ")
        chosen.setdefault(order_id, []).append(code)
    if not chosen:
        raise Refusal(Code.INVALID)
    return chosen


async def undo(request: Request) -> Response:
    """Take a hand-over back."""
    site, pickup_id = site_of(request), request.path_params["pickup_id"]
    form = await read_form(request)
    clerk = _clerk(site, request)
    try:
        await in_thread(site.services.desk.undo, clerk, pickup_id, form.text("reason"))
    except Refusal as refusal:
        return _page(site, request, clerk, refusal)
    return redirect(f"{PATH}?done=undone")


async def sell(request: Request) -> Response:
    """Sell tickets to the member who was swiped, and hand them out at once."""
    site = site_of(request)
    form = await read_form(request)
    clerk = _clerk(site, request)
    number, quota_id = form.text("card_number"), form.text("quota")
    items = [(quota_id, form.count("quantity") or 0)]
    event_id = quota_id.rpartition("-")[0]
    desk = _desk_name(request, clerk)
    try:
        if not 1 <= items[0][1] <= TICKETS_PER_HOLD_MAX or form.text("method") not in names.DESK_METHODS:
            raise Refusal(Code.INVALID)
        sale = await in_thread(
            site.services.desk.sell, clerk, form.key(), number, event_id, items, form.text("method"), desk
        )
    except Refusal as refusal:
        return await _found_page(site, request, clerk, number, refusal)
    return _to_done([sale.pickup_id])


async def name_desk(request: Request) -> Response:
    """Keep this desk's name in the browser; it stands on every hand-over."""
    site = site_of(request)
    form = await read_form(request)
    _clerk(site, request)
    name = form.text("desk")[:DESK_NAME_MAX]
    response = redirect(f"{PATH}?done=desk")
    response.set_cookie(
        DESK_COOKIE, quote(name), DESK_COOKIE_SECONDS, httponly=True, samesite="lax", secure=site.gate.secure
    )
    return response


def _clerk(site: Site, request: Request) -> Claims:
    clerk = site.require(request, "staff", PATH)
    require_clerk(clerk)
    return clerk


def _desk_name(request: Request, clerk: Claims) -> str:
    return unquote(request.cookies.get(DESK_COOKIE, ""))[:DESK_NAME_MAX] or clerk.organisation_name


def _to_done(pickup_ids: Sequence[str]) -> Response:
    return redirect(f"{PATH}?{urlencode([('pickup', pickup_id) for pickup_id in pickup_ids])}")


def _page(
    site: Site, request: Request, clerk: Claims, refusal: Refusal | None = None, **context: object
) -> HTMLResponse:
    shown = {"found": None, "pickups": (), "desk": _desk_name(request, clerk)} | context
    if refusal is not None:
        shown["problem"] = site.renderer.explain(request, refusal, names.REFUSALS_AT_DESK)
    return site.page(request, "desk/desk.html", refusal=refusal, who=clerk, path=PATH, **shown)


async def _found_page(
    site: Site,
    request: Request,
    clerk: Claims,
    typed: str,
    refusal: Refusal | None = None,
    pickups: Sequence[Done] = (),
) -> HTMLResponse:
    """What a swipe shows. `refusal` is of an act just tried, and says more than one of the swipe."""
    try:
        swiped = await in_thread(_look_up, site, clerk, typed)
    except Refusal as unknown:
        return _page(site, request, clerk, refusal or unknown, pickups=pickups)
    waiting = [views.order_view(order) for order in swiped.orders]
    gone = swiped.handed_out
    if gone is None and not waiting:
        gone = await in_thread(_last_handed_out, site, swiped.holder.member.id)
    sales = _sales(site, swiped)
    return _page(
        site,
        request,
        clerk,
        refusal,
        pickups=pickups,
        found=_found(swiped, typed),
        orders=waiting,
        events={order.event_id: site.board.event(order.event_id) for order in waiting},
        due={order.id: order.amount_due for order in swiped.orders},
        gone=site.explain(request, _already(gone)) if gone and refusal is None else None,
        allowances=_allowances(site, request, swiped, {sale.id for sale in sales}),
        sales=sales,
        sale_methods=_sale_methods(sales),
        key=new_key(),
    )


def _look_up(site: Site, clerk: Claims, typed: str) -> Swiped:
    """A card's number, a ticket's code or an order's number; what is all digits is a card first."""
    swipe_ = site.services.desk.swipe
    if read_card_number(typed):
        try:
            return swipe_(clerk, card_number=typed)
        except Refusal as refusal:
            if refusal.code is not Code.NOT_FOUND:
                raise
    return (
        swipe_(clerk, code=typed)
        if site.services.seal.read(typed) or read_ticket_code(typed)
        else swipe_(clerk, number=typed)
    )


def _already(gone: HandedOut) -> Refusal:
    facts = {"collected_at": gone.collected_at, "desk": gone.desk, "clerk": gone.clerk}
    return Refusal(Code.ALREADY_COLLECTED, **facts)


def _last_handed_out(site: Site, member: int) -> HandedOut | None:
    with reading(site.services.sessions) as session:
        recent = orders.for_member(session, member, _RECENT_ORDERS)
        tickets = [ticket for order in recent for ticket in order.collected]
        return handed_out(session, tickets) if tickets else None


def _found(swiped: Swiped, typed: str) -> Found:
    holder = swiped.holder
    return Found(
        name=holder.member.name,
        card_masked=views.masked(holder.card.last_four),
        organisation=holder.organisation.name,
        card_number=typed if read_card_number(typed) else None,
    )


def _allowances(
    site: Site, request: Request, swiped: Swiped, on_sale: Collection[str]
) -> list[tuple[str, str]]:
    """For each event on sale that has a limit: its title, and what the member may still take."""
    lines = []
    for events, ledger in swiped.ledgers:
        for event in (event for event in events if event.id in on_sale):
            own = booking.Own(True, views.allowances([event], ledger), None)
            allowance = booking.allowance(site, request, own, names.ALLOWANCES_AT_DESK)
            if allowance:
                lines.append((event.title, allowance.text))
    return lines


def _sales(site: Site, swiped: Swiped) -> list[schemas.Event]:
    """The events of the clerk's reach that can be sold from now."""
    events = (site.board.event(event.id) for events, _ in swiped.ledgers for event in events)
    return [event for event in events if event is not None and event.status == "open"]


def _sale_methods(sales: Sequence[schemas.Event]) -> list[str]:
    """How these can be paid: priced tickets by card or cash, free ones not at all."""
    prices = [quota.price for event in sales for quota in event.quotas if quota.available]
    priced = ["card", "cash"] if any(prices) else []
    return priced + (["free"] if not all(prices) else [])


def _done(site: Site, clerk: Claims, pickup_ids: Sequence[str]) -> list[Done]:
    """The clerk's own hand-overs of these ids, but those that were taken back."""
    with reading(site.services.sessions) as session:
        records = [orders.pickup(session, pickup_id) for pickup_id in pickup_ids[:_PICKUPS_SHOWN_MAX]]
    return [
        Done(
            id=record.id,
            codes=record.ticket_codes,
            amount=record.payment_amount or 0,
            currency=site.board.currency_of(event_of(record.order_id)),
            undo_until=record.at + UNDO_MS,
        )
        for record in records
        if record is not None and record.staff_id == clerk.id and record.undone_at is None
    ]
