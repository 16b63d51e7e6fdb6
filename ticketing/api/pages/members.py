"""Pages of members: what is on sale, and booking it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas, views
from ticketing.api.board import Poster
from ticketing.api.holds import Items
from ticketing.api.pages import booking, names
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import onward
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.api.pages.structured import event_data
from ticketing.clock import DAY_MS
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.identifiers import event_of, quota_number
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, Decided
from ticketing.services.tokens import Claims

COUNTS = "event_counts.html"
COUNTDOWN_FROM_MS = DAY_MS
REFRESH_SECONDS_MAX = 60
_OVER = ("closed", "cancelled")
_LOOK_SECONDS: Mapping[str, int] = {"scheduled": 30, "open": 6, "sold_out": 8, "paused": 6, "recovering": 6}
"""How often, about, a page with JavaScript asks again what has become of an event."""


class Scarce(Struct, frozen=True):
    """What may come back: so many are held, and the earliest hold of them ends at `next_due`."""

    held: int
    next_due: int | None


async def show_events(request: Request) -> Response:
    """What is on sale, soonest first; what is over comes last."""
    site = site_of(request)
    events = sorted(site.board.events(), key=lambda event: event.status in _OVER)
    pictures = {event.id: site.front.looks.picture_of(event.id) for event in events}
    who = site.visitor(request, "member")
    whom = {event.id: _whom(site, event.id) for event in events}
    return site.page(request, "events.html", who=who, events=events, pictures=pictures, whom=whom)


def _whom(site: Site, event_id: str) -> tuple[str, ...]:
    """The unions whose members may book an event; none named: every member."""
    card = site.board.card(event_id)
    return card.eligible_names if card else ()


async def show_event(request: Request) -> Response:
    """One event with its booking form; `event_pages` answers most requests before they come here."""
    return await event_page(request, request.path_params["event_id"])


async def show_live(request: Request) -> Response:
    """What has changed of an event since a page was shown: its counts, or the whole booking when its status did."""
    site, event_id = site_of(request), request.path_params["event_id"]
    poster = await _fresh(site, event_id) or site.board.poster(event_id)
    if poster is None:
        raise Refusal(Code.NOT_FOUND)
    if request.query_params.get("was") == poster.event.status:
        return page_of(request, COUNTS, poster)
    return await event_page(request, event_id, template="event_live.html")


def page_of(
    request: Request,
    template: str,
    poster: Poster,
    member: Claims | None = None,
    own: booking.Own = booking.STRANGER,
    key: str = "",
) -> HTMLResponse:
    """A page, or a part of one, about an event: to `member`, whom `own` concerns, or to whoever has not signed in."""
    site = site_of(request)
    context = _context(site, request, poster, own) | {"key": key}
    response = site.page(request, template, who=member, path=f"/events/{poster.event.id}", **context)
    if template == COUNTS:
        response.headers["HX-Reswap"] = "none"  # each count replaces its like, and a choice made stays
    return response


async def _fresh(site: Site, event_id: str) -> Poster | None:
    try:
        return await site.board.fresh(event_id)
    except StoreUnavailable:
        return None


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
        return await event_page(request, event_id, outcome, form)
    return onward(request, f"/holds/{outcome.hold.id}")


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


async def event_page(
    request: Request,
    event_id: str,
    refusal: Refusal | None = None,
    form: Form | None = None,
    template: str = "event.html",
) -> HTMLResponse:
    """An event's page made for one request. While Redis is away it is what this process last knew, and says so."""
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
    context = _context(site, request, poster, own, _chosen(form)) | {"key": _form_key(form, refusal)}
    if refusal is not None:
        context["problem"] = site.explain(request, refusal, names.REFUSALS_AT_BOOKING)
    path = f"/events/{event_id}"
    return site.page(request, template, refusal=refusal, who=member, path=path, **context)


def _context(
    site: Site,
    request: Request,
    poster: Poster,
    own: booking.Own,
    chosen: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    held = {id_: counts.held for id_, counts in poster.availability.quotas.items()}
    shown = context_of(site, request, poster.event, own, _whom(site, poster.event.id), held, chosen)
    return shown | {"scarce": Scarce(poster.held, poster.next_due), **_opening(site, poster)}


def context_of(
    site: Site,
    request: Request,
    event: schemas.Event,
    own: booking.Own,
    whom: Sequence[str],
    held: Mapping[str, int],
    chosen: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """What the templates of an event's page take, for a published event and for a draft that is looked at."""
    site_url = site.url(request)
    url = f"{site_url}/events/{event.id}"
    return {
        "event": event,
        "whom": whom,
        "site_url": site_url,
        "url": url,
        "data": event_data(event, site.look(event), url, site_url),
        "plan": booking.plan(event, own, chosen or {}),
        "held": held,
        "scarce": Scarce(0, None),
        "allowance": booking.allowance(site, request, own),
        "key": "",
        "every": _LOOK_SECONDS.get(event.status),
        "counting": False,
    }


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
    event = await site.event(found.event_id)
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
    return onward(request, f"/orders/{hold_id}?done=booked")


async def release(request: Request) -> Response:
    """Give held tickets back."""
    site, hold_id = site_of(request), request.path_params["hold_id"]
    await read_form(request)
    member = site.require(request, "member", f"/holds/{hold_id}")
    refusal = await site.holds.release(member, hold_id, site.address(request))
    if refusal is not None:
        return await _hold_page(request, refusal)
    return onward(request, f"/events/{event_of(hold_id)}?done=released")
