"""Cancelled events: their tickets become void and what was paid is to be paid back, whatever stops half-way.

Staff's cancel is a state in SQL and, through the keeper, in Redis, where it ends the sale. The orders follow here, in
pieces, from the worker. A hold from before may still be confirmed until its time is over, so an event is done
when Redis has ended its sale, none of its tickets is in hand and SQL has all of its log.
"""

from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import CANCELLED
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.inventory.keeper import Keeper
from ticketing.orders import repository as orders
from ticketing.orders import voiding
from ticketing.orders.voiding import Piece
from ticketing.services import trail, webhook_outbox

EVENT_CANCELLED = "the event was cancelled"
"""The reason of the returns."""

ORDERS_MAX = 200
"""Orders voided in one transaction: some tens of milliseconds."""

PIECES_PER_RUN = 10
"""Transactions of one run; what is left waits for the next, a second later."""


class EventCanceller:
    """Voids what cancelled events had sold."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def finish(self) -> int:
        """Void what still stands of every cancelled event; how many orders. Raises `StoreUnavailable`."""
        with reading(self._sessions) as session:
            waiting = catalogue.to_void(session)
        return sum(self._finish(event_id) for event_id in waiting)

    def _finish(self, event_id: str) -> int:
        complete, total = self._is_complete(event_id), 0
        for _ in range(PIECES_PER_RUN):
            piece = self._void_piece(event_id)
            total += len(piece.voided)
            if piece.is_last:
                self._close(event_id, complete)
                break
        return total

    def _void_piece(self, event_id: str) -> Piece:
        with self._sessions.begin() as session:
            now = self._clock.now_ms()
            piece = voiding.void_event(session, event_id, ORDERS_MAX, EVENT_CANCELLED, now)
            if piece.voided:
                tickets = sum(each.places.bit_count() for each in piece.voided)
                order_ids = [each.order_id for each in piece.voided]
                detail = {"orders": order_ids, "tickets": tickets, "reason": EVENT_CANCELLED}
                webhook_outbox.cancelled(session, event_id, piece.voided, now)
                trail.record(session, now, "system", "order.cancel", f"event:{event_id}", detail)
        return piece

    def _close(self, event_id: str, complete: bool) -> None:
        with self._sessions.begin() as session:
            voiding.refund_event(session, event_id)
        if not complete:
            return
        with self._sessions.begin() as session:
            # A clerk who undoes a hand-over has been seen by now, or waits and has the event looked at again.
            catalogue.lock(session, event_id)
            if not voiding.is_left(session, event_id):
                catalogue.mark_voided(session, event_id, self._clock.now_ms())

    def _is_complete(self, event_id: str) -> bool:
        """Whether SQL has every order that this event will ever have; Redis is asked first, then SQL's cursor."""
        with reading(self._sessions) as session:
            event = catalogue.get(session, event_id)
        assert event is not None, "events are never deleted"
        if event.group.archived_at is not None:
            return True
        group = self._keeper.state(event.group_id)
        state = group.events.get(event_id) if group is not None and group.as_expected else None
        if group is None or state is None or state.rules.state != CANCELLED:
            return False
        if any(counts.held for counts in state.counts.values()):
            return False
        with reading(self._sessions) as session:
            at = orders.cursor(session, event.group_id)
        return at is None or at.position >= group.position
