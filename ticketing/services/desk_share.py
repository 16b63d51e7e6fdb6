"""The tickets of a quota that are kept for the desk, given back to the web by whoever stands there."""

import secrets

from ticketing.clock import ServerClock
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import QuotaCounts
from ticketing.services import event_access, trail
from ticketing.services.desk import require_clerk
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

_ACT_BYTES = 12


class DeskShare:
    """Gives what was withheld for the desk to the web."""

    def __init__(self, sessions: Sessions, sale_keeper: SaleKeeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._clock = clock

    def give_back(self, clerk: Claims, quota_id: str, reason: str) -> QuotaCounts:
        """Keep nothing of a quota for the desk any more; what it has then. Repeated, it stays so.

        Raises `Refusal` NOT_FOUND, FORBIDDEN, SALE_CLOSED for an event that is over, or RECOVERING.
        """
        require_clerk(clerk)
        act_id = secrets.token_hex(_ACT_BYTES)
        with self._sessions.begin() as session:
            event = event_access.readable(session, clerk, quota_id.rpartition("-")[0])
            number = next((quota.number for quota in event.quotas if quota.id == quota_id), None)
            if number is None or event.group.opened_at is None:
                raise Refusal(Code.NOT_FOUND)
            if event.group.archived_at is not None:
                raise Refusal(Code.SALE_CLOSED)
            # Written first: the log's entry names the act, so who did it is known even if we stop here.
            detail = {"act": act_id, "reason": reason}
            now = self._clock.now_ms()
            trail.record(session, now, clerk.actor, "quota.give_back_share", f"quota:{quota_id}", detail)
        return self._sale_keeper.resize(event.id, number, None, 0, act_id=act_id)
