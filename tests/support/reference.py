"""A plain-Python sale of one event: what the scripts must agree with, without Redis and without cleverness."""

from dataclasses import dataclass, field

from ticketing.errors import Code


@dataclass
class RefHold:
    """A hold of the reference: items by quota, and where it stands."""

    member: int
    items: dict[int, int]
    expires_at: int
    state: str = "held"  # held, confirmed, released, expired
    returned: set[int] = field(default_factory=set)  # places

    def seats(self) -> list[int]:
        """The quota of each ticket, in the order of its place."""
        return [quota for quota, quantity in sorted(self.items.items()) for _ in range(quantity)]


@dataclass
class Reference:
    """Quotas with capacities, one limit per member for each quota and one over the event."""

    capacity: dict[int, int]
    quota_limit: int | None
    event_limit: int | None
    hold_ms: int
    holds: dict[str, RefHold] = field(default_factory=dict)

    def expire(self, now: int) -> None:
        """End every live hold whose time is past."""
        for hold in self.holds.values():
            if hold.state == "held" and hold.expires_at <= now:
                hold.state = "expired"

    def held(self, quota: int, member: int | None = None) -> int:
        """Tickets of live holds."""
        return self._count("held", quota, member)

    def sold(self, quota: int, member: int | None = None) -> int:
        """Tickets confirmed and not returned."""
        return self._count("confirmed", quota, member)

    def available(self, quota: int) -> int:
        """I1."""
        return max(0, self.capacity[quota] - self.held(quota) - self.sold(quota))

    def hold(self, hold_id: str, member: int, items: dict[int, int], now: int) -> Code | str:
        """`new`, `known`, or why not."""
        known = self.holds.get(hold_id)
        if known:
            return "known" if known.items == items else Code.IDEMPOTENCY_KEY_REUSED
        if self._over_limit(member, items):
            return Code.CARD_LIMIT_EXCEEDED
        if any(self.available(quota) < quantity for quota, quantity in items.items()):
            return Code.SOLD_OUT
        self.holds[hold_id] = RefHold(member, dict(items), now + self.hold_ms)
        return "new"

    def confirm(self, hold_id: str) -> Code | str:
        """`new`, `known`, or why not."""
        hold = self.holds[hold_id]
        refusals = {"released": Code.HOLD_RELEASED, "expired": Code.HOLD_EXPIRED, "confirmed": "known"}
        if hold.state != "held":
            return refusals[hold.state]
        hold.state = "confirmed"
        return "new"

    def release(self, hold_id: str) -> Code | None:
        """None, or that it was confirmed."""
        hold = self.holds[hold_id]
        if hold.state == "confirmed":
            return Code.HOLD_CONFIRMED
        if hold.state == "held":
            hold.state = "released"
        return None

    def resize(self, quota: int, capacity: int, force: bool) -> Code | None:
        """None, or that more is held and sold than that."""
        if capacity < self.held(quota) + self.sold(quota) and not force:
            return Code.CAPACITY_IN_USE
        self.capacity[quota] = capacity
        return None

    def orders(self) -> dict[str, RefHold]:
        """What was confirmed."""
        return {hold_id: hold for hold_id, hold in self.holds.items() if hold.state == "confirmed"}

    def _over_limit(self, member: int, items: dict[int, int]) -> bool:
        if self.quota_limit is not None:
            for quota, quantity in items.items():
                if self._used(quota, member) + quantity > self.quota_limit:
                    return True
        used = sum(self._used(quota, member) for quota in self.capacity)
        return self.event_limit is not None and used + sum(items.values()) > self.event_limit

    def _used(self, quota: int, member: int) -> int:
        return self.held(quota, member) + self.sold(quota, member)

    def _count(self, state: str, quota: int, member: int | None) -> int:
        return sum(
            seat == quota and place not in hold.returned
            for hold in self.holds.values()
            if hold.state == state and member in (None, hold.member)
            for place, seat in enumerate(hold.seats(), start=1)
        )
