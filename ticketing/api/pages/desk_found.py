"""What a swipe comes to, as a clerk sees it: one verdict, who it is about, and the tickets to hand out here."""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy.orm import Session
from starlette.requests import Request

from ticketing.api import schemas, views
from ticketing.api.pages import booking, names
from ticketing.api.pages.desk_setup import Setup
from ticketing.api.pages.site import Site
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.identifiers import event_of, quota_id
from ticketing.members import repository as members
from ticketing.members.numbers import read_card_number
from ticketing.orders import repository as orders
from ticketing.orders.lapsed import Lapsed
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.tables import COLLECTED
from ticketing.services.desk_undo import UNDO_MS
from ticketing.services.swipes import HandedOut, Swiped, handed_out, number_in, number_of, ticket_in
from ticketing.services.tokens import Claims

_RECENT_ORDERS = 20
PICKUPS_SHOWN_MAX = 20
RECENT_MAX = 5
"""Hand-overs that can still be taken back, and are shown beside what was swiped since."""

LAPSED_SHOWN_MAX = 5
"""Orders of which tickets went back that a swipe shows; the latest first."""

GOOD, BAD, WAIT = "good", "bad", "wait"
TONES = {"hand": GOOD, "handed": GOOD, "pin": GOOD, "undone": GOOD, "gone": BAD, "forged": BAD}
"""The colour and the sound of a verdict; amber for all others."""

_REFUSED = {
    Code.ALREADY_COLLECTED: "gone",
    Code.NOT_FOUND: "unknown",
    Code.CARD_BLOCKED: "blocked",
    Code.PAYMENT_REQUIRED: "pay",
}
_WRONG_FIELDS = {"code": "forged", "checked": "unchecked"}


class Verdict(Struct, frozen=True):
    """The one word about a swipe or an act, and a sentence that says more."""

    kind: str
    more: str = ""

    @property
    def tone(self) -> str:
        """Its colour and sound."""
        return TONES.get(self.kind, WAIT)


class Found(Struct, frozen=True):
    """Who was swiped, and the card number for a sale or a new PIN when it was a card.

    `bearer` when it was an order's number or a ticket: whoever brings it collects, member or not.
    """

    name: str
    name_masked: str
    card_masked: str
    organisation: str
    card_number: str | None
    bearer: bool
    may_get_pin: bool


class Done(Struct, frozen=True):
    """A hand-over or sale just made: of whom, of what, and until when (ms) it can be taken back.

    Taken back, `amount` is what the clerk hands back by `method`.
    """

    id: str
    codes: tuple[str, ...]
    who: str
    title: str
    amount: int
    method: str | None
    currency: str
    undo_until: int
    is_sale: bool
    undone: bool


class Seen(Struct, frozen=True):
    """Everything one swipe found: what waits here, and what became of the rest."""

    swiped: Swiped
    text: str
    number: str | None  # of the order, when a ticket or number was swiped and no card
    here: tuple[OrderRecord, ...]
    other_events: tuple[OrderRecord, ...]
    gone: HandedOut | None
    left: int  # tickets of the same order that wait, when the very ticket that was swiped is gone
    lapsed: tuple[Lapsed, ...]  # what went back, of events of this desk, because nobody collected it in time

    @property
    def due(self) -> int:
        """What is to be paid before it is handed out here."""
        return sum(order.amount_due for order in self.here)

    @property
    def kind(self) -> str:
        """What the clerk is told first."""
        if self.here:
            return "pay" if self.due else "hand"
        if self.lapsed and (self.gone is None or self.gone.collected_at < self.lapsed[0].at):
            return "lapsed"
        if self.gone:
            return "gone"
        if self.other_events:
            return "event"
        return "desk" if self.swiped.elsewhere else "nothing"


def look_up(site: Site, clerk: Claims, setup: Setup, typed: str) -> Seen:
    """What this card, ticket or order number comes to at this desk. Raises what `DeskService.swipe` does."""
    text = setup.read(typed)
    ticket = ticket_in(site.services.seal, text)
    swiped, number = _swiped(site, clerk, text, ticket)
    mine = [order for order in swiped.orders if number in (None, order.number)]
    here = tuple(order for order in mine if setup.serves(order.event_id))
    gone = _ticket_gone(site, ticket) if ticket else None
    if gone is None and not here:
        gone = swiped.handed_out or _last_handed_out(site, clerk, setup, swiped.holder.member.id)
    other_events = tuple(order for order in mine if order not in here)
    shown = () if ticket and gone else here
    left = sum(len(order.to_collect) for order in here if not shown)
    went_back = [one for one in swiped.lapsed if number in (None, one.number) and setup.serves(one.event_id)]
    lapsed = () if ticket and gone else tuple(went_back[:LAPSED_SHOWN_MAX])
    return Seen(swiped, text, number, shown, other_events, gone, left, lapsed)


def _swiped(site: Site, clerk: Claims, text: str, ticket: str | None) -> tuple[Swiped, str | None]:
    """A card's number, a ticket's code or an order's number, which is told; what is all digits is a card first."""
    swipe = site.services.desk.swipe
    if read_card_number(text):
        try:
            return swipe(clerk, card_number=text), None
        except Refusal as refusal:
            if refusal.code is not Code.NOT_FOUND:
                raise
    number = number_of(ticket, text)
    return swipe(clerk, number=number or text), number


def belongs_elsewhere(site: Site, setup: Setup, typed: str) -> bool:
    """Whether an order that this clerk does not know is one of another union's: which, is not for them."""
    text = setup.read(typed)
    number = number_in(site.services.seal, text, text)
    with reading(site.services.sessions) as session:
        return number is not None and orders.by_number(session, number) is not None


def _ticket_gone(site: Site, code: str) -> HandedOut | None:
    """Who handed out this very ticket, though others of its order may wait: a picture of it can be shown twice."""
    with reading(site.services.sessions) as session:
        order = orders.by_number(session, code.partition("-")[0])
        seats = [seat for seat in order.tickets if seat.code == code] if order else []
        return handed_out(session, seats) if seats and seats[0].status == COLLECTED else None


def _last_handed_out(site: Site, clerk: Claims, setup: Setup, member: int) -> HandedOut | None:
    """The last hand-over of an event that is still being collected here; older ones say nothing about today."""
    served = {event.id for event in site.services.desk.events(clerk) if setup.serves(event.id)}
    with reading(site.services.sessions) as session:
        recent = orders.for_member(session, member, _RECENT_ORDERS)
        tickets = [ticket for order in recent if order.event_id in served for ticket in order.collected]
        return handed_out(session, tickets) if tickets else None


def refused(site: Site, request: Request, refusal: Refusal) -> Verdict:
    """The verdict of a refusal."""
    if "expected" in refusal.facts:
        return Verdict("unread")
    fields = {error["field"] for error in refusal.facts.get("errors", ())}
    if fields & _WRONG_FIELDS.keys():
        return Verdict(_WRONG_FIELDS[min(fields)])
    more = site.explain(request, refusal, names.REFUSALS_AT_DESK) or ""
    return Verdict(_REFUSED.get(refusal.code, "refused"), more)


def verdict(site: Site, request: Request, seen: Seen) -> Verdict:
    """The verdict of a swipe."""
    if seen.kind != "gone" or seen.gone is None:
        return Verdict(seen.kind)
    return refused(site, request, seen.gone.refusal)


def context(site: Site, request: Request, clerk: Claims, setup: Setup, seen: Seen) -> dict[str, Any]:
    """What the templates show of a swipe."""
    sales = _sales(site, setup, seen.swiped)
    waiting = [views.order_view(order) for order in seen.here]
    others = {order.event_id: 0 for order in seen.other_events}
    for order in seen.other_events:
        others[order.event_id] += len(order.to_collect)
    shown = {order.event_id for order in (*seen.here, *seen.other_events)}
    shown |= {one.event_id for one in seen.lapsed}
    return {
        "found": found(clerk, seen),
        "orders": waiting,
        "events": {event_id: site.board.event(event_id) for event_id in shown},
        "due": {order.id: order.amount_due for order in seen.here},
        "unfinished": seen.swiped.unfinished,
        "others": others,
        "elsewhere": seen.swiped.elsewhere,
        "left": seen.left,
        "lapsed": seen.lapsed,
        "again": seen.gone.pickup_id if seen.kind == "gone" and seen.gone else None,
        "allowances": _allowances(site, request, seen.swiped, {sale.id for sale in sales}),
        "sales": sales,
        "sale_methods": _sale_methods(sales),
    }


def found(clerk: Claims, seen: Seen) -> Found:
    """Who it is about."""
    holder = seen.swiped.holder
    return Found(
        name=holder.member.name,
        name_masked=views.masked_name(holder.member.name),
        card_masked=views.masked(holder.card.last_four),
        organisation=holder.organisation.name,
        card_number=seen.text if seen.number is None else None,
        bearer=seen.number is not None,
        may_get_pin=seen.number is None and clerk.covers(holder.organisation.path),
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


def _sales(site: Site, setup: Setup, swiped: Swiped) -> list[schemas.Event]:
    """The events of this desk that can be sold from now: what the web has left, and the desk's own share."""
    events = (site.board.event(event.id) for events, _ in swiped.ledgers for event in events)
    on_sale = (_with_share(site, event) for event in events if event is not None and setup.serves(event.id))
    return [event for event in on_sale if event.status == "open"]


def _with_share(site: Site, event: schemas.Event) -> schemas.Event:
    """The event as the desk may sell it: sold out on the web, it may still have what is kept for the desk."""
    state = site.board.state_of(event.id)
    if state is None or event.status not in ("open", "sold_out"):
        return event
    left = {quota_id(event.id, number): c.available_at_desk for number, c in state.counts.items()}
    quotas = [structs.replace(quota, available=left.get(quota.id, 0)) for quota in event.quotas]
    status: schemas.Status = "open" if any(quota.available for quota in quotas) else event.status
    return structs.replace(event, status=status, quotas=quotas)


def _sale_methods(sales: Sequence[schemas.Event]) -> list[str]:
    """How these can be paid: priced tickets by card or cash, free ones not at all."""
    prices = [quota.price for event in sales for quota in event.quotas if quota.available]
    priced = ["card", "cash"] if any(prices) else []
    return priced + (["free"] if not all(prices) else [])


def done(site: Site, clerk: Claims, pickup_ids: Sequence[str]) -> list[Done]:
    """The clerk's own hand-overs of these ids, those that were taken back too."""
    with reading(site.services.sessions) as session:
        records = [orders.pickup(session, pickup_id) for pickup_id in pickup_ids[:PICKUPS_SHOWN_MAX]]
        return [
            _done(site, session, record)
            for record in records
            if record is not None and record.staff_id == clerk.id
        ]


def _done(site: Site, session: Session, record: PickupRecord) -> Done:
    event_id = event_of(record.order_id)
    event, order = site.board.event(event_id), orders.get(session, record.order_id)
    holder = members.holder(session, order.member_id) if order else None
    undone = record.undone_at is not None
    amount = record.given_back_amount if undone else record.payment_amount
    return Done(
        id=record.id,
        codes=record.ticket_codes,
        who=views.masked_name(holder.member.name) if holder else "",
        title=event.title if event else "",
        amount=amount or 0,
        method=record.given_back_method if undone else record.payment_method,
        currency=site.board.currency_of(event_id),
        undo_until=record.at + UNDO_MS,
        is_sale=record.is_sale,
        undone=undone,
    )
