"""A group with one event on the real server, driven one request at a time."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import redis

from ticketing.clock import ServerClock
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import EventRules, HoldRequest, QuotaRules
from ticketing.inventory.protocol import Bounds
from ticketing.keyring import Keyring

GROUP, EVENT, EPOCH = "group", "event", "first"
HOLD_MS = 60_000
BOUNDS = Bounds(live_holds_max=100, abandoned_max=1_000)


@dataclass
class Sale:
    """One group and its event, driven one request at a time."""

    keeper: Keeper
    redis: redis.Redis
    keyring: Keyring
    now: int

    def rules(self, *capacities: int, **changes: Any) -> EventRules:
        """Rules of an open event with one free quota per capacity."""
        quotas = tuple(QuotaRules(n, 0, None, capacity) for n, capacity in enumerate(capacities, start=1))
        rules = EventRules(
            event_id=EVENT,
            version=1,
            opens_at=self.now - 1_000,
            closes_at=self.now + 3_600_000,
            state="published",
            per_card_limit=None,
            hold_ms=HOLD_MS,
            eligible_organisations=None,
            payment_methods=("free", "desk"),
            quotas=quotas,
        )
        changed: EventRules = _changed(rules, changes)
        return changed

    def open(self, *capacities: int, **changes: Any) -> EventRules:
        """Open the group and apply the rules."""
        rules = self.rules(*capacities, **changes)
        self.keeper.open_group(GROUP, EPOCH, None)
        assert self.keeper.configure(GROUP, EPOCH, rules)
        return rules

    def request(self, member: int, *items: tuple[int, int], key: str = "key", **changes: Any) -> HoldRequest:
        """A member's wish for (quota, quantity) pairs."""
        hold_id = self.keyring.hold_id(EVENT, member, "web", key)
        wish = HoldRequest(hold_id, EVENT, member, "city.district", items)
        changed: HoldRequest = _changed(wish, changes)
        return changed

    def hold(self, member: int, *items: tuple[int, int], key: str = "key") -> Any:
        """Decide one wish."""
        return self.keeper.hold(GROUP, self.request(member, *items, key=key))

    def confirm(self, member: int, hold_id: str, method: str = "free") -> Any:
        """Confirm one hold."""
        return self.keeper.confirm(GROUP, hold_id, member, method, self.keyring.order_number(hold_id))

    def counts(self, quota: int = 1) -> tuple[int, int, int]:
        """(available, held, sold) of a quota."""
        state = self.keeper.state(GROUP)
        assert state is not None
        counts = state.events[EVENT].counts[quota]
        return counts.available, counts.held, counts.sold

    def at(self, now: int) -> "Sale":
        """The same sale, decided at a time of the test's choosing."""
        return self.bounded(now_ms=now)

    def bounded(self, **bounds: int) -> "Sale":
        """The same sale, decided under other bounds."""
        keeper = self.keeper
        changed = replace(keeper._bounds, **bounds)
        return replace(self, keeper=Keeper(self.redis, ServerClock(), changed, keeper._watermarks))


def _changed(struct: Any, changes: dict[str, Any]) -> Any:
    return msgspec.structs.replace(struct, **changes)
