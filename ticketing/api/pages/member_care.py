"""A member as staff look after them: found, their cards blocked, freed and replaced, a one-time PIN, their history.

What is searched for is sent as a form: a card number has no place in addresses, which browsers and proxies keep.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.member_words import HAPPENED
from ticketing.api.pages.names import NOTICES
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.errors import Code, Refusal
from ticketing.services.cards import CARD_ROLES
from ticketing.services.event_access import require_reader
from ticketing.services.member_care import FOUND_MAX
from ticketing.services.member_history import Entry
from ticketing.services.tokens import Claims

PATH = "/staff/members"
_UNKNOWN_FACTS = ("reason", "desk", "tickets", "last_four", "from", "to", "text", "device")


class Line(Struct, frozen=True):
    """An entry of a history in words."""

    at: int
    text: str
    entry: Entry


async def show_search(request: Request) -> Response:
    """The field to search with."""
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    require_reader(staff)
    return site.page(
        request, "staff/members.html", who=staff, path=PATH, found=None, sought="", all_shown=True
    )


async def search(request: Request) -> Response:
    """Who was found; the one who was, when it is one."""
    site = site_of(request)
    form = await read_form(request)
    staff = site.require(request, "staff", PATH)
    sought = form.text("q")
    found = await in_thread(site.services.member_care.find, staff, sought)
    if len(found) == 1:
        return redirect(f"{PATH}/{found[0].card.id}")
    return site.page(
        request,
        "staff/members.html",
        who=staff,
        path=PATH,
        found=found,
        sought=sought,
        all_shown=len(found) < FOUND_MAX,
    )


async def show_member(request: Request) -> Response:
    """A member with their cards and their history."""
    return await _member_page(request)


async def _member_page(
    request: Request, refusal: Refusal | None = None, form: Form | None = None
) -> Response:
    site, card_id = site_of(request), request.path_params["card_id"]
    path = f"{PATH}/{card_id}"
    staff = site.require(request, "staff", path)
    member = await in_thread(site.services.member_care.member, staff, card_id)
    cursor = request.query_params.get("cursor") if request.method == "GET" else None
    page = await in_thread(site.services.member_history.page, staff, card_id, cursor)
    return site.page(
        request,
        "staff/member.html",
        refusal=refusal,
        who=staff,
        path=path,
        person=member,
        found=member.found,
        lines=[Line(entry.at, _words(site, request, entry), entry) for entry in page.entries],
        cursor=page.cursor,
        first=cursor is None,
        may_act=_may_act(staff),
        form=form.values if form else {},
        faults=site.faults(request, refusal),
    )


def _may_act(staff: Claims) -> bool:
    return staff.role == "admin" or staff.role in CARD_ROLES


def _words(site: Site, request: Request, entry: Entry) -> str:
    facts: dict[str, Any] = dict.fromkeys(_UNKNOWN_FACTS, "–") | entry.facts
    known = NOTICES.get(str(facts.get("notice", "")))
    if known:
        facts["text"] = site.renderer.say(request, known) % {"title": entry.event_title}
    return site.renderer.say(request, HAPPENED[entry.kind]) % facts


async def act(request: Request) -> Response:
    """Block a card, free it, or replace it."""
    site, card_id, verb = site_of(request), request.path_params["card_id"], request.path_params["verb"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"{PATH}/{card_id}")
    cards = site.services.cards
    acts: Mapping[str, Callable[[int], None]] = {
        "block": lambda card: cards.block(staff, card, form.text("reason")),
        "unblock": lambda card: cards.unblock(staff, card, form.text("reason")),
        "replace": lambda card: cards.replace(staff, card, form.text("new_card_number"), form.text("reason")),
    }
    if verb not in acts:
        raise Refusal(Code.NOT_FOUND)
    try:
        present = await in_thread(_present_card, site, staff, card_id)
        await in_thread(acts[verb], present)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _member_page(request, refusal, form)
    return redirect(f"{PATH}/{card_id}?done=card-{verb}")


async def give_pin(request: Request) -> Response:
    """Show a one-time PIN, this once."""
    site, card_id = site_of(request), request.path_params["card_id"]
    form = await read_form(request)
    path = f"{PATH}/{card_id}"
    staff = site.require(request, "staff", path)
    try:
        present = await in_thread(_present_card, site, staff, card_id)
        pin = await in_thread(site.services.cards.reset_pin, staff, present, form.text("reason"))
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _member_page(request, refusal, form)
    member = await in_thread(site.services.member_care.member, staff, card_id)
    return site.page(request, "staff/member_pin.html", who=staff, path=path, found=member.found, pin=pin)


def _present_card(site: Site, staff: Claims, card_id: str) -> int:
    """The card that the member has now: the page may be of one that was replaced meanwhile."""
    return site.services.member_care.member(staff, card_id).found.card.id
