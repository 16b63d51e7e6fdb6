"""What is in a plain-Python allowance group, and what follows from it. `reference` has what is done to it.

Holds are the only truth: stock and ledgers are counted from them anew whenever they are asked for, so that a
move of tickets that the scripts forget or make twice is seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from msgspec.structs import replace as changed

from ticketing.inventory.model import EventRules, Hold, HoldStatus, LogEntry, QuotaCounts, Use
from ticketing.inventory.protocol import Bounds, Reply

LIVE_OR_SOLD = (HoldStatus.HELD, HoldStatus.CONFIRMED)
QuotaKey = tuple[str, int]
"""Event and number."""


class Call(NamedTuple):
    """What a caller says with every request: the epoch and the least log position it expects, and the bounds."""

    epoch: str
    position_min: int
    bounds: Bounds


class Pace(NamedTuple):
    """How often in a row a member let holds go, and until when they wait for it."""

    abandoned: int = 0
    until: int = 0


@dataclass
class Books:
    """The state of one group."""

    epoch: str | None = None
    position: int = 0
    highest: int = 0
    limit: int = 0
    fence: str | None = None
    rules: dict[str, EventRules] = field(default_factory=dict)
    sizes: dict[QuotaKey, tuple[int, int]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    paces: dict[int, Pace] = field(default_factory=dict)
    acts: dict[str, QuotaCounts] = field(default_factory=dict)
    draws: dict[str, dict[int, int]] = field(default_factory=dict)
    """What a desk's hold took of the desk's share, by quota, and has not given back."""
    log: list[LogEntry] = field(default_factory=list)
    strays: dict[str, int] = field(default_factory=dict)
    """Expiries without a live hold."""

    standing: dict[str, Hold] = field(default_factory=dict)
    """Those of `holds` that are live or sold."""
    _now: int = 0
    _backlog: int = 0
    _known: bool = False
    _changed: bool = False
    _bounds: Bounds = field(default_factory=Bounds)

    # What befalls a group

    def wipe(self) -> None:
        """Redis forgets the group."""
        vars(self).update(vars(type(self)()))

    def copy(self) -> Self:
        """The group as it is now, for later."""
        mutable = ("rules", "sizes", "holds", "paces", "acts", "draws", "log", "strays", "standing")
        return replace(self, **{name: getattr(self, name).copy() for name in mutable})

    # What follows from the holds

    def of_member(self, member: int) -> list[Hold]:
        """A member's holds that are live or sold, in the order in which they were taken."""
        return [hold for hold in self.standing.values() if hold.member == member]

    def uses(self, member: int) -> list[Use]:
        """What of each quota a member has in hand and has bought."""
        uses: dict[QuotaKey, Use] = {}
        for hold in self.of_member(member):
            for quota, count in seats(hold):
                use = uses.get((hold.event_id, quota)) or Use(hold.event_id, quota, 0, 0)
                held = count if hold.status is HoldStatus.HELD else 0
                uses[hold.event_id, quota] = changed(
                    use, held=use.held + held, bought=use.bought + count - held
                )
        return list(uses.values())

    def counts(self, event_id: str, quota: int) -> QuotaCounts:
        """I1."""
        held = sold = 0
        for hold in self.standing.values():
            if hold.event_id == event_id:
                for number, count in seats(hold):
                    if number == quota and hold.status is HoldStatus.HELD:
                        held += count
                    elif number == quota:
                        sold += count
        return QuotaCounts(*self.sizes[event_id, quota], held, sold)

    def due(self) -> dict[str, int]:
        """When each live hold expires, and the strays."""
        live = {h.id: h.expires_at for h in self.standing.values() if h.status is HoldStatus.HELD}
        return live | self.strays

    def orders(self) -> dict[str, Hold]:
        """What was confirmed."""
        return {h.id: h for h in self.holds.values() if h.status is HoldStatus.CONFIRMED}

    # The desk's share

    def _draw_on_share(self, hold_id: str, event_id: str, items: Sequence[tuple[int, int]]) -> None:
        drawn: dict[int, int] = {}
        for quota, quantity in items:
            capacity, withheld = self.sizes[event_id, quota]
            left = max(0, withheld - quantity)
            if left < withheld:
                self._withhold(hold_id, event_id, quota, (capacity, left))
                drawn[quota] = withheld - left
        if drawn:
            self.draws[hold_id] = drawn

    def _give_back_to_origin(self, hold: Hold) -> None:
        """All of a hold that sold nothing."""
        for item in hold.items:
            self._keep_for_desk(hold, item.quota, self._drawn(hold, item.quota, item.quantity))

    def _drawn(self, hold: Hold, quota: int, count: int) -> int:
        """How many of `count` tickets that come back the hold took of the share; they are noted no more."""
        drawn = self.draws.pop(hold.id, {})
        back = min(count, drawn.get(quota, 0))
        left = {number: n - back if number == quota else n for number, n in drawn.items()}
        if any(left.values()):
            self.draws[hold.id] = {number: n for number, n in left.items() if n}
        return back

    def _keep_for_desk(self, hold: Hold, quota: int, count: int) -> None:
        counts = self.counts(hold.event_id, quota)
        withheld = min(counts.withheld + count, counts.capacity - counts.held - counts.sold)
        if withheld > counts.withheld:
            self._withhold(hold.id, hold.event_id, quota, (counts.capacity, withheld))

    def _withhold(self, act_id: str, event_id: str, quota: int, size: tuple[int, int]) -> None:
        self.sizes[event_id, quota] = size
        capacity, withheld = size
        self._append(
            "resize", act_id=act_id, event_id=event_id, quota=quota, capacity=capacity, withheld=withheld
        )

    # The call under way

    def _begin(self, call: Call, *, may_fence: bool = False) -> None:
        self._now, self._bounds, self._changed = max(call.bounds.now_ms, self.highest), call.bounds, False
        self._backlog = len(self.log)
        same = self.epoch == call.epoch
        behind = same and self.position < call.position_min
        self._known = same and not behind and self.fence is None
        if behind and may_fence and self.fence is None:
            self.fence = "behind"

    def _reply(self, results: Any) -> Reply:
        if self._changed:
            self.highest = self._now
        return Reply(self._now, self.position, results)

    def _put(self, hold: Hold) -> None:
        self.holds[hold.id] = hold
        if hold.status in LIVE_OR_SOLD:
            self.standing[hold.id] = hold
        else:
            self.standing.pop(hold.id, None)
        self._changed = True

    def _append(self, kind: str, hold: Hold | None = None, **facts: object) -> None:
        self.position += 1
        self.log.append(LogEntry(self.position, kind, b"", hold, facts))
        self._changed = True


def seats(hold: Hold) -> Iterator[tuple[int, int]]:
    """How many tickets of each quota a hold still has; returned ones are bits by place."""
    place = 0
    for item in hold.items:
        returned = (hold.returned_places >> place) & (1 << item.quantity) - 1
        place += item.quantity
        if item.quantity > returned.bit_count():
            yield item.quota, item.quantity - returned.bit_count()
