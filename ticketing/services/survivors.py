"""What Redis still knows of a group that is being made anew, taken into SQL before anything is replaced.

Only what this instance's keys have made is believed: another server's holds are named and left out.
"""

from collections.abc import Iterator, Sequence

from msgspec import structs
from sqlalchemy.orm import Session

from ticketing.catalogue import log as catalogue_log
from ticketing.clock import ServerClock
from ticketing.database import Sessions, in_pieces, reading
from ticketing.inventory import protocol
from ticketing.inventory.model import Hold, HoldStatus
from ticketing.inventory.restore import Restore
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.members.repository import NewNotice
from ticketing.orders import books
from ticketing.orders import repository as orders
from ticketing.orders.model import POISONOUS, CursorRecord, OrderRecord, Poison, TicketRecord
from ticketing.orders.tables import COLLECTED, DESK, ISSUED, VOID
from ticketing.services import trail, webhook_outbox
from ticketing.services.orders import order_from_hold, settle_payment

HOLD_VOID = "hold_void"
"""The kind of notice that a member gets whose hold did not outlive a rebuild."""

CANCEL_BROUGHT_BACK = "cancelled before SQL went back"

_HOLD_VOID_TEXT = (
    "您的占票在系统恢复时已失效，票已放回，请重新选票。"
    "Your hold ended while the sale was being put right, and its tickets went back: please book again."
)
_PIECE = 2_000


class Survivors:
    """The holds of one group that Redis still has, sorted by what becomes of them."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock, at: CursorRecord) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock
        self._at = at
        self.confirmed: dict[str, Hold] = {}
        self.ended: dict[str, Hold] = {}
        """Released or expired, and live ones, which are void; their keys go on answering."""
        self.void: dict[str, Hold] = {}
        self.brought_back = 0
        self.problems: list[str] = []
        self.orphans: set[str] = set()
        """Events with orders of ours in Redis that SQL has as drafts, or not at all."""
        self._set_aside: set[str] = set()

    def read(self, restore: Restore, event_ids: Sequence[str]) -> None:
        """Everything Redis and the entries set aside still tell; changes nothing."""
        for hold_id, hold in restore.holds():
            if hold is None or not self._is_ours(hold):
                self.problems.append(f"{hold_id}: not made by this instance, or damaged; left out")
            elif hold.event_id in event_ids:
                self._sort(hold)
            elif hold.status is HoldStatus.CONFIRMED:
                self.orphans.add(hold.event_id)
        for hold in (*self._set_aside_holds(), *(entry.hold for entry in restore.log())):
            if hold is None or hold.id in self.confirmed or hold.event_id not in event_ids:
                continue
            if self._is_ours(hold):
                self._sort(hold)

    def bring_back(self) -> None:
        """Record what SQL lacks: orders, and cancels of orders. May be repeated."""
        with reading(self._sessions) as session:
            missing = self.confirmed.keys() - orders.recorded(session, list(self.confirmed))
            currencies = catalogue_log.currencies(
                session, {hold.event_id for hold in self.confirmed.values()}
            )
        holds = sorted((self.confirmed[id_] for id_ in missing), key=lambda hold: hold.position or 0)
        for piece in in_pieces(holds, _PIECE):
            self._record(piece, currencies)
        for piece in in_pieces([hold for hold in self.confirmed.values() if hold.returned_places], _PIECE):
            self._void_what_came_back(piece)

    def forget(self, order_id: str) -> None:
        """SQL has this order, whatever Redis thought of its hold."""
        self.ended.pop(order_id, None)
        self.void.pop(order_id, None)

    def void_at_desk(self) -> list[Hold]:
        """The void ones that a desk had in hand, so maybe some of its share."""
        return [hold for hold in self.void.values() if hold.channel == DESK]

    def tell_members(self, session: Session) -> int:
        """Tell those whose live holds are void, each once; how many were told."""
        wanted = [
            NewNotice(hold.member, hold.event_id, HOLD_VOID, _HOLD_VOID_TEXT, hold.created_at)
            for hold in self.void.values()
        ]
        return members.add_notices_once(session, wanted, self._clock.now_ms()) if wanted else 0

    def _is_ours(self, hold: Hold) -> bool:
        return self._keyring.owns_hold(hold.id, hold.member)

    def _sort(self, hold: Hold) -> None:
        if hold.status is HoldStatus.CONFIRMED:
            self.confirmed[hold.id] = hold
            self.forget(hold.id)
        elif hold.status is HoldStatus.HELD:
            self.ended[hold.id] = structs.replace(hold, status=HoldStatus.EXPIRED)
            self.void[hold.id] = hold
        else:
            self.ended[hold.id] = hold

    def _set_aside_holds(self) -> Iterator[Hold]:
        with reading(self._sessions) as session:
            kept = orders.set_aside_entries(session, self._at.group_id)
        in_redis = {hold.position for hold in self.confirmed.values()}
        for row in kept:
            entry = protocol.entry_from(row.position, row.entry)
            if entry.hold is not None:
                self._set_aside.add(entry.hold.id)
                yield entry.hold
            elif entry.kind == "damaged" and row.position not in in_redis:
                self.problems.append(f"log entry {row.position} cannot be read: its seat is on sale again")

    def _record(self, holds: Sequence[Hold], currencies: dict[str, str]) -> None:
        try:
            with self._sessions.begin() as session:
                records = [_order(hold, currencies) for hold in holds]
                now = self._clock.now_ms()
                recorded = orders.record_orders(session, records, now)
                webhook_outbox.confirmed(session, records, now)
                books.drop_set_aside(session, self._at.group_id, [order.position for order in records])
        except POISONOUS as error:
            if len(holds) == 1:
                self._put_aside(holds[0], error)
                return
            half = len(holds) // 2
            self._record(holds[:half], currencies)
            self._record(holds[half:], currencies)
        else:
            self.brought_back += recorded

    def _put_aside(self, hold: Hold, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.problems.append(f"{hold.id}: SQL does not take this order, its seat stays sold: {reason}")
        if hold.id in self._set_aside:
            return
        entry = protocol.encode(("order", hold.id, protocol.hold_row(hold)))
        with self._sessions.begin() as session:
            orders.set_aside(session, self._at, hold.position or 0, entry, reason, self._clock.now_ms())

    def _void_what_came_back(self, holds: Sequence[Hold]) -> None:
        with self._sessions.begin() as session:
            known = {order.id: order for order in orders.by_ids(session, [hold.id for hold in holds])}
            for hold in holds:
                if hold.id in known and _standing(known[hold.id], hold.returned_places):
                    order = orders.get(session, hold.id, lock=True)
                    assert order is not None, "orders are never deleted"
                    self._void(session, order, hold.returned_places)

    def _void(self, session: Session, order: OrderRecord, places: int) -> None:
        standing = _standing(order, places)
        issued = [ticket for ticket in standing if ticket.status == ISSUED]
        self.problems += [
            f"{ticket.code}: cancelled, and handed out since SQL went back"
            for ticket in standing
            if ticket.status == COLLECTED
        ]
        if not issued:
            return
        now, codes = self._clock.now_ms(), [ticket.code for ticket in issued]
        orders.void_tickets(session, order, codes, CANCEL_BROUGHT_BACK, now)
        settle_payment(session, order, issued)
        detail = {"tickets": codes, "reason": CANCEL_BROUGHT_BACK}
        trail.record(session, now, "system", "order.cancel", f"order:{order.id}", detail)


def _order(hold: Hold, currencies: dict[str, str]) -> OrderRecord:
    if hold.event_id not in currencies:
        raise Poison(f"order {hold.id} is of an event without quotas")
    return order_from_hold(hold, currencies[hold.event_id])


def _standing(order: OrderRecord, places: int) -> list[TicketRecord]:
    return [ticket for ticket in order.tickets if ticket.bit & places and ticket.status != VOID]
