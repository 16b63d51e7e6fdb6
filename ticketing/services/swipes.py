"""What a swipe shows: who stands at the desk, which tickets wait for them, and what they may still buy."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import Event
from ticketing.clock import DAY_MS, ServerClock
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Ledger
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.members.numbers import read_card_number
from ticketing.members.repository import Holder
from ticketing.members.tables import ACTIVE
from ticketing.orders import lapsed, unfinished
from ticketing.orders import repository as orders
from ticketing.orders.lapsed import Lapsed
from ticketing.orders.model import CursorRecord, OrderRecord, TicketRecord
from ticketing.services import event_access
from ticketing.services.orders import missing_in_sql
from ticketing.services.seals import Seal
from ticketing.services.tokens import Claims
from ticketing.services.uncollected import NOT_COLLECTED
from ticketing.staff import repository as staff

ORDERS_MAX = 100
"""Orders that one swipe shows, at most; the oldest first."""

LAPSED_DAYS = 30
"""How long a swipe tells of tickets that went back."""


class HandedOut(Struct, frozen=True):
    """Who handed tickets out, when and where."""

    collected_at: int
    desk: str
    clerk: str
    pickup_id: str

    @property
    def refusal(self) -> Refusal:
        """What whoever would hand them out again is told."""
        facts = {"collected_at": self.collected_at, "desk": self.desk, "clerk": self.clerk}
        return Refusal(Code.ALREADY_COLLECTED, **facts)


class Swiped(Struct, frozen=True):
    """Who stands at the desk, what waits for them, and what they have used of the events now on sale.

    `handed_out` says what became of the ticket or order that was swiped when nothing of it is left; `elsewhere`
    that tickets wait for events out of the clerk's reach, and not which. `lapsed` is what went back lately because
    nobody had collected it in time. Of the orders, `unfinished` are sales of a desk whose money no till counts.
    """

    holder: Holder
    orders: tuple[OrderRecord, ...]
    ledgers: tuple[tuple[tuple[Event, ...], Ledger], ...]
    handed_out: HandedOut | None = None
    elsewhere: bool = False
    lapsed: tuple[Lapsed, ...] = ()
    unfinished: tuple[str, ...] = ()


class Swipes:
    """Reads cards, tickets and orders for a clerk, in the session of a caller."""

    def __init__(self, keeper: Keeper, keyring: Keyring, clock: ServerClock) -> None:
        self._keeper = keeper
        self._keyring = keyring
        self._clock = clock

    def by_card(self, session: Session, clerk: Claims, card_number: str) -> Swiped:
        """Whose card this is. Raises `Refusal` NOT_FOUND, or CARD_BLOCKED (also for a replaced card)."""
        holder = self.holder(session, card_number)
        refuse_blocked(holder)
        return self._swiped(session, clerk, holder)

    def by_order(self, session: Session, clerk: Claims, number: str | None) -> Swiped:
        """Whose order this is. Raises `Refusal` NOT_FOUND, also for an event out of the clerk's reach.

        UNAVAILABLE while orders are on their way to SQL: Redis does not know numbers, so it may be one of them.
        """
        if number is None:
            raise Refusal(Code.NOT_FOUND)
        cursors = orders.cursors(session)  # first: an order drained since is found, or its cursor is behind
        order = orders.by_number(session, number)
        if order is None:
            raise Refusal(Code.UNAVAILABLE if on_their_way(self._keeper, cursors) else Code.NOT_FOUND)
        holder = members.holder(session, order.member_id)
        if holder is None:
            raise Refusal(Code.NOT_FOUND)
        event_access.readable(session, clerk, order.event_id)
        gone = None if order.to_collect else handed_out(session, order.tickets)
        return self._swiped(session, clerk, holder, gone)

    def holder(self, session: Session, card_number: str) -> Holder:
        """The member with this card, as typed, blocked and replaced ones too. Raises `Refusal` NOT_FOUND."""
        digits = read_card_number(card_number)
        holder = members.holder_by_card(session, self._keyring.card_digest(digits)) if digits else None
        if holder is None:
            raise Refusal(Code.NOT_FOUND)
        return holder

    def _swiped(
        self, session: Session, clerk: Claims, holder: Holder, gone: HandedOut | None = None
    ) -> Swiped:
        mine = event_access.organisations_below(clerk)
        on_sale = catalogue.on_sale(session, self._clock.now_ms(), mine)
        cursors = orders.cursors(session)
        groups = {event.group_id for event in on_sale} | {at.group_id for at in cursors}
        ledgers = self._ledgers(groups, holder)
        undrained = missing_in_sql(session, cursors, ledgers)
        recorded = orders.to_collect(session, holder.member.id, ORDERS_MAX)
        waiting = {order.id: order for order in (*undrained, *recorded) if order.to_collect}
        since = self._clock.now_ms() - LAPSED_DAYS * DAY_MS
        gone_back = lapsed.of_member(session, holder.member.id, NOT_COLLECTED, since)
        concerned = {order.event_id for order in waiting.values()} | {one.event_id for one in gone_back}
        served = {event.id for event in on_sale}
        served |= catalogue.those_of(session, concerned - served, mine)
        shown = [order for order in waiting.values() if order.event_id in served]
        shown.sort(key=lambda order: order.confirmed_at)
        return Swiped(
            holder,
            tuple(shown),
            _uses(on_sale, ledgers),
            gone,
            elsewhere=len(shown) < len(waiting),
            lapsed=tuple(one for one in gone_back if one.event_id in served),
            unfinished=tuple(order.id for order in shown if unfinished.is_unfinished(session, order)),
        )

    def _ledgers(self, group_ids: Collection[str], holder: Holder) -> dict[str, tuple[int, Ledger]]:
        try:
            return self._keeper.ledgers(group_ids, holder.member.id)
        except StoreUnavailable:
            return {}  # tickets that SQL has can be handed out without Redis


def _uses(
    on_sale: Sequence[Event], ledgers: Mapping[str, tuple[int, Ledger]]
) -> tuple[tuple[tuple[Event, ...], Ledger], ...]:
    by_group: dict[str, list[Event]] = {}
    for event in on_sale:
        by_group.setdefault(event.group_id, []).append(event)
    return tuple((tuple(events), ledgers[group][1]) for group, events in by_group.items() if group in ledgers)


def collecting(session: Session, clerk: Claims, now: int) -> list[Event]:
    """The events of the clerk's reach whose tickets may be collected now, soonest first."""
    events = catalogue.collectable(session, now, event_access.organisations_below(clerk))
    return sorted(events, key=lambda event: (event.starts_at, event.id))


def on_their_way(keeper: Keeper, cursors: Sequence[CursorRecord]) -> bool:
    """Whether Redis may have decided something that SQL did not have at these cursors."""
    try:
        return any((keeper.last_position(at.group_id) or 0) > at.position for at in cursors)
    except StoreUnavailable:
        return True


def refuse_blocked(holder: Holder) -> None:
    """Raise `Refusal` CARD_BLOCKED for a card that is blocked or was replaced."""
    if holder.card.status != ACTIVE:
        raise Refusal(Code.CARD_BLOCKED)


def handed_out(session: Session, tickets: Sequence[TicketRecord], besides: str = "") -> HandedOut | None:
    """Who handed out these tickets last, in another hand-over than `besides`."""
    pickup = orders.standing_pickup_of(session, [ticket.code for ticket in tickets], besides)
    if pickup is None:
        return None
    clerk = staff.account_by_id(session, pickup.staff_id)
    return HandedOut(pickup.at, pickup.desk, clerk.username if clerk else "", pickup.id)


def number_in(seal: Seal, code: str | None, number: str | None) -> str | None:
    """The order's number in a ticket's code or QR text, or in what was typed as an order's number.

    Raises `Refusal` INVALID for a QR text that we did not sign.
    """
    return number_of(ticket_in(seal, code) if code else None, number)


def ticket_in(seal: Seal, text: str) -> str | None:
    """The ticket's code in what was swiped or typed. Raises `Refusal` INVALID for a QR text that we did not sign."""
    sealed = seal.read(text)
    return sealed.code if sealed else identifiers.read_ticket_code(text)


def number_of(ticket: str | None, typed: str | None) -> str | None:
    """The number of the order that a ticket is of, else the one that was typed."""
    if ticket:
        return ticket.partition("-")[0]
    return identifiers.read_order_number(typed) if typed else None
