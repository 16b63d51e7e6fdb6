"""A member's orders, wherever they are: in SQL, or still only in Redis on their way there.

SQL is asked after Redis, so that an order drained in between is seen in one of the two.
"""

import re
from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import log as catalogue_log
from ticketing.catalogue import repository as catalogue
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, StoreUnavailable, invalid
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, Hold, HoldStatus, Ledger
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord, OrderRecord, Poison, TicketRecord
from ticketing.orders.tables import CANCELLED, CONFIRMED, DUE, ISSUED, NOT_NEEDED, PAID, REFUND_DUE, VOID
from ticketing.orders.voiding import voided_of
from ticketing.services import trail, webhook_outbox
from ticketing.services.returns import ReturnService

PAGE_MAX = 100
"""Orders on one page, at most."""

PAY_AT_DESK = "desk"
"""The payment method that leaves the amount due until a clerk hands the tickets out."""

CANCELLED_BY_MEMBER = "cancelled by the member"
_log = structlog.get_logger(__name__)
_CURSOR = re.compile(r"([0-9]{1,15})\.([0-9A-Z]{12})")


def order_from_hold(hold: Hold, currency: str) -> OrderRecord:
    """The order that a confirmed hold is; tickets cancelled since are void. Raises `Poison` for any other."""
    if hold.status is not HoldStatus.CONFIRMED or hold.confirmed_at is None or hold.position is None:
        raise Poison(f"hold {hold.id} was never confirmed")
    if not (hold.number and hold.payment_method and hold.items and _is_well_formed(hold)):
        raise Poison(f"hold {hold.id} lacks its number, payment or items")
    tickets, amount, returned = _tickets(hold, hold.number), hold.amount, hold.returned_places
    return OrderRecord(
        id=hold.id,
        number=hold.number,
        event_id=hold.event_id,
        member_id=hold.member,
        position=hold.position,
        channel=hold.channel,
        status=CANCELLED if returned and all(ticket.status == VOID for ticket in tickets) else CONFIRMED,
        amount=amount,
        currency=currency,
        payment_method=hold.payment_method,
        payment_status=_payment_status(hold.payment_method, amount),
        created_at=hold.created_at,
        hold_expires_at=hold.expires_at,
        confirmed_at=hold.confirmed_at,
        recorded_at=None,
        tickets=tickets,
    )


def _is_well_formed(hold: Hold) -> bool:
    """Whether numbers are numbers and texts are texts: the log's bytes are read without asking for types."""
    texts = (hold.id, hold.channel, hold.number, hold.payment_method)
    times = (hold.member, hold.position, hold.created_at, hold.expires_at, hold.confirmed_at)
    if not (_are(str, texts) and _are(int, times)):
        return False
    tickets = 0
    for item in hold.items:
        if not _are(int, (item.quota, item.quantity, item.price)):
            return False
        tickets += item.quantity
    return 0 < tickets <= TICKETS_PER_HOLD_MAX


def _are(kind: type, values: tuple[object, ...]) -> bool:
    return set(map(type, values)) == {kind}


def _tickets(hold: Hold, number: str) -> tuple[TicketRecord, ...]:
    tickets: list[TicketRecord] = []
    place, returned = 0, hold.returned_places
    for item in hold.items:
        quota = identifiers.quota_id(hold.event_id, item.quota)
        for _ in range(item.quantity):
            place += 1
            status = VOID if returned >> place - 1 & 1 else ISSUED
            code = identifiers.ticket_code(number, place)
            tickets.append(TicketRecord(code, quota, place, item.price, status))
    return tuple(tickets)


def _payment_status(method: str, amount: int) -> str:
    if amount == 0:
        return NOT_NEEDED
    return DUE if method == PAY_AT_DESK else PAID


class OrderService:
    """Reads, cancels and, where somebody is quicker than the drain, records orders."""

    def __init__(
        self, sessions: Sessions, keeper: Keeper, clock: ServerClock, returns: ReturnService
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock
        self._returns = returns

    def page(
        self, member: int, cursor: str | None = None, limit: int = 20
    ) -> tuple[list[OrderRecord], str | None]:
        """At most `limit` (100 at most) orders of a member, newest first, and the cursor of the next page.

        While Redis is away, orders that SQL does not have yet are missing. Raises `Refusal` INVALID for a
        cursor that is none of ours.
        """
        limit = max(1, min(limit, PAGE_MAX))
        before = None if cursor is None else _place(cursor)
        with reading(self._sessions) as session:
            found = self.undrained(session, member)
            found += orders.for_member(session, member, limit + 1, before)
        newest = sorted({order.id: order for order in found}.values(), key=_newest_first, reverse=True)
        rest = [order for order in newest if before is None or _newest_first(order) < before]
        page = rest[:limit]
        return page, _cursor(page[-1]) if len(rest) > limit else None

    def get(self, member: int, order_id: str) -> OrderRecord:
        """A member's order as it is now, also before SQL has it. Raises `Refusal` NOT_FOUND."""
        with reading(self._sessions) as session:
            order = self.find(session, order_id)
        if order is None or order.member_id != member:
            raise Refusal(Code.NOT_FOUND)
        return order

    def cancel(self, member: int, order_id: str, codes: Sequence[str] | None = None) -> OrderRecord:
        """Cancel tickets of an order (all that are left without `codes`), repeatable; the order after it.

        SQL commits first, then the tickets go back on sale. Raises `Refusal` NOT_FOUND, NOT_CANCELLABLE
        (too late, or handed out) or INVALID (a code of another order).
        """
        with self._sessions.begin() as session:
            order = self.lock(session, order_id)
            if order is None or order.member_id != member:
                raise Refusal(Code.NOT_FOUND)
            tickets = chosen_tickets(order, codes)
            if any(ticket.status != VOID for ticket in tickets):
                self._void(session, order, tickets)
        self.give_back(order_id)
        return self.get(member, order_id)

    def give_back(self, order_id: str) -> None:
        """Give an order's void tickets back to Redis at once; when it does not answer, the worker does later."""
        try:
            self._returns.give_back(order_id)
        except StoreUnavailable:
            return  # the return is in SQL

    def find(self, session: Session, order_id: str) -> OrderRecord | None:
        """Anybody's order: from SQL, or from Redis while SQL does not have it."""
        return orders.get(session, order_id) or self._in_redis(session, order_id)

    def lock(self, session: Session, order_id: str) -> OrderRecord | None:
        """An order, recorded if it was not, that nobody else changes until the transaction ends."""
        return orders.get(session, order_id, lock=True) if self.ensure_recorded(session, order_id) else None

    def ensure_recorded(self, session: Session, order_id: str) -> bool:
        """Record a confirmed order that only Redis has; whether SQL has it now."""
        if orders.recorded(session, [order_id]):
            return True
        order = self._in_redis(session, order_id)
        if order is None:
            return False
        now = self._clock.now_ms()
        orders.record_orders(session, [order], now)
        webhook_outbox.confirmed(session, [order], now)
        return True

    def undrained(self, session: Session, member: int) -> list[OrderRecord]:
        """A member's orders that SQL does not have yet; none while Redis is away."""
        cursors = orders.cursors(session)
        try:
            ledgers = self._keeper.ledgers([at.group_id for at in cursors], member)
        except StoreUnavailable:
            return []
        return missing_in_sql(session, cursors, ledgers)

    def _in_redis(self, session: Session, order_id: str) -> OrderRecord | None:
        event_id = identifiers.event_of(order_id)
        group_id = catalogue_log.group_of(session, event_id)
        in_redis = group_id is not None and orders.cursor(session, group_id) is not None  # else archived
        hold = self._keeper.look_up(group_id, order_id) if group_id and in_redis else None
        if hold is None or hold.status is not HoldStatus.CONFIRMED:
            return None
        return _unless_poison(hold, catalogue_log.currencies(session, [event_id]))

    def _void(self, session: Session, order: OrderRecord, tickets: Sequence[TicketRecord]) -> None:
        now = self._clock.now_ms()
        event = catalogue.get(session, order.event_id)
        until = event.cancellable_until if event else None
        issued = [ticket for ticket in tickets if ticket.status == ISSUED]
        handed_out = len(issued) < sum(ticket.status != VOID for ticket in tickets)
        if until is None or now >= until or handed_out:
            raise Refusal(Code.NOT_CANCELLABLE)
        codes = [ticket.code for ticket in issued]
        orders.void_tickets(session, order, codes, CANCELLED_BY_MEMBER, now)
        settle_payment(session, order, issued)
        webhook_outbox.cancelled(session, order.event_id, [voided_of(order, codes)], now)
        detail = {"tickets": codes, "reason": CANCELLED_BY_MEMBER}
        trail.record(session, now, f"member:{order.member_id}", "order.cancel", f"order:{order.id}", detail)


def missing_in_sql(
    session: Session, cursors: Sequence[CursorRecord], ledgers: Mapping[str, tuple[int, Ledger]]
) -> list[OrderRecord]:
    """The orders of a member's ledgers that SQL does not have; the cursors must have been read before the ledgers."""
    holds = [
        hold
        for at in cursors
        for hold in _confirmed_above(at.position, *ledgers.get(at.group_id, (0, Ledger())))
    ]
    if not holds:
        return []
    recorded = orders.recorded(session, [hold.id for hold in holds])
    missing = [hold for hold in holds if hold.id not in recorded]
    currencies = catalogue_log.currencies(session, {hold.event_id for hold in missing})
    readable = (_unless_poison(hold, currencies) for hold in missing)
    return [order for order in readable if order is not None]


def _confirmed_above(cursor: int, last: int, ledger: Ledger) -> list[Hold]:
    if last <= cursor:
        return []  # SQL had it all
    return [hold for hold in ledger.holds if hold.status is HoldStatus.CONFIRMED]


def chosen_tickets(order: OrderRecord, codes: Sequence[str] | None) -> list[TicketRecord]:
    """The tickets of these codes, or all without codes. Raises `Refusal` INVALID for a code of another order."""
    if codes is None:
        return list(order.tickets)
    by_code = {ticket.code: ticket for ticket in order.tickets}
    wanted = dict.fromkeys(codes)
    if not wanted or not wanted.keys() <= by_code.keys():
        raise invalid(("ticket_codes", "not tickets of this order"))
    return [by_code[code] for code in wanted]


def settle_payment(session: Session, order: OrderRecord, voided: Sequence[TicketRecord]) -> None:
    """What voiding tickets does to the payment: what was paid is to be refunded, what was due may be nothing."""
    if not sum(ticket.price for ticket in voided):
        return
    orders.change_payment(session, order.id, PAID, REFUND_DUE)
    if order.amount_due == sum(ticket.price for ticket in voided):
        orders.change_payment(session, order.id, DUE, NOT_NEEDED)


def _unless_poison(hold: Hold, currencies: Mapping[str, str]) -> OrderRecord | None:
    """The order of a hold, or None for one that can never be recorded: it must not hide the member's others."""
    try:
        return order_from_hold(hold, currencies[hold.event_id])
    except (Poison, KeyError) as error:
        _log.error("order_unreadable", order=hold.id, reason=repr(error))
        return None


def _newest_first(order: OrderRecord) -> tuple[int, str]:
    return order.confirmed_at, order.number


def _cursor(order: OrderRecord) -> str:
    return f"{order.confirmed_at}.{order.number}"


def _place(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise invalid(("cursor", "not a cursor of ours"))
    return int(match[1]), match[2]
