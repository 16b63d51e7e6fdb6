"""Goal: rebuilds in the middle of a rush, two at a time, lose no acknowledged order, double none and oversell nothing.

Method: members buy, cancel and drains run in threads, each with connections and a memory of their own, while
two threads rebuild the group again and again; at the end the clients' records are compared with SQL.
"""

import threading
from collections.abc import Callable
from functools import partial
from itertools import count

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.disasters import violations
from tests.support.shop import Shop
from ticketing.clock import ServerClock
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import HoldRequest
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.queue.drain import Drain
from ticketing.services.rebuild import RebuildService

BUYERS, SECONDS, CAPACITY = 3, 4.0, 400


class Process:
    """What one process has: a connection, a keeper, and a memory of the group."""

    def __init__(self, shop: Shop, redis_url: str) -> None:
        self.shop = shop
        self.redis = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
        self.watermarks = Watermarks()
        self.clock = ServerClock()
        bounds = Bounds(live_holds_max=100, abandoned_max=10_000)
        self.keeper = Keeper(self.redis, self.clock, bounds, self.watermarks)

    def rebuilds(self) -> RebuildService:
        """As `ticketing rebuild` has it."""
        shop = self.shop
        return RebuildService(shop.sessions, self.keeper, shop.keyring, self.clock, self.watermarks)

    def hear(self) -> None:
        """Read the cursors, as housekeeping does."""
        with reading(self.shop.sessions) as session:
            for at in orders.cursors(session):
                self.watermarks.expect(at.group_id, at.epoch, at.position)


class Rush:
    """One event under attack; every act runs in a thread until `over`."""

    def __init__(self, shop: Shop, redis_url: str) -> None:
        self.shop = shop
        self.redis_url = redis_url
        self.event = shop.sale(CAPACITY)
        self.over = threading.Event()
        self.acknowledged: list[str] = []
        self.faults: list[BaseException] = []
        self.rebuilt = 0
        self.overtaken = 0

    def process(self) -> "Process":
        """A process that starts now."""
        return Process(self.shop, self.redis_url)

    def run(self, *acts: Callable[[], None]) -> None:
        """Let all of them work for some seconds."""
        threads = [threading.Thread(target=self._heard, args=(act,), daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join(30)

    def buyer(self, member: int) -> None:
        """Buys one ticket after the other, repeating what was not answered."""
        process = self.process()
        for key in count():
            if self.over.is_set():
                return
            self._buy(process, member, str(key))

    def drainer(self) -> None:
        """Records the log in small batches."""
        process = self.process()
        drain = Drain(self.shop.sessions, process.keeper, process.clock, process.watermarks, 20)
        while not self.over.wait(0.02):
            drain.run(self.event)

    def rebuilder(self) -> None:
        """Rebuilds again and again, though nothing is wrong."""
        process = self.process()
        while not self.over.wait(0.05):
            try:
                process.rebuilds().rebuild(self.event)
                self.rebuilt += 1
            except Refusal as refusal:
                if refusal.code is not Code.RECOVERING:
                    raise
                self.overtaken += 1

    def _buy(self, process: "Process", member: int, key: str) -> None:
        keyring = self.shop.keyring
        hold_id = keyring.hold_id(self.event, member, "web", key)
        wish = HoldRequest(hold_id, self.event, member, "district.street-1", ((1, 1),))
        while not self.over.is_set():
            answer = process.keeper.hold(self.event, wish)
            if not isinstance(answer, Refusal):
                number = keyring.order_number(hold_id)
                answer = process.keeper.confirm(self.event, hold_id, member, "free", number)
            if not isinstance(answer, Refusal):
                self.acknowledged.append(hold_id)
            if not isinstance(answer, Refusal) or answer.code is not Code.RECOVERING:
                return  # bought, sold out, or its hold became void
            process.hear()

    def _heard(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as fault:  # noqa: BLE001 - whatever it is, the test must hear of it
            self.faults.append(fault)


def test_rebuilds_in_a_rush(shop: Shop, redis_url: str) -> None:
    rush = Rush(shop, redis_url)
    buyers = [partial(rush.buyer, member) for member in range(1, BUYERS + 1)]
    rush.run(*buyers, rush.drainer, rush.rebuilder, rush.rebuilder)
    assert rush.faults == []

    rush.process().rebuilds().rebuild(rush.event)
    shop.keeper._watermarks._known.clear()
    while shop.drain().run(rush.event):
        pass
    assert shop.recorded().keys() == set(rush.acknowledged)
    assert len(set(rush.acknowledged)) == len(rush.acknowledged) == shop.counts(rush.event).sold <= CAPACITY
    assert rush.rebuilt > 3
    assert len(rush.acknowledged) > 10
    assert violations(shop) == []
