"""What members do with holds, decided once for the JSON calls and the pages.

Nothing here touches SQL, but for holds of sales so long over that only SQL has them.

Refusals of the inventory are returned, since in a rush nearly every answer is one; what can be seen without asking
Redis is raised.
"""

import asyncio

from ticketing.api.front import Front
from ticketing.errors import Code, Refusal
from ticketing.identifiers import event_of, quota_id
from ticketing.inventory.model import Decided, Hold, HoldRequest, HoldStatus
from ticketing.services.tokens import Claims

Items = tuple[tuple[int, int], ...]
"""(quota number, quantity) each."""

_AFTER_NOT_FOUND = frozenset(
    {Code.IDEMPOTENCY_KEY_REUSED, Code.RECOVERING, Code.BACKLOG_FULL, Code.CARD_BLOCKED}
)


class Holds:
    """Takes, confirms, releases and finds holds over one process's front."""

    def __init__(self, front: Front) -> None:
        services = front.services
        self._inventory = services.inventory
        self._keyring = services.keyring
        self._clock = services.clock
        self._backlog_max = services.settings.backlog_max
        self._archive = services.archive
        self._board = front.board
        self._gate = front.gate
        self._live_holds = front.live_holds
        self._tally = front.tally

    def require_unhurried(self, address: str) -> None:
        """Raise `rate_limited` for an address that has made too many holds that still live."""
        wait_ms = self._live_holds.wait_ms(address, self._clock.now_ms())
        if wait_ms:
            raise Refusal(Code.RATE_LIMITED, retry_after_ms=wait_ms)

    async def hold(
        self, member: Claims, event_id: str, key: str, items: Items, address: str
    ) -> Decided | Refusal:
        """Take tickets for the member; the same key again gets the first answer again."""
        group_id = self._board.known_group(event_id) or await self._group_of(event_id)
        wish = HoldRequest(
            id=self._keyring.hold_id(event_id, member.id, "web", key),
            event_id=event_id,
            member=member.id,
            organisations=self._gate.organisations(member),
            items=items,
        )
        decide = self._decided_before if self._gate.is_blocked(member) else self._inventory.hold
        if self._board.is_archived(event_id):
            decide = self._decided_long_ago
        outcome = await decide(group_id, wish)
        if isinstance(outcome, Refusal):
            refusal = self._first(event_id, items, outcome)
            self._tally.refused(group_id, event_id, refusal.code.value)
            return _in_public(event_id, refusal)
        if not outcome.replayed:
            self._live_holds.add(address, outcome.hold.id, outcome.hold.expires_at)
        return outcome

    async def look_up(self, member: Claims, hold_id: str) -> Hold:
        """The member's own hold as it is now. Raises `not_found`, or `hold_expired` for one let go long ago."""
        group_id = await self._group_of_own(hold_id, member)
        over = self._board.is_archived(event_of(hold_id))
        hold = await (self._sold_long_ago(hold_id) if over else self._inventory.look_up(group_id, hold_id))
        if hold is None:
            raise Refusal(Code.HOLD_EXPIRED)  # ours, by its id, and so old that Redis let it go
        return hold

    async def release(self, member: Claims, hold_id: str, address: str) -> Refusal | None:
        """Give the tickets back; nothing is wrong with doing so twice, or too late."""
        group_id = await self._group_of_own(hold_id, member)
        if self._board.is_archived(event_of(hold_id)):
            return Refusal(Code.HOLD_CONFIRMED) if await self._sold_long_ago(hold_id) else None
        refusal = await self._inventory.release(group_id, hold_id, member.id)
        if refusal is not None and refusal.code is not Code.NOT_FOUND:
            return refusal
        self._live_holds.drop(address, hold_id)
        return None

    async def confirm(self, member: Claims, hold_id: str, method: str, address: str) -> Decided | Refusal:
        """Turn the hold into an order. Repeated, also with another method: the first answer."""
        group_id = await self._group_of_own(hold_id, member)
        if self._board.is_archived(event_of(hold_id)):
            sold = await self._sold_long_ago(hold_id)
            return Decided(sold, replayed=True) if sold else Refusal(Code.HOLD_EXPIRED)
        if self._gate.is_blocked(member):
            outcome = await self._confirmed_before(group_id, hold_id)
        else:
            number = self._keyring.order_number(hold_id)
            outcome = await self._inventory.confirm(group_id, hold_id, member.id, method, number)
        if isinstance(outcome, Refusal):
            # An id of ours that Redis does not know was let go long ago.
            return Refusal(Code.HOLD_EXPIRED) if outcome.code is Code.NOT_FOUND else outcome
        self._live_holds.drop(address, hold_id)
        return outcome

    async def _group_of(self, event_id: str) -> str:
        group_id = await self._board.group_of(event_id)
        if group_id is None:
            raise Refusal(Code.NOT_FOUND)
        return group_id

    async def _group_of_own(self, hold_id: str, member: Claims) -> str:
        """The group of the member's own hold; an id made for somebody else is not found, without a look."""
        if not self._keyring.owns_hold(hold_id, member.id):
            raise Refusal(Code.NOT_FOUND)
        event_id = event_of(hold_id)
        return self._board.known_group(event_id) or await self._group_of(event_id)

    async def _decided_before(self, group_id: str, wish: HoldRequest) -> Decided | Refusal:
        """What a blocked card gets: the stored answer of a known key, else the refusal that comes first."""
        known = await self._inventory.look_up(group_id, wish.id)
        if known is not None:
            return _replayed(known, wish)
        await self._board.fresh(wish.event_id)
        if group_id in self._board.recovering():
            return Refusal(Code.RECOVERING)
        if self._board.backlogs().get(group_id, 0) >= self._backlog_max:
            return Refusal(Code.BACKLOG_FULL)
        return Refusal(Code.CARD_BLOCKED)

    async def _decided_long_ago(self, group_id: str, wish: HoldRequest) -> Decided | Refusal:
        """The first answer of a key that became an order; every other sale of an archived group is over."""
        sold = await self._sold_long_ago(wish.id)
        return _replayed(sold, wish) if sold else Refusal(Code.SALE_CLOSED)

    async def _sold_long_ago(self, hold_id: str) -> Hold | None:
        return await asyncio.to_thread(self._archive.order_of, hold_id)

    def _first(self, event_id: str, items: Items, refusal: Refusal) -> Refusal:
        """The refusal that the contract lets answer first: an unknown quota goes before what Redis saw."""
        card = self._board.card(event_id)
        if refusal.code not in _AFTER_NOT_FOUND or card is None:
            return refusal
        known = {quota.number for quota in card.event.quotas}
        return refusal if all(number in known for number, _ in items) else Refusal(Code.NOT_FOUND)

    async def _confirmed_before(self, group_id: str, hold_id: str) -> Decided | Refusal:
        known = await self._inventory.look_up(group_id, hold_id)
        if known is not None and known.status is HoldStatus.CONFIRMED:
            return Decided(known, replayed=True)
        return Refusal(Code.CARD_BLOCKED)


def _replayed(known: Hold, wish: HoldRequest) -> Decided | Refusal:
    same = _wanted(known) == sorted(wish.items)
    return Decided(known, replayed=True) if same else Refusal(Code.IDEMPOTENCY_KEY_REUSED)


def _wanted(hold: Hold) -> list[tuple[int, int]]:
    return sorted((item.quota, item.quantity) for item in hold.items)


def _in_public(event_id: str, refusal: Refusal) -> Refusal:
    """The refusal with the quota's public id instead of its number."""
    if "quota" not in refusal.facts:
        return refusal
    facts = dict(refusal.facts)
    return Refusal(refusal.code, quota_id=quota_id(event_id, facts.pop("quota")), **facts)
