"""The rows of the way into SQL: the drain against a bare insert, and orders recorded while they are sold."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import Table, func, select

from ticketing.bench import hammering
from ticketing.bench.arena import Arena, ArenaFailed, worker
from ticketing.bench.endpoints import confirm_request, hold_request
from ticketing.bench.figures import Row, Turn, compared
from ticketing.bench.hammering import Order
from ticketing.bench.sale import Sale, put_on_sale
from ticketing.bootstrap import AsyncServices
from ticketing.database import reading
from ticketing.inventory.model import Decided
from ticketing.orders import repository, tables
from ticketing.orders.bulk import insert_rows
from ticketing.queue.worker import drain_of
from ticketing.rehearsal.population import build_tree, populate
from ticketing.services.orders import order_from_hold

TURNS = 5
ORDERS_PER_TURN = 10_000
TICKETS_PER_ORDER = 2
SALE_SECONDS = 10.0
RECORD_SECONDS_MAX = 120.0

_ORDERS, _TICKETS = cast("Table", tables.Order.__table__), cast("Table", tables.Ticket.__table__)

Batch = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]
"""Rows of orders, and of their tickets."""


class IntoSql:
    """Measures the rows of one database."""

    def __init__(self, arena: Arena, services: AsyncServices) -> None:
        self._arena = arena
        self._services = services
        self._dialect = services.engine.dialect.name
        places = build_tree(services.sessions)
        now = services.keeper.now_ms()
        number = 2 * ORDERS_PER_TURN
        residents = populate(services.sessions, services.keyring, places, number, now, series=now % 10**9)
        self._members = [resident.member for resident in residents]

    def rows(self) -> Iterator[Row]:
        """Each row when it is measured."""
        yield self._drained()
        yield self._recorded()

    # The drain alone

    def _drained(self) -> Row:
        turns = [Turn(*self._turn(put_on_sale(self._services))) for _ in range(TURNS)]
        return compared(f"drain_vs_bulk_insert_{self._dialect}", "orders/s", turns, target=0.7)

    def _turn(self, sale: Sale) -> tuple[float, float]:
        mine, theirs = self._members[:ORDERS_PER_TURN], self._members[ORDERS_PER_TURN:]
        asyncio.run(self._sell(sale, mine))
        ours = self._timed_drain(sale)
        asyncio.run(self._sell(sale, theirs))
        return ours, self._timed_insert(self._prepared(sale))

    async def _sell(self, sale: Sale, members: Sequence[int]) -> None:
        services = self._arena.services()
        number = services.keyring.order_number

        async def buy(member: int) -> object:
            await services.inventory.hold(sale.group_id, sale.wish(member, TICKETS_PER_ORDER))
            hold_id = sale.hold_id(member)
            return await services.inventory.confirm(sale.group_id, hold_id, member, "free", number(hold_id))

        try:
            for start in range(0, len(members), 500):
                outcomes = await asyncio.gather(*(buy(member) for member in members[start : start + 500]))
                assert all(isinstance(outcome, Decided) for outcome in outcomes)
        finally:
            await services.aclose()

    def _timed_drain(self, sale: Sale) -> float:
        drain = drain_of(self._services)
        began = time.perf_counter()
        while drain.run(sale.group_id):
            pass
        return ORDERS_PER_TURN / (time.perf_counter() - began)

    def _prepared(self, sale: Sale) -> list[Batch]:
        """What the drain would insert next, in its batches, ready before the clock runs."""
        services, batches = self._services, []
        after = (services.keeper.last_position(sale.group_id) or 0) - ORDERS_PER_TURN
        while entries := services.keeper.read_log(sale.group_id, after, services.settings.drain_batch_max):
            after = entries[-1].position
            orders = [order_from_hold(entry.hold, "CNY") for entry in entries if entry.hold]
            rows = repository.order_rows(orders, services.clock.now_ms()), repository.ticket_rows(orders)
            batches.append(rows)
        return batches

    def _timed_insert(self, batches: Sequence[Batch]) -> float:
        began = time.perf_counter()
        for orders, tickets in batches:
            with self._services.sessions.begin() as session:
                insert_rows(session, _ORDERS, repository.ORDER_COLUMNS, orders)
                insert_rows(session, _TICKETS, repository.TICKET_COLUMNS, tickets)
        return sum(len(orders) for orders, _ in batches) / (time.perf_counter() - began)

    # Everything at once

    def _recorded(self) -> Row:
        """Holds and confirms over HTTP by 64 members at a time, until SQL has the last order."""
        sale = put_on_sale(self._services)
        members = self._members
        requests = (ask(sale, member) for member in members for ask in (hold_request, confirm_request))
        path = hammering.write_requests(self._arena.directory / "requests", requests)
        order = Order("127.0.0.1", self._arena.port, path, SALE_SECONDS, chain=2)
        with worker(self._arena):
            began = time.perf_counter()
            report = hammering.hammer(self._arena.directory, order, "200 201")
            sold = report.statuses["200"]
            self._wait_for(sale, sold)
            seconds = time.perf_counter() - began
        return Row(
            name=f"recorded_orders_per_second_{self._dialect}",
            unit="orders/s",
            value=sold / seconds,
            target=1_500.0,
            client_cpu=report.cpu_share,
            note=f"{sold:,} orders held, confirmed and recorded in {seconds:.1f} s",
        )

    def _wait_for(self, sale: Sale, number: int) -> None:
        deadline = time.monotonic() + RECORD_SECONDS_MAX
        query = select(func.count()).select_from(_ORDERS).where(_ORDERS.c.event_id == sale.event_id)
        while time.monotonic() < deadline:
            with reading(self._services.sessions) as session:
                if session.scalar(query) == number:
                    return
            time.sleep(0.05)
        raise ArenaFailed(f"not all of {number} orders were recorded within {RECORD_SECONDS_MAX:.0f} s")
