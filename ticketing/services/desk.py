"""The desk: whose tickets these are, handing them out once, taking a mistake back, selling on the spot.

A clerk's key makes hand-over and sale repeatable: the first one under a key is a row, and the row answers
the key from then on. Clerks work for the events of their organisation and all below it.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue.model import FREE
from ticketing.catalogue.tables import DRAFT, Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, Hold, HoldRequest
from ticketing.keyring import Keyring
from ticketing.members.repository import Holder
from ticketing.orders import repository as orders
from ticketing.orders import till
from ticketing.orders.model import OrderRecord, PickupRecord, TicketRecord
from ticketing.orders.tables import COLLECTED, CONFIRMED, DESK, DUE, NOT_NEEDED, PAID, VOID
from ticketing.services import event_access, trail, webhook_outbox
from ticketing.services.desk_undo import take_back
from ticketing.services.orders import OrderService, chosen_tickets
from ticketing.services.seals import Seal
from ticketing.services.swipes import Swiped, Swipes, collecting, handed_out, number_in, refuse_blocked
from ticketing.services.tokens import Claims

DESK_ROLES = frozenset({"clerk", "manager", "admin"})


class HandOver(PickupRecord, frozen=True):
    """A hand-over as it stands; `replayed` when this key had been answered before."""

    replayed: bool = False


class Sale(Struct, frozen=True):
    """A sale as it was made, whatever became of it since; `replayed` when this key had been answered before."""

    order: OrderRecord
    pickup_id: str
    replayed: bool


class DeskService:
    """What clerks do."""

    def __init__(
        self,
        sessions: Sessions,
        keeper: Keeper,
        keyring: Keyring,
        clock: ServerClock,
        orders_: OrderService,
        seal: Seal,
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._keyring = keyring
        self._clock = clock
        self._orders = orders_
        self._seal = seal
        self._swipes = Swipes(keeper, keyring, clock)

    def swipe(
        self,
        clerk: Claims,
        card_number: str | None = None,
        code: str | None = None,
        number: str | None = None,
    ) -> Swiped:
        """Who holds this card, ticket (code or QR text) or order number: give exactly one of them.

        Raises `Refusal` NOT_FOUND, CARD_BLOCKED (also for a replaced card), FORBIDDEN, INVALID (also for
        a QR text that we did not sign), or UNAVAILABLE
        for a ticket or number that may be of an order on its way to SQL: swipe again.
        """
        require_clerk(clerk)
        if sum(value is not None for value in (card_number, code, number)) != 1:
            raise invalid(("card_number", "give one of three"))
        with reading(self._sessions) as session:
            if card_number is not None:
                return self._swipes.by_card(session, clerk, card_number)
            return self._swipes.by_order(session, clerk, number_in(self._seal, code, number))

    def events(self, clerk: Claims) -> list[Event]:
        """What this clerk's desk may serve: the events of their reach whose tickets may be collected now."""
        require_clerk(clerk)
        with reading(self._sessions) as session:
            return collecting(session, clerk, self._clock.now_ms())

    # Handing out

    def pick_up(
        self,
        clerk: Claims,
        key: str,
        order_id: str,
        codes: Sequence[str] | None,
        desk: str,
        payment_method: str | None = None,
    ) -> HandOver:
        """Hand out tickets of an order (all that are left without `codes`), all or none; the first answer again.

        What is due for the whole order is paid with the first hand-over. Raises `Refusal` NOT_FOUND,
        ALREADY_COLLECTED (with `collected_at`, `desk`, `clerk`), PAYMENT_REQUIRED (with `amount`), INVALID,
        IDEMPOTENCY_KEY_REUSED or FORBIDDEN.
        """
        require_clerk(clerk)
        request: dict[str, object] = {
            "order_id": order_id,
            "ticket_codes": sorted(codes) if codes is not None else None,
            "desk": desk,
            "payment": payment_method,
        }
        with self._sessions.begin() as session:
            order = self._orders.lock(session, order_id)
            if order is None:
                raise Refusal(Code.NOT_FOUND)
            event_access.readable(session, clerk, order.event_id)
            known = orders.pickup(session, pickup_id(clerk.id, key))
            if known is not None:
                return _hand_over(_first_answer(known, request), replayed=True)
            record = self._plan(clerk, key, order, codes, request)
            self._hand_out(session, clerk, order, record, "order.pick_up")
        return _hand_over(record, replayed=False)

    def _plan(
        self,
        clerk: Claims,
        key: str,
        order: OrderRecord,
        codes: Sequence[str] | None,
        request: dict[str, object],
    ) -> PickupRecord:
        method = request["payment"]
        due = order.amount_due
        if due and method is None:
            raise Refusal(Code.PAYMENT_REQUIRED, amount=due)
        return PickupRecord(
            id=pickup_id(clerk.id, key),
            order_id=order.id,
            ticket_codes=tuple(ticket.code for ticket in _to_hand_out(order, codes)),
            request=request,
            staff_id=clerk.id,
            desk=str(request["desk"]),
            payment_method=str(method) if due else None,
            payment_amount=due or None,
            at=self._clock.now_ms(),
        )

    def _hand_out(
        self, session: Session, clerk: Claims, order: OrderRecord, record: PickupRecord, action: str
    ) -> None:
        shift = till.joins(session, clerk.id, record.desk, order.currency)
        if not orders.add_pickup(session, record, shift):
            raise Refusal(Code.IDEMPOTENCY_KEY_REUSED)
        if not orders.collect_tickets(session, record):
            wanted = [ticket for ticket in order.tickets if ticket.code in record.ticket_codes]
            gone = handed_out(session, wanted, besides=record.id)
            assert gone is not None, "a ticket that is not issued was handed out or is void"
            raise gone.refusal
        webhook_outbox.collected(session, order, record, record.at)
        if record.payment_amount:
            orders.change_payment(session, order.id, DUE, PAID)
        detail = {"tickets": list(record.ticket_codes), "desk": record.desk, "paid": record.payment_amount}
        trail.record(session, record.at, clerk.actor, action, f"order:{order.id}", detail)

    def undo(self, clerk: Claims, pickup_id: str, reason: str) -> PickupRecord:
        """Take a hand-over or a sale back within 60 s, repeatable; the record says what money is handed back.

        Raises `Refusal` NOT_FOUND, NOT_CANCELLABLE (too late) or FORBIDDEN.
        """
        require_clerk(clerk)
        with self._sessions.begin() as session:
            record = orders.pickup(session, pickup_id)
            order = orders.get(session, record.order_id, lock=True) if record else None
            if record is None or order is None:
                raise Refusal(Code.NOT_FOUND)
            event_access.readable(session, clerk, order.event_id)
            if record.undone_at is None:
                take_back(session, clerk, order, record, reason, self._clock.now_ms())
            undone = orders.pickup(session, pickup_id)
        assert undone is not None
        if undone.is_sale:
            self._orders.give_back(undone.order_id)
        return undone

    # Selling

    def sell(
        self,
        clerk: Claims,
        key: str,
        card_number: str,
        event_id: str,
        items: Sequence[tuple[str, int]],
        method: str,
        desk: str,
    ) -> Sale:
        """Sell and hand out at once, from the same stock and under the same limits; the first answer again.

        `items` are (quota id, quantity). A known `key` is answered also for a card blocked or replaced since.
        Raises `Refusal` with every code of a hold and a confirm, PAYMENT_REQUIRED (with `amount`) when `free`
        is not enough, CARD_BLOCKED, NOT_FOUND or IDEMPOTENCY_KEY_REUSED; repeating a sale that died half-way,
        HOLD_RELEASED when the member cancelled tickets of it since, ALREADY_COLLECTED when they have them.
        """
        require_clerk(clerk)
        wanted = sorted((quota, quantity) for quota, quantity in items)
        request: dict[str, object] = {
            "event_id": event_id,
            "items": [list(item) for item in wanted],
            "payment": method,
            "desk": desk,
        }
        with reading(self._sessions) as session:
            event = event_access.readable(session, clerk, event_id)
            amount = _amount_of(event, wanted)
            holder = self._swipes.holder(session, card_number)
            request["member"] = holder.member.id
            known = orders.pickup(session, pickup_id(clerk.id, key))
            if known is not None:
                return _sold_before(session, known, request)
        refuse_blocked(holder)
        if event.group.archived_at is not None:
            raise Refusal(Code.SALE_CLOSED)
        if amount and method == FREE:
            raise Refusal(Code.PAYMENT_REQUIRED, amount=amount)
        hold = self._sold(clerk, key, holder, event, wanted, method)
        return self._hand_out_sale(clerk, key, hold, request)

    def _sold(
        self,
        clerk: Claims,
        key: str,
        holder: Holder,
        event: Event,
        items: Sequence[tuple[str, int]],
        method: str,
    ) -> Hold:
        member = holder.member.id
        numbers = {quota.id: quota.number for quota in event.quotas}
        wish = HoldRequest(
            id=self._keyring.desk_hold_id(event.id, member, clerk.id, key),
            event_id=event.id,
            member=member,
            organisations=holder.organisation.path,
            items=tuple((numbers[quota], quantity) for quota, quantity in items),
            channel=DESK,
        )
        held = _decided(self._keeper.hold(event.group_id, wish), event.id).hold
        number = self._keyring.order_number(held.id)
        return _decided(self._keeper.confirm(event.group_id, held.id, member, method, number), event.id).hold

    def _hand_out_sale(self, clerk: Claims, key: str, hold: Hold, request: dict[str, object]) -> Sale:
        with self._sessions.begin() as session:
            order = self._orders.lock(session, hold.id)
            assert order is not None, f"{hold.id} was just confirmed"
            known = orders.pickup(session, pickup_id(clerk.id, key))
            if known is not None:
                return _sold_before(session, known, request)
            if any(ticket.status == VOID for ticket in order.tickets):
                raise Refusal(
                    Code.HOLD_RELEASED
                )  # it died before this, and the member cancelled; the rest waits
            counted = till.paid_with(session, order.id) is not None  # finished by another way, then put back
            record = PickupRecord(
                id=pickup_id(clerk.id, key),
                order_id=order.id,
                ticket_codes=tuple(ticket.code for ticket in order.tickets),
                request=request,
                staff_id=clerk.id,
                desk=str(request["desk"]),
                payment_method=order.payment_method if order.amount and not counted else None,
                payment_amount=order.amount if order.amount and not counted else None,
                at=self._clock.now_ms(),
            )
            self._hand_out(session, clerk, order, record, "order.sell")
        return Sale(_as_sold(order, record), record.id, replayed=False)


def require_clerk(clerk: Claims) -> None:
    """Refuse whoever does not work at a desk (`forbidden`)."""
    event_access.require_staff(clerk)
    if clerk.role not in DESK_ROLES:
        raise Refusal(Code.FORBIDDEN)


def pickup_id(staff_id: int, key: str) -> str:
    """The id of what a clerk does under a key, wherever it is done."""
    return identifiers.act_id("p", staff_id, key)


def _first_answer(known: PickupRecord, request: dict[str, object]) -> PickupRecord:
    if known.request != request:
        raise Refusal(Code.IDEMPOTENCY_KEY_REUSED)
    return known


def _hand_over(record: PickupRecord, *, replayed: bool) -> HandOver:
    return HandOver(**structs.asdict(record), replayed=replayed)


def _sold_before(session: Session, known: PickupRecord, request: dict[str, object]) -> Sale:
    record = _first_answer(known, request)
    order = orders.get(session, record.order_id)
    assert order is not None, f"{record.id} was made of it"
    return Sale(_as_sold(order, record), record.id, replayed=True)


def _as_sold(order: OrderRecord, record: PickupRecord) -> OrderRecord:
    """The order as its sale left it: undone or cancelled since, the first answer is still the same."""
    return structs.replace(
        order,
        status=CONFIRMED,
        payment_status=PAID if order.amount else NOT_NEEDED,
        tickets=tuple(
            structs.replace(ticket, status=COLLECTED, collected_at=record.at) for ticket in order.tickets
        ),
    )


def _to_hand_out(order: OrderRecord, codes: Sequence[str] | None) -> list[TicketRecord]:
    wanted = chosen_tickets(order, codes)
    standing = [ticket for ticket in wanted if ticket.status != VOID]
    if not standing or (codes is not None and len(standing) < len(wanted)):
        raise invalid(("ticket_codes", "was cancelled"))
    return list(order.to_collect) or standing if codes is None else standing


def _amount_of(event: Event, items: Sequence[tuple[str, int]]) -> int:
    """What the items cost. Raises `Refusal` NOT_FOUND for a draft or another event's quota."""
    prices = {quota.id: quota.price for quota in event.quotas}
    if event.state == DRAFT or any(quota not in prices for quota, _ in items):
        raise Refusal(Code.NOT_FOUND)
    return sum(prices[quota] * quantity for quota, quantity in items)


def _decided(answer: Decided | Refusal, event_id: str) -> Decided:
    if isinstance(answer, Refusal):
        facts: dict[str, Any] = dict(answer.facts)
        if "quota" in facts:
            facts["quota_id"] = identifiers.quota_id(event_id, facts.pop("quota"))
        raise Refusal(answer.code, **facts)
    return answer
