"""The desk's page: swipe, see what waits, hand it out, take a mistake back, sell on the spot, a PIN for who forgot it.

The card's number stays out of every address: a swipe is a POST that is answered with the page itself.
Whatever changes something is answered with a redirect, but for a one-time PIN, which is shown once and kept nowhere.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api.pages import desk_found, desk_setup, names
from ticketing.api.pages.desk_found import RECENT_MAX, Done, Verdict
from ticketing.api.pages.desk_setup import Setup, setup_of
from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, new_key, site_of
from ticketing.errors import Code, Refusal, invalid
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX
from ticketing.services.desk_undo import UNDO_MS
from ticketing.services.tokens import Claims

PATH = "/desk"
UNDO_REASON_MAX = 500
RECENT_COOKIE = "desk_recent"
"""The hand-overs of the last minute: the browser forgets them by itself when they cannot be taken back any more."""


async def show(request: Request) -> Response:
    """The swipe field, and what was just handed out."""
    site = site_of(request)
    clerk = site.clerk(request, PATH)
    ids = request.query_params.getlist("pickup")
    done = await in_thread(desk_found.done, site, clerk, ids)
    if request.query_params.get("done") == "undone":
        taken_back = [one for one in done if one.undone]
        return await _page(site, request, clerk, Verdict("undone"), handed=taken_back)
    handed = [one for one in done if not one.undone]
    return await _page(site, request, clerk, Verdict("handed") if handed else None, handed=handed)


async def swipe(request: Request) -> Response:
    """Whose card, ticket or order this is, and what waits for them."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    return await _found_page(site, request, clerk, form.text("swipe"))


async def hand_out(request: Request) -> Response:
    """Hand out the ticked tickets, order by order; each is repeatable by the form's key."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    key, desk, method = form.key(), setup_of(request, clerk).name, form.text("method") or None
    done: list[str] = []
    for order_id, codes in _chosen_tickets(form).items():
        try:
            record = await in_thread(
                site.services.desk.pick_up, clerk, f"{key}.{order_id}"[:255], order_id, codes, desk, method
            )
        except Refusal as refusal:
            return await _found_page(site, request, clerk, form.text("swiped") or codes[0], refusal, done)
        done.append(record.id)
    return _to_done(site, request, done)


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
    clerk = site.clerk(request, PATH)
    reason = form.text("reason", required=True)[:UNDO_REASON_MAX]
    try:
        if form.faults:
            raise Refusal(Code.INVALID)
        await in_thread(site.services.desk.undo, clerk, pickup_id, reason)
    except Refusal as refusal:
        return await _page(site, request, clerk, desk_found.refused(site, request, refusal), refusal)
    return redirect(f"{PATH}?{urlencode({'done': 'undone', 'pickup': pickup_id})}")


async def sell(request: Request) -> Response:
    """Sell tickets to the member who was swiped, and hand them out at once."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    number, quota_id = form.text("card_number"), form.text("quota")
    items = [(quota_id, form.count("quantity") or 0)]
    event_id = quota_id.rpartition("-")[0]
    desk = setup_of(request, clerk).name
    try:
        if not 1 <= items[0][1] <= TICKETS_PER_HOLD_MAX or form.text("method") not in names.DESK_METHODS:
            raise Refusal(Code.INVALID)
        sale = await in_thread(
            site.services.desk.sell, clerk, form.key(), number, event_id, items, form.text("method"), desk
        )
    except Refusal as refusal:
        return await _found_page(site, request, clerk, number, refusal)
    return _to_done(site, request, [sale.pickup_id])


async def give_pin(request: Request) -> Response:
    """A one-time PIN for the member who was swiped and whom the clerk has looked at.

    The one answer that is no redirect: an address must not carry the PIN. Sent again, it is another PIN, and the last
    one opens the card.
    """
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    number, desk = form.text("card_number"), setup_of(request, clerk).name
    try:
        if form.text("checked") != "yes":
            raise invalid(("checked", "is required"))
        reason = f"forgotten; identity checked at desk {desk}"
        pin = await in_thread(site.services.cards.reset_pin, clerk, number, reason)
        seen = await in_thread(desk_found.look_up, site, clerk, Setup(), number)
    except Refusal as refusal:
        return await _found_page(site, request, clerk, number, refusal)
    who = desk_found.found(clerk, seen)
    return await _page(site, request, clerk, Verdict("pin"), found=who, pin=pin)


async def set_up(request: Request) -> Response:
    """Keep this desk's settings in the browser; its name stands on every hand-over."""
    site = site_of(request)
    form = await read_form(request)
    clerk = site.clerk(request, PATH)
    wanted = desk_setup.read_setup(form)
    if form.faults:
        wrong = {name: site.fault(request, reason) for name, reason in form.faults.items()}
        return await _page(
            site, request, clerk, None, Refusal(Code.INVALID), setup=wanted, wrong=wrong, form=form.values
        )
    response = redirect(f"{PATH}?done=desk")
    desk_setup.keep_setup(response, wanted, secure=site.gate.secure)
    return response


def _standing(site: Site, clerk: Claims, pickup_ids: Sequence[str]) -> list[Done]:
    return [one for one in desk_found.done(site, clerk, pickup_ids) if not one.undone]


def _recent(request: Request) -> list[str]:
    return request.cookies.get(RECENT_COOKIE, "").split("/")[:RECENT_MAX]


def _to_done(site: Site, request: Request, pickup_ids: Sequence[str]) -> Response:
    response = redirect(f"{PATH}?{urlencode([('pickup', pickup_id) for pickup_id in pickup_ids])}")
    _remember(site, request, response, pickup_ids)
    return response


def _remember(site: Site, request: Request, response: Response, pickup_ids: Sequence[str]) -> None:
    """Keep what was handed out at hand while it can be taken back, whoever is swiped next."""
    recent = list(dict.fromkeys([*reversed(pickup_ids), *_recent(request)]))[:RECENT_MAX]
    response.set_cookie(
        RECENT_COOKIE,
        "/".join(recent),
        UNDO_MS // 1000,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=site.gate.secure,
    )


async def _page(
    site: Site,
    request: Request,
    clerk: Claims,
    verdict: Verdict | None,
    refusal: Refusal | None = None,
    **context: object,
) -> HTMLResponse:
    """The page with a verdict; `refusal` gives its status."""
    usual: dict[str, object] = {
        "setup": setup_of(request, clerk),
        "choices": await in_thread(site.services.desk.events, clerk),
        "recent": await in_thread(_standing, site, clerk, _recent(request)),
        "verdict": verdict,
        "problem": None,
    }
    usual |= dict.fromkeys(
        (
            "found",
            "handed",
            "wrong",
            "orders",
            "others",
            "elsewhere",
            "left",
            "lapsed",
            "sales",
            "pin",
            "again",
        )
    )
    page = site.page(request, "desk/desk.html", refusal=refusal, who=clerk, path=PATH, **usual | context)
    page.headers["Content-Security-Policy"] += "; frame-src 'self'"  # the paper is printed from a frame
    return page


async def _found_page(
    site: Site,
    request: Request,
    clerk: Claims,
    typed: str,
    refusal: Refusal | None = None,
    made: Sequence[str] = (),
) -> HTMLResponse:
    """What a swipe shows. `refusal` is of an act just tried, and says more than one of the swipe."""
    setup = setup_of(request, clerk)
    try:
        seen = await site.front.swipes.run(desk_found.look_up, site, clerk, setup, typed)
    except Refusal as unknown:
        return await _unknown_page(site, request, clerk, setup, typed, refusal or unknown)
    verdict = desk_found.verdict(site, request, seen)
    if refusal is not None and not (refusal.code is Code.INVALID and verdict.kind == "lapsed"):
        verdict = desk_found.refused(site, request, refusal)
    shown = desk_found.context(site, request, clerk, setup, seen)
    page = await _page(site, request, clerk, verdict, refusal, **shown, key=new_key())
    if made:
        _remember(site, request, page, made)
    return page


async def _unknown_page(
    site: Site, request: Request, clerk: Claims, setup: Setup, typed: str, refusal: Refusal
) -> HTMLResponse:
    verdict = desk_found.refused(site, request, refusal)
    if verdict.kind == "unknown" and await in_thread(desk_found.belongs_elsewhere, site, setup, typed):
        verdict = Verdict("desk")
    return await _page(site, request, clerk, verdict, refusal)
