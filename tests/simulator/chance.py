"""Random schedules: the same seed, the same steps.

Few members, few keys, little stock and a clock that jumps, so that what seldom meets in a real sale meets here
every few steps: a key again, a limit, the last ticket, a hold at the end of its time, a copy from before.
"""

from collections.abc import Callable, Collection, Iterator
from random import Random
from typing import TypeVar

from msgspec.structs import replace as changed

from tests.simulator import steps
from tests.simulator.steps import AnyStep
from ticketing.inventory.model import EventRules, Hold, HoldRequest, HoldStatus, QuotaRules
from ticketing.inventory.protocol import Bounds

T = TypeVar("T")

STEPS = 150
"""Steps of one schedule."""

HOLD_MS = 60_000
PROCESSES = 3
_BEGIN = 1_000_000
_PATHS = {1: "city.east", 2: "city.east", 3: "city.west", 4: "city", 5: "town"}
_KEYS = tuple("abcdef")
_WAITS = (0,) * 24 + (1, 200, 1_000, 5_000, 20_000, 20_000, HOLD_MS, -30_000)
_STATES = ("published",) * 9 + ("paused", "closed", "cancelled")
_ELIGIBLE = (None, ("east",), ("city", "town"), ("west", "town"), ())
_RECENT = 8


class Chance:
    """Draws one schedule, step by step, while it is played: `standing` are the holds that are live or sold now."""

    def __init__(self, seed: int, standing: Callable[[], Collection[Hold]]) -> None:
        self.seed = seed
        self.standing = standing
        self.random = Random(seed)
        self.at = _BEGIN
        self.asked: list[tuple[str, int]] = []
        """Ids that holds were asked for, each with its member."""
        self.acts = 0
        self.tokens = 0
        self.versions = 3
        self.calm = self.below(3) > 0
        """Most sales are open to all and stay so; in the others everything is tried."""
        self.mending: Callable[[], AnyStep] | None = None
        self.drawn: list[AnyStep] = []
        events = self.one_of((1, 1, 2, 3))
        self.quotas = {f"e{number}": self.below(3) + 1 for number in range(1, events + 1)}

    # Draws

    def below(self, n: int) -> int:
        return int(self.random.random() * n)

    def one_of(self, values: "tuple[T, ...] | list[T]") -> T:
        return values[int(self.random.random() * len(values))]

    def seldom(self, one_in: int) -> bool:
        return self.random.random() * one_in < 1

    # A schedule

    def steps(self, length: int) -> Iterator[AnyStep]:
        """The next step, once those before it have been played."""
        limit = self.one_of((None, None, None, 3, 6))
        yield self.keep(steps.Open(at=self.at, epoch="first", limit=limit))
        yield from map(self.keep, map(self.configure, [*self.quotas]))
        for verb in self.random.choices(_VERBS, _WEIGHTS, k=length - len(self.drawn)):
            self.at += self.one_of(_WAITS)
            yield self.keep(self.mending() if self.mending and self.seldom(3) else verb(self))

    def keep(self, step: AnyStep) -> AnyStep:
        self.drawn.append(step)
        return step

    def bounds(self) -> Bounds:
        """Under which its calls are made; to be drawn first."""
        return Bounds(
            backlog_max=self.one_of((6, 12, 100_000, 100_000)),
            live_holds_max=self.one_of((2, 3, 100, 100)),
            abandoned_max=self.one_of((1, 3, 1_000, 1_000)),
            pause_ms=HOLD_MS,
            replica_acks=self.below(2),
        )

    def step(self) -> dict[str, int]:
        return {"at": self.at, "by": self.below(PROCESSES)}

    def again(self) -> AnyStep:
        """A step from before once more, by the same process or by another, as after a lost answer."""
        step = self.drawn[-1 - self.below(min(len(self.drawn), _RECENT))]
        return changed(step, **self.step())

    # The rush

    def hold(self) -> AnyStep:
        return steps.Hold(**self.step(), wishes=tuple(self.wish() for _ in range(self.batch())))

    def wish(self) -> HoldRequest:
        event = self.event()
        member, channel, key = self.below(5) + 1, "desk" if self.seldom(8) else "web", self.one_of(_KEYS)
        hold_id = f"{event}.{member}{channel}{key}"
        self.asked.append((hold_id, member))
        return HoldRequest(hold_id, event, member, _PATHS[member], self.items(event), channel)

    def items(self, event: str) -> tuple[tuple[int, int], ...]:
        count = self.quotas.get(event, 1)
        first = self.below(count) + 1
        if self.seldom(60):
            first = count + 1
        second = self.below(count) + 1
        if first != second and self.seldom(3):
            return (first, self.quantity()), (second, self.quantity())
        return ((first, self.quantity()),)

    def confirm(self) -> AnyStep:
        methods = ("free", "desk", "desk", "cash", "coins")
        wishes = ((*self.id_of(HoldStatus.HELD), self.one_of(methods)) for _ in range(self.batch()))
        return steps.Confirm(**self.step(), wishes=tuple(wishes))

    def release(self) -> AnyStep:
        wishes = (self.id_of(HoldStatus.HELD) for _ in range(self.batch()))
        return steps.Release(**self.step(), wishes=tuple(wishes))

    def expire(self) -> AnyStep:
        return steps.Expire(**self.step(), limit=self.one_of((1, 2, 256)))

    def batch(self) -> int:
        return self.one_of((1, 1, 1, 1, 2, 5))

    def quantity(self) -> int:
        return self.one_of((1, 1, 1, 2, 3))

    def event(self) -> str:
        return "e9" if self.seldom(60) else f"e{self.below(len(self.quotas)) + 1}"

    def id_of(self, status: HoldStatus) -> tuple[str, int]:
        """Mostly of a hold in this state, and of its member."""
        standing = list(self.standing())
        those = [hold for hold in standing if hold.status is status] or standing
        if those and not self.seldom(5):
            hold = self.one_of(those)
            return hold.id, hold.member % 5 + 1 if self.seldom(30) else hold.member
        return self.one_of(self.asked[-_RECENT:]) if self.asked and not self.seldom(9) else ("e1.nobody", 1)

    # The keeper

    def configure(self, event: str | None = None) -> AnyStep:
        event = event or self.event()
        self.versions += 1
        if self.seldom(4):
            self.quotas[event] = min(self.quotas.get(event, 1) + 1, 4)
        calm = self.calm and not self.seldom(5)
        opens = self.at - 1_000 if calm else self.at + self.one_of((-1_000, 0, 20_000))
        price = self.one_of((0, 0, 500))
        quotas = (self.quota(number, price) for number in range(1, self.quotas.get(event, 1) + 1))
        rules = EventRules(
            event_id=event,
            version=self.versions - 3 * self.seldom(5),
            opens_at=opens,
            closes_at=opens + (10**9 if calm else self.one_of((HOLD_MS, 10**9))),
            state="published" if calm else self.one_of(_STATES),
            per_card_limit=self.one_of((None, None, 2, 4)),
            hold_ms=self.one_of((HOLD_MS, HOLD_MS, 5_000)),
            eligible_organisations=None if calm else self.one_of(_ELIGIBLE),
            payment_methods=self.one_of((("free", "desk"), ("free", "desk"), ("free",), ("desk", "cash"))),
            quotas=tuple(quotas),
        )
        return steps.Configure(**self.step(), rules=rules)

    def quota(self, number: int, price: int) -> QuotaRules:
        limit, capacity = self.one_of((None, None, None, 1, 3)), self.below(16)
        return QuotaRules(number, price * self.below(2), limit, capacity, self.one_of((0, 0, 1)))

    def resize(self) -> AnyStep:
        self.acts += 1
        capacity, withheld = self.one_of((None, 0, 1, 2, 4, 9)), self.one_of((None, None, 0, 1, 3))
        event = self.event()
        quota = self.below(self.quotas.get(event, 1) + self.seldom(20)) + 1
        force = self.seldom(3)
        return steps.Resize(
            **self.step(),
            act=f"act{self.acts}",
            event=event,
            quota=quota,
            capacity=capacity,
            withheld=withheld,
            force=force,
            more=self.one_of((0, 0, 1, 3)),
        )

    def restock(self) -> AnyStep:
        return steps.Restock(**self.step(), returns=tuple(self.returned() for _ in range(self.batch())))

    def returned(self) -> tuple[str, int, str]:
        order_id, chosen = self.id_of(HoldStatus.CONFIRMED)[0], self.below(60)
        return order_id, 1 + chosen // 4, ("web", "desk", "origin", "origin")[chosen % 4]

    def open(self) -> AnyStep:
        return steps.Open(**self.step(), epoch=self.one_of(("first", "first", "another")), limit=None)

    def drain(self) -> AnyStep:
        return steps.Drain(**self.step(), entries=self.one_of((1, 3, 100, 100)))

    def archive(self) -> AnyStep:
        return steps.Archive(**self.step(), beside=self.one_of((0, 0, 0, -1, 1)))

    # Reading

    def read_holds(self) -> AnyStep:
        return steps.ReadHolds(
            **self.step(), ids=tuple(self.id_of(HoldStatus.HELD)[0] for _ in range(self.batch()))
        )

    def read_ledgers(self) -> AnyStep:
        members = tuple(self.below(5) + 1 for _ in range(self.batch()))
        return steps.ReadLedgers(**self.step(), members=members)

    def read_group(self) -> AnyStep:
        return steps.ReadGroup(**self.step())

    # What befalls

    def fault(self) -> AnyStep:
        if self.calm and not self.seldom(3):
            return self.hold()
        self.mending = self.fence
        match self.below(4):
            case 0:
                return steps.Wipe(**self.step())
            case 1:
                return steps.Suspend(**self.step())
        return steps.GoBack(**self.step())

    def copy(self) -> AnyStep:
        return steps.Copy(**self.step())

    def know(self) -> AnyStep:
        return steps.Restart(**self.step()) if self.seldom(2) else steps.Learn(**self.step())

    def stray(self) -> AnyStep:
        return steps.Stray(**self.step(), id=f"e1.stray{self.below(3)}")

    # A rebuild, which seldom goes through at once

    def token(self) -> str:
        """Of the latest rebuild, or of the one before, which is late."""
        return f"epoch{self.tokens - self.seldom(8)}"

    def fence(self) -> AnyStep:
        self.tokens += 1
        self.mending = self.make
        return steps.Fence(**self.step(), token=f"epoch{self.tokens}")

    def make(self) -> AnyStep:
        self.mending = self.fence if self.seldom(8) else self.reopen
        return steps.Make(**self.step(), token=self.token())

    def reopen(self) -> AnyStep:
        if self.seldom(8):
            return steps.Lose(**self.step(), token=self.token())
        self.mending = self.one_of((self.fence, self.make, self.hear, self.hear, self.hear, self.hear))
        return steps.Reopen(**self.step(), token=self.token())

    def hear(self) -> AnyStep:
        if self.seldom(3):
            self.mending = None
        return steps.Learn(**self.step())


_CHANCES: dict[Callable[[Chance], AnyStep], int] = {
    Chance.hold: 340,
    Chance.confirm: 180,
    Chance.release: 60,
    Chance.expire: 50,
    Chance.configure: 25,
    Chance.resize: 40,
    Chance.restock: 60,
    Chance.open: 4,
    Chance.drain: 50,
    Chance.archive: 5,
    Chance.read_holds: 20,
    Chance.read_ledgers: 25,
    Chance.read_group: 10,
    Chance.again: 80,
    Chance.fault: 6,
    Chance.copy: 8,
    Chance.know: 30,
    Chance.stray: 2,
}
_VERBS, _WEIGHTS = list(_CHANCES), list(_CHANCES.values())
