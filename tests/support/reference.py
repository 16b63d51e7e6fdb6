"""What every script must answer, in plain Python: without Redis, without batches' shared reads, without cleverness.

An answer is a `Reply` as the scripts give it, an outcome before its facts, with a `Hold` where they give a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace as changed

from tests.support.reference_books import LIVE_OR_SOLD, Books, Call, Pace, QuotaKey, seats
from ticketing.inventory.codes import Outcome
from ticketing.inventory.model import (
    EventRules,
    EventState,
    GroupState,
    Hold,
    HoldRequest,
    HoldStatus,
    Item,
    QuotaCounts,
)
from ticketing.inventory.protocol import Reply

DUE_PER_CALL = 64
LET_GO = (HoldStatus.RELEASED, HoldStatus.EXPIRED)
Answer = list[Any]


class Made(NamedTuple):
    """A group made anew beside the old one: rules, capacity and withheld, and holds of which none lives."""

    rules: dict[str, EventRules]
    sizes: dict[QuotaKey, tuple[int, int]]
    holds: dict[str, Hold]


@dataclass
class Reference(Books):
    """One group, and one call at a time."""

    # The rush

    def hold(self, call: Call, wishes: Sequence[HoldRequest]) -> Reply:
        """`hold.lua`."""
        self._begin(call, may_fence=True)
        if self._known:
            self._expire_due(DUE_PER_CALL)
        return self._reply([self._hold(wish) for wish in wishes])

    def confirm(self, call: Call, wishes: Sequence[tuple[str, int, str, str]]) -> Reply:
        """`confirm.lua`: (hold id, member, method, number) each."""
        self._begin(call, may_fence=True)
        results = [self._confirm(*wish) for wish in wishes]
        if call.bounds.replica_acks and any(result[0] == Outcome.EXISTS for result in results):
            self._changed = True  # for WAIT
        return self._reply(results)

    def release(self, call: Call, wishes: Sequence[tuple[str, int]]) -> Reply:
        """`release.lua`: (hold id, member) each."""
        self._begin(call, may_fence=True)
        return self._reply([self._release(*wish) for wish in wishes])

    def expire(self, call: Call, limit: int) -> Reply:
        """`expire.lua`."""
        self._begin(call, may_fence=True)
        return self._reply([Outcome.OK, self._expire_due(limit)] if self._known else [Outcome.RECOVERING])

    def _hold(self, wish: HoldRequest) -> Answer:
        known = self.holds.get(wish.id)
        if known is not None:
            same = [(item.quota, item.quantity) for item in known.items] == sorted(wish.items)
            return [Outcome.EXISTS, known] if same else [Outcome.KEY_REUSED]
        return self._refused(wish) or [Outcome.OK, self._take(wish)]

    def _refused(self, wish: HoldRequest) -> Answer | None:
        rules = self.rules.get(wish.event_id)
        too_hasty = self._too_hasty(wish.member) if wish.channel == "web" else None
        if too_hasty:
            return too_hasty
        if not self._known:
            return [Outcome.RECOVERING]
        if rules is None or any(not 1 <= quota <= len(rules.quotas) for quota, _ in wish.items):
            return [Outcome.NOT_FOUND]
        if self._backlog >= self._bounds.backlog_max:
            return [Outcome.BACKLOG_FULL]
        return self._not_on_sale(rules, wish) or self._over_limit(rules, wish) or self._sold_out(wish)

    def _too_hasty(self, member: int) -> Answer | None:
        mine = [hold for hold in self.of_member(member) if hold.status is HoldStatus.HELD]
        wait = self.paces.get(member, Pace()).until - self._now
        if len(mine) >= self._bounds.live_holds_max:
            return [Outcome.RATE_LIMITED, 1000]
        return [Outcome.RATE_LIMITED, wait] if wait > 0 else None

    def _not_on_sale(self, rules: EventRules, wish: HoldRequest) -> Answer | None:
        if rules.state in ("closed", "cancelled") or self._now >= rules.closes_at:
            return [Outcome.SALE_CLOSED]
        if self._now < rules.opens_at:
            return [Outcome.SALE_NOT_OPEN, rules.opens_at]
        if rules.state == "paused":
            return [Outcome.SALE_PAUSED]
        eligible = rules.eligible_organisations
        if eligible is not None and not set(eligible) & set(wish.organisations.split(".")):
            return [Outcome.NOT_ELIGIBLE]
        return None

    def _over_limit(self, rules: EventRules, wish: HoldRequest) -> Answer | None:
        used = {(use.event_id, use.quota): use.held + use.bought for use in self.uses(wish.member)}
        of_event = sum(count for (event, _), count in used.items() if event == wish.event_id)
        wanted = sum(quantity for _, quantity in wish.items)
        scopes = [
            ("quota", rules.quotas[quota - 1].per_card_limit, used.get((wish.event_id, quota), 0), quantity)
            for quota, quantity in sorted(wish.items)
        ]
        scopes.append(("event", rules.per_card_limit, of_event, wanted))
        scopes.append(("group", self.limit or None, sum(used.values()), wanted))
        for scope, limit, before, more in scopes:
            if limit is not None and before + more > limit:
                return [Outcome.CARD_LIMIT_EXCEEDED, scope, limit, before]
        return None

    def _sold_out(self, wish: HoldRequest) -> Answer | None:
        for quota, quantity in sorted(wish.items):
            counts = self.counts(wish.event_id, quota)
            kept = counts.withheld if wish.channel != "desk" else 0
            available = max(0, counts.capacity - kept - counts.held - counts.sold)
            if available < quantity:
                return [Outcome.SOLD_OUT, quota, available]
        return None

    def _take(self, wish: HoldRequest) -> Hold:
        rules = self.rules[wish.event_id]
        if wish.channel == "desk":
            self._draw_on_share(wish.id, wish.event_id, sorted(wish.items))
        hold = Hold(
            id=wish.id,
            event_id=wish.event_id,
            member=wish.member,
            status=HoldStatus.HELD,
            created_at=self._now,
            expires_at=self._now + rules.hold_ms,
            items=tuple(Item(q, quantity, rules.quotas[q - 1].price) for q, quantity in sorted(wish.items)),
            channel=wish.channel,
        )
        self._put(hold)
        return hold

    def _confirm(self, hold_id: str, member: int, method: str, number: str) -> Answer:
        hold = self.holds.get(hold_id)
        if hold is None or hold.member != member:
            return [Outcome.NOT_FOUND if self._known else Outcome.RECOVERING]
        if hold.status is HoldStatus.CONFIRMED:
            return [Outcome.EXISTS, hold]
        if not self._known:
            return [Outcome.RECOVERING]
        if hold.status is HoldStatus.RELEASED:
            return [Outcome.HOLD_RELEASED]
        if hold.status is HoldStatus.EXPIRED or hold.expires_at <= self._now:
            return [Outcome.HOLD_EXPIRED]
        if not self._takes(hold, method):
            return [Outcome.PAYMENT_REQUIRED]
        order = changed(
            hold,
            status=HoldStatus.CONFIRMED,
            confirmed_at=self._now,
            payment_method=method,
            number=number,
            position=self.position + 1,
        )
        self._append("order", hold=order)
        self._put(order)
        self.paces[member] = self.paces.get(member, Pace())._replace(abandoned=0)
        return [Outcome.OK, order]

    def _takes(self, hold: Hold, method: str) -> bool:
        if method == "free":
            return hold.amount == 0
        return hold.channel == "desk" or method in self.rules[hold.event_id].payment_methods

    def _release(self, hold_id: str, member: int) -> Answer:
        hold = self.holds.get(hold_id)
        if hold is None or hold.member != member:
            return [Outcome.NOT_FOUND if self._known else Outcome.RECOVERING]
        if hold.status is HoldStatus.CONFIRMED:
            return [Outcome.HOLD_CONFIRMED]
        if hold.status in LET_GO:
            return [Outcome.EXISTS]
        if not self._known:
            return [Outcome.RECOVERING]
        self._let_go(hold, HoldStatus.EXPIRED if hold.expires_at <= self._now else HoldStatus.RELEASED)
        return [Outcome.OK]

    def _expire_due(self, limit: int) -> int:
        due = sorted((at, hold_id) for hold_id, at in self.due().items() if at <= self._now)[:limit]
        for _, hold_id in due:
            if self.strays.pop(hold_id, None) is None:
                self._let_go(self.holds[hold_id], HoldStatus.EXPIRED)
            self._changed = True
        return len(due)

    def _let_go(self, hold: Hold, status: HoldStatus) -> None:
        self._put(changed(hold, status=status))
        if hold.channel == "desk":
            self._give_back_to_origin(hold)
        pace = self.paces.get(hold.member, Pace())
        pace = pace._replace(abandoned=pace.abandoned + 1)
        if pace.abandoned >= self._bounds.abandoned_max:
            pace = Pace(0, self._now + self._bounds.pause_ms)
        self.paces[hold.member] = pace

    # The keeper

    def open(self, call: Call, limit: int, position: int) -> Reply:
        """`open.lua`."""
        self._begin(call)
        if self.epoch is not None or self.fence is not None:
            return self._reply([Outcome.EXISTS if self._known else Outcome.RECOVERING])
        self.epoch, self.limit, self.position = call.epoch, limit, position
        self._changed = True
        return self._reply([Outcome.OK])

    def configure(self, call: Call, rules: EventRules) -> Reply:
        """`configure.lua`."""
        self._begin(call, may_fence=True)
        before = self.rules.get(rules.event_id)
        if not self._known:
            return self._reply([Outcome.RECOVERING])
        if before is not None and before.version >= rules.version:
            return self._reply([Outcome.EXISTS])
        for quota in rules.quotas:
            self.sizes.setdefault((rules.event_id, quota.number), (quota.capacity, quota.withheld))
        self.rules[rules.event_id] = rules
        self._append("configure", event_id=rules.event_id, version=rules.version, state=rules.state)
        return self._reply([Outcome.OK])

    def resize(
        self,
        call: Call,
        act_id: str,
        event_id: str,
        quota: int,
        capacity: int | None,
        withheld: int | None,
        force: bool,
        more: int = 0,
    ) -> Reply:
        """`resize.lua`; None leaves one of the two as it is, and `more` come on top."""
        self._begin(call, may_fence=True)
        if act_id in self.acts:
            return self._reply([Outcome.EXISTS, [*_numbers(self.acts[act_id])]])
        if not self._known:
            return self._reply([Outcome.RECOVERING])
        if (event_id, quota) not in self.sizes:
            return self._reply([Outcome.NOT_FOUND])
        before = self.counts(event_id, quota)
        size = (
            (before.capacity if capacity is None else capacity) + more,
            before.withheld if withheld is None else withheld,
        )
        if size[1] > size[0]:
            return self._reply([Outcome.INVALID])
        in_use = before.held + before.sold
        if capacity is not None and capacity < in_use and not force:
            return self._reply([Outcome.CAPACITY_IN_USE, in_use])
        self._withhold(act_id, event_id, quota, size)
        self.acts[act_id] = self.counts(event_id, quota)
        return self._reply([Outcome.OK, [*_numbers(self.acts[act_id])]])

    def restock(self, call: Call, returns: Sequence[tuple[str, int, str]]) -> Reply:
        """`restock.lua`: (order id, places as bits, where they go) each."""
        self._begin(call, may_fence=True)
        return self._reply([self._restock(*one) for one in returns])

    def _restock(self, order_id: str, places: int, to: str) -> Answer:
        if not self._known:
            return [Outcome.RECOVERING]
        hold = self.holds.get(order_id)
        if hold is None or hold.status is not HoldStatus.CONFIRMED:
            return [Outcome.NOT_FOUND]
        new = places & ~hold.returned_places
        if new == 0:
            return [Outcome.OK, 0]
        after = changed(hold, returned_places=hold.returned_places | new)
        self._append("restock", order_id=order_id, places=new)
        before, left = dict(seats(hold)), dict(seats(after))
        self._put(after)
        back = {quota: count - left.get(quota, 0) for quota, count in before.items()}
        for quota in [item.quota for item in hold.items if back.get(item.quota)]:
            count = self._drawn(hold, quota, back[quota]) if to == "origin" else back[quota]
            if to != "web":
                self._keep_for_desk(hold, quota, count)
        return [Outcome.OK, sum(back.values())]

    def trim(self, call: Call, up_to: int) -> Reply:
        """`trim.lua`."""
        self._begin(call)
        if not self._known:
            return self._reply([Outcome.RECOVERING])
        left = [entry for entry in self.log if entry.position > up_to]
        dropped, self.log = len(self.log) - len(left), left
        return self._reply([Outcome.OK, dropped])

    def archive(self, call: Call, position: int) -> Reply:
        """`archive.lua`."""
        self._begin(call)
        if not self._known:
            return self._reply([Outcome.RECOVERING])
        if self.position != position or self.log or self.due():
            return self._reply([Outcome.OK, 0])
        reply = self._reply([Outcome.OK, 1])
        self.wipe()
        return reply

    def restore(
        self, call: Call, made: Made | None, position: int, limit: int, void: Sequence[Hold]
    ) -> Reply:
        """`restore.lua` of the rebuild whose token is the call's epoch; `made` is None when it is not whole."""
        self._begin(call)
        if self.fence != call.epoch or made is None:
            return self._reply([Outcome.RECOVERING])
        self.rules, self.sizes, self.holds = dict(made.rules), dict(made.sizes), dict(made.holds)
        self.paces, self.log, self.strays, self.fence = {}, [], {}, None
        self.standing = {h.id: h for h in self.holds.values() if h.status in LIVE_OR_SOLD}
        self.epoch, self.limit, self.position = call.epoch, limit, position
        for hold in void:
            self._give_back_to_origin(hold)
        self._changed = True
        return self._reply([Outcome.OK])

    # Reading

    def read_holds(self, call: Call, ids: Sequence[str]) -> Reply:
        """`read_holds.lua`."""
        self._begin(call)
        unknown = False if self._known else [Outcome.RECOVERING]
        return self._reply([self.holds.get(hold_id, unknown) for hold_id in ids])

    def read_ledgers(self, call: Call, members: Sequence[int]) -> Reply:
        """`read_ledgers.lua`, with the uses in order."""
        self._begin(call)
        return self._reply([self._ledger(member) for member in members])

    def _ledger(self, member: int) -> list[Any]:
        uses = [[use.event_id, use.quota, use.held, use.bought] for use in self.uses(member)]
        return [sorted(uses), [[hold.id, hold] for hold in self.of_member(member)]]

    def read_group(self, call: Call) -> GroupState | None:
        """`read_group.lua` as `protocol.group_from` understands it."""
        self._begin(call)
        if self.epoch is None:
            return None
        events = {
            event_id: EventState(rules, {q.number: self.counts(event_id, q.number) for q in rules.quotas})
            for event_id, rules in self.rules.items()
        }
        next_due = min(self.due().values(), default=None)
        return GroupState(
            self._now,
            self.epoch,
            self._known,
            self.position,
            len(self.log),
            self.limit or None,
            events,
            next_due,
            self.fence,
        )


def _numbers(counts: QuotaCounts) -> tuple[int, int, int, int]:
    return counts.capacity, counts.withheld, counts.held, counts.sold
