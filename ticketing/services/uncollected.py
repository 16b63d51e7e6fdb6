"""Tickets that nobody collected in time go to somebody else, where staff chose that for the event.

Some minutes after the event's `collect_until` the worker voids, in pieces, what is still to be collected of orders
confirmed until then; the returns of the same transactions bring the tickets on sale on the web or into the desk's
share. Each ticket goes by one conditional UPDATE, as a hand-over does, so of the two at once one wins.

The member gets the allowance back with the tickets: nothing of it was used, the seats go to others, and whoever was
late may try again like everybody else. It is a rule of the event and no punishment.

Nothing is taken from members while nobody could have it: of a paused event, or one whose group is recovering, the
tickets wait (SQL may lack hand-overs then), and once the sale is over they stay whose they are. Orders confirmed after
the deadline could not have been collected before it, and are left alone.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.inventory.keeper import Keeper
from ticketing.orders import repository as orders
from ticketing.orders import voiding
from ticketing.orders.voiding import Piece
from ticketing.services import trail, webhook_outbox

NOT_COLLECTED = "not collected in time"
"""The reason of the returns."""

GRACE_MS = 10 * 60_000
"""How long after the deadline: who stands in the queue gets the tickets, and a desk whose network is away is back."""

ORDERS_MAX = 200
"""Orders voided in one transaction: some tens of milliseconds."""

PIECES_PER_RUN = 10
"""Transactions of one run; what is left waits for the next, seconds later."""


class UncollectedReturns:
    """Does with uncollected tickets what the rule of their event says."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def finish(self) -> int:
        """Void what nobody collected of every event that is past its deadline; of how many orders.

        Raises `StoreUnavailable` when Redis does not answer.
        """
        with reading(self._sessions) as session:
            due = self._due(session)
            waiting = [event for event_id in due if (event := catalogue.get(session, event_id))]
        return sum(self._finish(event) for event in waiting)

    def _due(self, session: Session) -> Sequence[str]:
        now = self._clock.now_ms()
        return catalogue.to_return(session, now - GRACE_MS, now)

    def _finish(self, event: Event) -> int:
        position = self._position_of(event)
        if position is None:
            return 0
        with reading(self._sessions) as session:
            at = orders.cursor(session, event.group_id)
        complete, total = at is not None and at.position >= position, 0
        for _ in range(PIECES_PER_RUN):
            piece = self._void_piece(event.id, complete)
            total += len(piece.voided)
            if piece.is_last:
                break
        return total

    def _position_of(self, event: Event) -> int | None:
        """Where the group's log ends, with every order of before the deadline in it; None while it is recovering."""
        group = self._keeper.state(event.group_id)
        return group.position if group is not None and group.sells else None

    def _void_piece(self, event_id: str, complete: bool) -> Piece:
        """Void one piece; with the last one, and all of the log in SQL, this deadline is done with."""
        with self._sessions.begin() as session:
            event = catalogue.lock(session, event_id)
            if event is None or event_id not in self._due(session):
                return Piece([], is_last=True)  # staff have changed their mind since
            piece = self._void(session, event)
            if complete and piece.is_last:
                event.returned_until = event.collect_until
        return piece

    def _void(self, session: Session, event: Event) -> Piece:
        now = self._clock.now_ms()
        piece = voiding.void_event(
            session,
            event.id,
            ORDERS_MAX,
            NOT_COLLECTED,
            now,
            confirmed_by=event.collect_until,
            goes_to=event.uncollected,
        )
        if piece.voided:
            detail = {
                "orders": [each.order_id for each in piece.voided],
                "tickets": sum(each.places.bit_count() for each in piece.voided),
                "reason": NOT_COLLECTED,
                "collect_until": event.collect_until,
                "goes_to": event.uncollected,
            }
            webhook_outbox.cancelled(session, event.id, piece.voided, now)
            trail.record(session, now, "system", "order.return_uncollected", f"event:{event.id}", detail)
        return piece
