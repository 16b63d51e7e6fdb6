"""What one member may still book of an event, worked out before the click."""

from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ticketing.api import schemas, views
from ticketing.api.event_cards import Card
from ticketing.api.pages import names
from ticketing.api.pages.site import Site
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, HoldStatus, Ledger
from ticketing.services.tokens import Claims

CHOICE_MAX = 10
"""The longest list of quantities a form offers where no limit makes it shorter."""


class Own(Struct, frozen=True):
    """What concerns one member of an event; `eligible` is whether their organisation may book it."""

    eligible: bool
    allowances: Sequence[schemas.Allowance]
    live_hold: str | None


class Standing(Struct, frozen=True):
    """What a page of an event knows of one member; who stands alike sees the same page, but for a live hold's."""

    event_id: str
    card: Card
    eligible: bool
    ledger: Ledger
    live_hold: str | None

    @property
    def likeness(self) -> tuple[Hashable, ...]:
        """All that the page is made of, but for a live hold."""
        uses = self.ledger.uses
        if not uses:
            return (self.card.stamp, self.eligible)
        # What they have of other events counts against the group's limit alone, so there its sum is enough.
        here = tuple([use for use in uses if use.event_id == self.event_id])
        return (
            self.card.stamp,
            self.eligible,
            here,
            sum(use.held for use in uses),
            sum(use.bought for use in uses),
        )

    @property
    def own(self) -> Own:
        """The same in the words of the contract."""
        return Own(self.eligible, views.allowances([self.card.event], self.ledger), self.live_hold)


class Choice(Struct, frozen=True):
    """What a form offers of one quota: quantities up to `most`, `chosen` at first."""

    most: int
    chosen: int


class Allowance(Struct, frozen=True):
    """The tightest limit over a whole event: `left` of `limit`, and both in a sentence."""

    left: int
    limit: int
    text: str


class Plan(Struct, frozen=True):
    """The booking form of an event for whoever looks at it."""

    choices: Mapping[str, Choice]
    can_book: bool
    any_choice: bool
    eligible: bool
    live_hold: str | None


STRANGER = Own(eligible=True, allowances=(), live_hold=None)
"""Somebody who has not signed in."""


async def own(site: Site, event: schemas.Event, member: Claims | None) -> Own:
    """What concerns `member`, from one read of their ledger."""
    card = site.board.card(event.id)
    if member is None or card is None:
        return STRANGER
    return (await standing(site, card, event, member)).own


async def standing(site: Site, card: Card, event: schemas.Event, member: Claims) -> Standing:
    """The same, as far as it must be known to find a page that was kept."""
    ledger = await site.services.inventory.ledger(card.group_id, member.id)
    wanted = event.eligible_organisations
    eligible = wanted is None or not set(wanted).isdisjoint(site.gate.organisations(member).split("."))
    return Standing(event.id, card, eligible, ledger, _live_hold(ledger, event.id, site.now_ms()))


def _live_hold(ledger: Ledger, event_id: str, now_ms: int) -> str | None:
    if not ledger.holds:
        return None
    live = (hold for hold in ledger.holds if hold.status is HoldStatus.HELD and hold.expires_at > now_ms)
    return next((hold.id for hold in live if hold.event_id == event_id), None)


def plan(event: schemas.Event, mine: Own, chosen: Mapping[str, int]) -> Plan:
    """The booking form: nothing is offered that the limits or the stock would refuse."""
    choices = {}
    for quota in event.quotas:
        most = min(CHOICE_MAX, quota.available, _left(mine.allowances, quota.id))
        usual = 1 if len(event.quotas) == 1 else 0
        choices[quota.id] = Choice(most, min(most, chosen.get(quota.id, usual)))
    can_book = event.status == "open" and mine is not STRANGER and mine.eligible
    any_choice = any(choice.most for choice in choices.values())
    return Plan(choices, can_book, any_choice, mine.eligible, mine.live_hold)


def _left(allowances: Sequence[schemas.Allowance], quota_id: str) -> int:
    applying = [a for a in allowances if a.scope != "quota" or a.quota_id == quota_id]
    return max(0, min((a.limit - a.held - a.bought for a in applying), default=TICKETS_PER_HOLD_MAX))


def allowance(
    site: Site, request: Request, mine: Own, sentences: Mapping[str, str] = names.ALLOWANCES
) -> Allowance | None:
    """The tightest limit over the whole event; None where there is none."""
    wide = [allowance for allowance in mine.allowances if allowance.scope != "quota"]
    if not wide:
        return None
    tightest = min(wide, key=lambda a: a.limit - a.held - a.bought)
    used = tightest.held + tightest.bought
    left = max(0, tightest.limit - used)
    text = site.renderer.say(request, sentences[tightest.scope], limit=tightest.limit, used=used, left=left)
    return Allowance(left, tightest.limit, text)


async def order(site: Site, member: Claims, order_id: str, *, signed: bool = False) -> schemas.Order:
    """A member's own order; `signed` is what QR codes are drawn from.

    While SQL is away it is shown as it was confirmed, from Redis' record.
    """
    seal = site.services.seal if signed else None
    try:
        return views.order_view(await run_in_threadpool(site.services.orders.get, member.id, order_id), seal)
    except (DBAPIError, PoolTimeout):
        hold = await site.holds.look_up(member, order_id)
        if hold.status is not HoldStatus.CONFIRMED:
            raise
        return views.order_as_confirmed(hold, site.board.currency_of(hold.event_id), seal)


def methods(event: schemas.Event | None, hold: schemas.Hold) -> list[str]:
    """The payment methods that can confirm this hold."""
    known = [method for method in event.payment_methods if method in names.CONFIRM_BUTTONS] if event else []
    if not hold.amount:
        return ["free"]
    return [method for method in known if method != "free"] or ["desk"]
