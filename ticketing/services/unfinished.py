"""Sales at the desk that were never finished: Redis had sold, and the desk died before SQL had the hand-over.

The clerk may have taken the money, or not; the customer may have the tickets, or not. SQL has a paid order that no till
counts, so whoever sold it, or a manager, says what happened, once: the sale is finished, which counts its money and
hands out what still waits, or it is undone. Who sold is in the order's id.

The money lies in the drawer of the seller as it was then. So it is counted in the seller's shift when that is open
since, else outside any shift: there it explains the difference that the drawer was closed with.
"""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import Select
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import repository as catalogue
from ticketing.clock import ServerClock
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.orders import repository as orders
from ticketing.orders import till, unfinished
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.tables import DESK
from ticketing.services import event_access, trail, webhook_outbox
from ticketing.services.desk import require_clerk
from ticketing.services.desk_undo import UNDO_MS, take_back
from ticketing.services.orders import OrderService
from ticketing.services.swipes import handed_out
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff

GRACE_MS = UNDO_MS
"""How long a sale may be under way, or its clerk about to repeat it, before it is called unfinished."""


class UnfinishedSale(Struct, frozen=True):
    """A sale that no till counts. `seller` is None (and `clerk` empty) for one of before ids told who sold."""

    order: OrderRecord
    title: str
    seller: int | None
    clerk: str


def find(
    session: Session,
    keyring: Keyring,
    since: int,
    until: int,
    events: Select[str] | None = None,
    sellers: Collection[int] | None = None,
) -> tuple[UnfinishedSale, ...]:
    """The unfinished sales of a time, oldest first: of these events, or by these clerks."""
    found = unfinished.sales(session, since, until, events)
    if not found:
        return ()
    people = staff.ids(session) if sellers is None else sellers
    by = {order.id: keyring.sold_by(order.id, people) for order in found}
    titles = catalogue.titles(session, {order.event_id for order in found})
    names = staff.usernames(session, {one for one in by.values() if one is not None})
    return tuple(
        UnfinishedSale(order, titles[order.event_id], by[order.id], names.get(by[order.id] or 0, ""))
        for order in found
        if sellers is None or by[order.id] is not None
    )


class UnfinishedSales:
    """Settles them."""

    def __init__(
        self, sessions: Sessions, keyring: Keyring, clock: ServerClock, orders_: OrderService
    ) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock
        self._orders = orders_

    def finish(self, clerk: Claims, order_id: str, desk: str) -> PickupRecord:
        """The money was taken: count it, and hand out what still waits; repeatable.

        Raises `Refusal` NOT_FOUND for an order that is no unfinished sale, HOLD_RELEASED for one that was undone, or
        FORBIDDEN.
        """
        require_clerk(clerk)
        with self._sessions.begin() as session:
            order, seller = self._locked(session, clerk, order_id)
            known = _settled(session, order)
            if known is None:
                known = self._add(session, clerk, order, seller, desk, paid=True)
                self._hand_out(session, clerk, order, known, seller)
        if known.undone_at is not None:
            raise Refusal(Code.HOLD_RELEASED)
        return known

    def undo(self, clerk: Claims, order_id: str, desk: str, reason: str, *, paid: bool) -> PickupRecord:
        """The sale never was: its tickets are void, and what was `paid` is given back, if anything was; repeatable.

        Raises `Refusal` NOT_FOUND for an order that is no unfinished sale, ALREADY_COLLECTED when somebody has handed
        out tickets of it, NOT_CANCELLABLE when it was finished more than 60 s ago, or FORBIDDEN.
        """
        require_clerk(clerk)
        with self._sessions.begin() as session:
            order, seller = self._locked(session, clerk, order_id)
            record = _settled(session, order)
            if record is None:
                _refuse_collected(session, order)
                record = self._add(session, clerk, order, seller, desk, paid=paid)
            if record.undone_at is None:
                take_back(session, clerk, order, record, reason, self._clock.now_ms())
            undone = orders.pickup(session, record.id)
        assert undone is not None
        self._orders.give_back(order_id)
        return undone

    def _locked(self, session: Session, clerk: Claims, order_id: str) -> tuple[OrderRecord, int | None]:
        """A desk's order, and who sold it. Refuses whoever neither sold it nor manages its event."""
        order = self._orders.lock(session, order_id)
        if order is None or order.channel != DESK:
            raise Refusal(Code.NOT_FOUND)
        event_access.readable(session, clerk, order.event_id)
        seller = self._keyring.sold_by(order.id, staff.ids(session))
        if seller != clerk.id and clerk.role not in event_access.WRITERS:
            raise Refusal(Code.FORBIDDEN)
        return order, seller

    def _add(
        self,
        session: Session,
        clerk: Claims,
        order: OrderRecord,
        seller: int | None,
        desk: str,
        *,
        paid: bool,
    ) -> PickupRecord:
        """Write the hand-over that the sale lacks, counted where its money is; the seller's, when that is known."""
        shift = (
            till.joins_since(session, seller, desk, order.currency, order.confirmed_at) if seller else None
        )
        record = PickupRecord(
            id=_settled_id(order),
            order_id=order.id,
            ticket_codes=tuple(ticket.code for ticket in order.to_collect),
            request=_request(order, desk),
            staff_id=seller or clerk.id,
            desk=shift.desk if shift else desk,
            payment_method=order.payment_method if paid else None,
            payment_amount=order.amount if paid else None,
            at=self._clock.now_ms(),
        )
        added = orders.add_pickup(session, record, shift.id if shift else None)
        assert added, f"{order.id} is locked, and nobody had settled it"
        return record

    def _hand_out(
        self, session: Session, clerk: Claims, order: OrderRecord, record: PickupRecord, seller: int | None
    ) -> None:
        if record.ticket_codes:
            collected = orders.collect_tickets(session, record)
            assert collected, f"{order.id} is locked, and its tickets were issued"
            webhook_outbox.collected(session, order, record, record.at)
        detail = {
            "tickets": list(record.ticket_codes),
            "desk": record.desk,
            "paid": record.payment_amount,
            "sold_by": seller,
        }
        trail.record(session, record.at, clerk.actor, "order.finish_sale", f"order:{order.id}", detail)


def _settled_id(order: OrderRecord) -> str:
    """One for each order, and no clerk's: there is no account 0."""
    return identifiers.act_id("p", 0, order.id)


def _settled(session: Session, order: OrderRecord) -> PickupRecord | None:
    """What settled this sale. Raises `Refusal` NOT_FOUND for one that has nothing to settle."""
    known = orders.pickup(session, _settled_id(order))
    if known is None and not unfinished.is_unfinished(session, order):
        raise Refusal(Code.NOT_FOUND)
    return known


def _refuse_collected(session: Session, order: OrderRecord) -> None:
    gone = handed_out(session, order.tickets)
    if gone is not None:
        raise gone.refusal


def _request(order: OrderRecord, desk: str) -> dict[str, object]:
    """As the sale asked, so that an undo voids it; of what others have handed out in part, a hand-over of the rest."""
    asked: dict[str, object] = {"desk": desk, "payment": order.payment_method}
    if order.collected:
        return asked | {"order_id": order.id}
    items = [[quota, quantity] for quota, quantity, _ in order.items]
    return asked | {"event_id": order.event_id, "items": items, "member": order.member_id}
