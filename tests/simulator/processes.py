"""Who acts on a group besides its scripts: processes that remember, and SQL that records."""

from typing import Any

from msgspec.structs import replace as changed

from tests.support.reference import Made, Reference
from tests.support.reference_books import Call
from ticketing.clock import ServerClock
from ticketing.inventory.client import ScriptClient
from ticketing.inventory.model import EventRules, Hold, HoldStatus
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.watermarks import Watermarks


class Process(ScriptClient):
    """What one process knows of the group, kept by the code that real ones keep it with."""

    def __init__(self) -> None:
        super().__init__(ServerClock(), Bounds(), Watermarks())

    def call(self, group: str, in_redis: str | None, bounds: Bounds) -> Call:
        """How it calls a script now; the first time it takes Redis' word for the epoch."""
        self._bounds = bounds
        epoch = self._watermarks.epoch(group)
        if epoch is None:
            epoch = self._adopt(group, None if in_redis is None else in_redis.encode())
        return Call(epoch, self._watermarks.position(group, epoch), bounds)

    def arguments(self, group: str, call: Call, request: Any) -> tuple[Any, ...]:
        """What follows the script in such a call."""
        return self._arguments(group, call.epoch, request)

    def heard(self, group: str, call: Call, position: int) -> None:
        """The call was answered."""
        self._watermarks.note(group, call.epoch, position)

    def told(self, group: str, epoch: str, position: int) -> None:
        """It read SQL."""
        self._watermarks.expect(group, epoch, position)


class Sql:
    """What SQL has of the group."""

    def __init__(self) -> None:
        self.epoch = ""
        self.cursor = 0
        self.limit = 0
        self.rules: dict[str, EventRules] = {}
        self.orders: dict[str, Hold] = {}

    def record(self, group: Reference, entries: int) -> None:
        """Record at most so many entries that follow the cursor without a gap."""
        for entry in [entry for entry in group.log if entry.position > self.cursor][:entries]:
            if entry.position != self.cursor + 1:
                return
            self.cursor = entry.position
            if entry.hold is not None:
                self.orders[entry.hold.id] = entry.hold
            elif entry.kind == "restock":
                self._give_back(str(entry.facts["order_id"]), entry.facts["places"])

    def wish(self, rules: EventRules) -> None:
        """Staff's wishes, by version."""
        known = self.rules.get(rules.event_id)
        if known is None or known.version < rules.version:
            self.rules[rules.event_id] = rules

    def rebuilt(self, group: Reference) -> Made:
        """What a rebuild makes: every order that SQL or Redis has, and no live hold."""
        self.orders |= group.orders()
        ended = {
            h.id: changed(h, status=HoldStatus.EXPIRED) if h.status is HoldStatus.HELD else h
            for h in group.holds.values()
            if h.id not in self.orders
        }
        sizes = {
            (event, quota.number): group.sizes.get((event, quota.number), (quota.capacity, quota.withheld))
            for event, rules in self.rules.items()
            for quota in rules.quotas
        }
        return Made(dict(self.rules), sizes, self.orders | ended)

    def _give_back(self, order_id: str, places: Any) -> None:
        if order_id in self.orders:
            order = self.orders[order_id]
            self.orders[order_id] = changed(order, returned_places=order.returned_places | places)
