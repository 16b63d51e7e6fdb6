"""The tickets of a quota that are kept for the desk, given back to the web by whoever stands there, or by a rule."""

import secrets

import structlog

from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import Event, Quota
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import QuotaCounts
from ticketing.services import event_access, trail
from ticketing.services.desk import require_clerk
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

_ACT_BYTES = 12

BY_RULE = "the time for it has come"

_log = structlog.get_logger(__name__)


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
            quota = event_access.quota_of(event, quota_id)
            if event.group.opened_at is None:
                raise Refusal(Code.NOT_FOUND)
            if event.group.archived_at is not None:
                raise Refusal(Code.SALE_CLOSED)
            # Written first: the log's entry names the act, so who did it is known even if we stop here.
            detail = {"act": act_id, "reason": reason}
            now = self._clock.now_ms()
            trail.record(session, now, clerk.actor, "quota.give_back_share", f"quota:{quota_id}", detail)
        return self._sale_keeper.resize(event.id, quota.number, None, 0, act_id=act_id)


class ShareRule:
    """Gives what is left of the desk's shares to the web, so long before the start as staff set for the event.

    Once for each time that this falls on: what is kept for the desk afterwards, by staff or by the rule for uncollected
    tickets, is kept on purpose.
    """

    def __init__(
        self, sessions: Sessions, sale_keeper: SaleKeeper, keeper: Keeper, clock: ServerClock
    ) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._keeper = keeper
        self._clock = clock

    def finish(self) -> int:
        """Do it for every quota whose time has come; how many. One that is recovering is done later.

        Raises `StoreUnavailable` when Redis does not answer.
        """
        with reading(self._sessions) as session:
            due = catalogue.shares_to_give_back(session, self._clock.now_ms())
        return sum(self._given_back(*share) for share in due)

    def _given_back(self, event: Event, quota: Quota, at: int) -> bool:
        kept = self._kept(event, quota)
        try:
            if kept:
                self._give_back(event, quota, at, kept)
        except Refusal as refusal:
            _log.warning("share_waits", quota=quota.id, code=refusal.code.value)
            kept = None
        if kept is None:
            return False
        with self._sessions.begin() as session:
            catalogue.mark_share_back(session, quota.id, at)
        return True

    def _kept(self, event: Event, quota: Quota) -> int | None:
        """What Redis keeps for the desk now; None while the group is recovering, or does not know the quota yet."""
        group = self._keeper.state(event.group_id)
        if group is None or not group.sells:
            return None
        state = group.events.get(event.id)
        counts = state.counts.get(quota.number) if state else None
        return counts.withheld if counts else None

    def _give_back(self, event: Event, quota: Quota, at: int, kept: int) -> None:
        # The act has its id from the time, so that whoever does it again, after a crash too, does nothing more.
        act_id = f"share.{quota.id}.{at}"
        with self._sessions.begin() as session:
            detail = {"act": act_id, "kept": kept, "minutes": event.share_back_minutes, "reason": BY_RULE}
            now = self._clock.now_ms()
            trail.record(session, now, "system", "quota.give_back_share", f"quota:{quota.id}", detail)
        self._sale_keeper.resize(event.id, quota.number, None, 0, act_id=act_id)
