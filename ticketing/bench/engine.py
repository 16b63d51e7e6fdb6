"""The rows of the inventory alone: batches against single calls, what a hold costs as a sale grows, and its memory."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import uvloop

from ticketing import bootstrap
from ticketing.bench.arena import Arena, arena
from ticketing.bench.figures import Row, Turn, compared, grown
from ticketing.bench.sale import Sale, put_on_sale
from ticketing.bootstrap import Services, bounds_of
from ticketing.inventory import protocol, scripts
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided
from ticketing.inventory.rush import Inventory

TURNS = 5
HOLDS_PER_TURN = 10_000
DEEP = 16
"""Single calls under way at once."""

AT_ONCE = 512
SIZES = (1_000, 100_000)
PROBES, PROBE, WARM = 5, 500, 500
"""How often the cost is measured at each size, over how many holds, and after how many: others had the caches."""


class Engine:
    """Measures the inventory's rows in one arena; memory is weighed with `most` tickets sold."""

    def __init__(self, where: Arena, services: Services, most: int) -> None:
        self._arena = where
        self._services = services
        self._redis: Any = services.redis
        self._most = most

    def rows(self) -> Iterator[Row]:
        """Each row when it is measured."""
        yield self._batches()
        yield self._memory("redis_bytes_per_ticket", 1, 250.0)
        yield self._memory("redis_bytes_per_ticket_of_three", 3, 120.0)

    # Batches

    def _batches(self) -> Row:
        sale = put_on_sale(self._services)
        turns = []
        for _ in range(TURNS):
            single = self._timed(lambda: self._one_by_one(sale))
            ours = self._timed(lambda: self._hold(sale, HOLDS_PER_TURN))
            turns.append(Turn(HOLDS_PER_TURN / ours, HOLDS_PER_TURN / single))
        return compared("engine_vs_single_evalsha", "holds/s", turns, target=2.0)

    def _timed(self, act: Callable[[], object]) -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    def _one_by_one(self, sale: Sale) -> None:
        """One hold in each EVALSHA, sixteen of them on their way."""
        script = scripts.load("hold")
        self._redis.script_load(script.source)
        epoch = self._services.watermarks.epoch(sale.group_id) or ""
        envelope = protocol.envelope(epoch, 0, bounds_of(self._arena.settings))
        keys = group_keys(sale.group_id)
        for _ in range(HOLDS_PER_TURN // DEEP):
            pipeline = self._redis.pipeline(transaction=False)
            for _ in range(DEEP):
                wish = protocol.encode([protocol.hold_wish(sale.wish(sale.member()))])
                pipeline.execute_command("EVALSHA", script.digest, len(keys), *keys, envelope, wish)
            for raw in pipeline.execute():
                assert protocol.decode(raw).results[0][0] == 0

    # Growth

    def grown(self, size: int) -> Sale:
        """A sale of so many holds."""
        sale = put_on_sale(self._services)
        self._hold(sale, size)
        return sale

    def cost(self, sale: Sale) -> float:
        """Microseconds of the server for one hold, in full batches."""
        self._hold(sale, WARM)
        self._redis.config_resetstat()
        self._hold(sale, PROBE)
        return float(self._redis.info("commandstats")["cmdstat_evalsha"]["usec"]) / PROBE

    # Memory

    def _memory(self, name: str, quantity: int, target: float) -> Row:
        """Bytes of Redis for each ticket sold, once SQL has recorded the orders."""
        sale = put_on_sale(self._services, quotas=4)
        before = self._used()
        members = [sale.member() for _ in range(self._most // quantity)]
        self._run(
            lambda inventory: _each(members, lambda m: inventory.hold(sale.group_id, sale.wish(m, quantity)))
        )
        number = self._services.keyring.order_number

        def confirm(inventory: Inventory, member: int) -> Awaitable[object]:
            hold_id = sale.hold_id(member)
            return inventory.confirm(sale.group_id, hold_id, member, "free", number(hold_id))

        self._run(lambda inventory: _each(members, lambda m: confirm(inventory, m)))
        self._trim(sale)
        used = (self._used() - before) / (len(members) * quantity)
        note = f"{len(members) * quantity:,} tickets sold"
        return Row(name=name, unit="bytes", value=used, target=target, most=True, note=note)

    def _used(self) -> int:
        self._redis.memory_purge()
        return int(self._redis.info("memory")["used_memory"])

    def _trim(self, sale: Sale) -> None:
        keeper = self._services.keeper
        epoch = self._services.watermarks.epoch(sale.group_id) or ""
        keeper.trim(sale.group_id, epoch, keeper.last_position(sale.group_id) or 0)

    # Running

    def _hold(self, sale: Sale, number: int) -> None:
        members = [sale.member() for _ in range(max(0, number))]
        self._run(lambda inventory: _each(members, lambda m: inventory.hold(sale.group_id, sale.wish(m))))

    def _run(self, act: Callable[[Inventory], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            services = self._arena.services()
            try:
                await act(services.inventory)
            finally:
                await services.aclose()

        uvloop.run(run())


def among_holds(directory: Path, most: int) -> Row:
    """What a hold costs in sales of each size, up to `most` holds: each on a server of its own, in turns."""
    sizes = (*(size for size in SIZES if size < most), most)
    with ExitStack() as stack:
        sales = []
        for size in sizes:
            where = stack.enter_context(arena(directory / str(size)))
            services = stack.enter_context(closing(bootstrap.build(where.settings)))
            engine = Engine(where, services, most)
            sales.append((engine, engine.grown(size - PROBES * (WARM + PROBE))))
        costs = [[engine.cost(sale) for engine, sale in sales] for _ in range(PROBES)]
    return grown("hold_growth_with_holds", costs, [f"{size:,} holds" for size in sizes], target=1.15)


async def _each(members: list[int], ask: Callable[[int], Awaitable[object]]) -> None:
    """Ask for every member, hundreds at a time; every answer must be a yes."""
    for start in range(0, len(members), AT_ONCE):
        outcomes = await asyncio.gather(*(ask(member) for member in members[start : start + AT_ONCE]))
        for outcome in outcomes:
            assert isinstance(outcome, Decided), outcome
