"""The way back: cancelled tickets reach Redis after SQL has committed them, each once.

A cancel gives back its own tickets at once; whatever it could not deliver is a row in SQL that the
worker finds. Redis keeps a bit per ticket, so that both may try.
"""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from ticketing.catalogue import log as catalogue_log
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord, PendingReturn

BATCH_MAX = 100
"""Returns given back in one script call."""

BATCHES_PER_RUN = 1_000
"""Batches of one run; what is left waits for the next."""

_log = structlog.get_logger(__name__)


class ReturnService:
    """Gives returned tickets to Redis and notes in SQL that it has them."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock

    def give_back(self, order_id: str | None = None) -> int:
        """Give back every pending return, of one order or of all, oldest first; how many tickets.

        One that cannot be given back yet (its group is recovering, Redis does not know its order) is passed
        over and keeps nobody waiting. Raises `StoreUnavailable` when Redis does not answer.
        """
        total, after = 0, 0
        for _ in range(BATCHES_PER_RUN):
            with reading(self._sessions) as session:
                batch = orders.pending_returns(session, BATCH_MAX, order_id, after)
            total += sum(self._restock(at, returns) for at, returns in self._by_group(batch))
            if len(batch) < BATCH_MAX:
                break
            after = batch[-1].id
        return total

    def _by_group(self, batch: Sequence[PendingReturn]) -> list[tuple[CursorRecord, list[PendingReturn]]]:
        with reading(self._sessions) as session:
            groups = catalogue_log.groups_of(session, {one.event_id for one in batch})
            cursors = {at.group_id: at for at in orders.cursors(session)}
        by_group: dict[str, list[PendingReturn]] = defaultdict(list)
        for one in batch:
            by_group[groups[one.event_id]].append(one)
        self._settle([one for group, mine in by_group.items() if group not in cursors for one in mine])
        return [(cursors[group], mine) for group, mine in by_group.items() if group in cursors]

    def _settle(self, returns: Sequence[PendingReturn]) -> None:
        """An archived group sells no more: its returns are SQL's alone."""
        if returns:
            with self._sessions.begin() as session:
                orders.mark_restocked(session, [one.id for one in returns], self._clock.now_ms())

    def _restock(self, at: CursorRecord, returns: Sequence[PendingReturn]) -> int:
        wanted = [(one.order_id, one.places, one.goes_to) for one in returns]
        try:
            given = self._keeper.restock(at.group_id, at.epoch, wanted)
        except Refusal as refusal:
            if refusal.code is not Code.NOT_FOUND or len(returns) == 1:
                _log.warning("return_waits", group=at.group_id, orders=wanted, code=refusal.code.value)
                return 0
            # One order that Redis does not know must not keep its neighbours' tickets.
            half = len(returns) // 2
            return self._restock(at, returns[:half]) + self._restock(at, returns[half:])
        with self._sessions.begin() as session:
            orders.mark_restocked(session, [one.id for one in returns], self._clock.now_ms())
        return given
