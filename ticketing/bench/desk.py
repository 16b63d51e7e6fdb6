"""The rows of the desk: a swipe against a bare indexed select, and how long twenty desks at once wait for one.

A whole district has cards, and every second of them an order to collect; the cards come in no order.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import cast

import msgspec
from sqlalchemy import Table, select

from ticketing.bench import hammering
from ticketing.bench.arena import Arena
from ticketing.bench.figures import Row, Turn, compared
from ticketing.bench.hammering import Order, Report, post
from ticketing.bench.sale import HOUR_MS, Sale, put_on_sale
from ticketing.bootstrap import AsyncServices
from ticketing.database import reading
from ticketing.identifiers import quota_id, ticket_code
from ticketing.members.tables import Card
from ticketing.orders import repository, tables
from ticketing.orders.bulk import insert_rows
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.queue.worker import drain_of
from ticketing.rehearsal.population import SERIES_MAX, build_tree, populate, sign_staff

CARDS, ORDERS = 182_850, 100_000
DESKS = 20
EVENTS = 5
TURNS = 5
TURN_SECONDS = 2.0
TICKETS_PER_ORDER = 2
P99_MOST_MS = 150.0
_SWIPES = 20_000
_PIECE = 2_000
_ORDERS, _TICKETS = cast("Table", tables.Order.__table__), cast("Table", tables.Ticket.__table__)

Ask = Callable[[str], object]
"""Something that is done with a card's number."""


class Desk:
    """Measures the rows of one database."""

    def __init__(self, arena: Arena, services: AsyncServices) -> None:
        self._arena = arena
        self._services = services
        self._dialect = services.engine.dialect.name
        self._clerk, self._token = sign_staff(services.signer, services.keeper.now_ms())
        sales = [put_on_sale(services, wait_s=0.0) for _ in range(EVENTS)]
        self._cards = self._give_out_cards(sales)
        for sale in sales:
            drain_of(services).run(sale.group_id)  # as at a desk on any day: the books have it all

    def rows(self) -> Iterator[Row]:
        """Each row when it is measured."""
        turns = [Turn(self._per_second(self._swipe), self._per_second(self._select)) for _ in range(TURNS)]
        note = f"{CARDS:,} cards, {ORDERS:,} orders, {DESKS} threads each"
        yield compared(f"swipe_vs_indexed_select_{self._dialect}", "swipes/s", turns, note=note)
        yield self._latency()

    def _give_out_cards(self, sales: list[Sale]) -> list[str]:
        """Members with a card each, some with an order; their card numbers, shuffled."""
        services, now = self._services, self._services.keeper.now_ms()
        places = build_tree(services.sessions)
        people = populate(services.sessions, services.keyring, places, CARDS, now, series=now % SERIES_MAX)
        random.Random(1).shuffle(people)
        orders = (
            self._order(sales[place % EVENTS], resident.member, place, now)
            for place, resident in enumerate(people[:ORDERS])
        )
        while piece := list(islice(orders, _PIECE)):
            with services.sessions.begin() as session:
                rows = repository.order_rows(piece, now)
                insert_rows(session, _ORDERS, repository.ORDER_COLUMNS, rows)
                insert_rows(session, _TICKETS, repository.TICKET_COLUMNS, repository.ticket_rows(piece))
        numbers = [resident.person.card_number for resident in people]
        random.Random(2).shuffle(numbers)
        return numbers

    def _order(self, sale: Sale, member: int, place: int, now: int) -> OrderRecord:
        hold_id = sale.hold_id(member)
        number = self._services.keyring.order_number(hold_id)
        seats = range(1, TICKETS_PER_ORDER + 1)
        quota = quota_id(sale.event_id, member % sale.quotas + 1)
        return OrderRecord(
            id=hold_id,
            number=number,
            event_id=sale.event_id,
            member_id=member,
            position=place + 1,
            channel="web",
            status=tables.CONFIRMED,
            amount=0,
            currency="CNY",
            payment_method="free",
            payment_status=tables.NOT_NEEDED,
            created_at=now,
            hold_expires_at=now + HOUR_MS,
            confirmed_at=now,
            recorded_at=now,
            tickets=tuple(TicketRecord(ticket_code(number, seat), quota, seat, 0) for seat in seats),
        )

    # In this process

    def _per_second(self, ask: Ask) -> float:
        """How often every desk together does something with a card, each one after the other."""
        began = time.perf_counter()
        until = began + TURN_SECONDS

        def desk(number: int) -> int:
            done = 0
            for card_number in islice(self._cards, number, None, DESKS):
                if time.perf_counter() > until:
                    break
                ask(card_number)
                done += 1
            return done

        with ThreadPoolExecutor(DESKS) as threads:
            total = sum(threads.map(desk, range(DESKS)))
        return total / (time.perf_counter() - began)

    def _swipe(self, card_number: str) -> object:
        return self._services.desk.swipe(self._clerk, card_number)

    def _select(self, card_number: str) -> object:
        digest = self._services.keyring.card_digest(card_number)
        with reading(self._services.sessions) as session:
            return session.execute(select(Card.member_id).where(Card.number_digest == digest)).one()

    # Over HTTP

    def _latency(self) -> Row:
        """p99 from the request to the answer, each desk swiping again as soon as it is answered."""
        requests = (
            post("/api/v1/desk/swipes", self._token, msgspec.json.encode({"card_number": number}))
            for number in self._cards[:_SWIPES]
        )
        path = hammering.write_requests(self._arena.directory / "swipes", requests)
        hurried = [self._hammer(path, 0.0) for _ in range(TURNS)]
        calm = [self._hammer(path, float(DESKS)) for _ in range(TURNS)]
        middle = _middle(hurried)
        return Row(
            name=f"swipe_p99_of_{DESKS}_desks_{self._dialect}",
            unit="ms",
            value=middle.p99,
            target=P99_MOST_MS,
            most=True,
            client_cpu=middle.cpu_share,
            note=f"without a pause: {middle.per_second:,.0f} swipes/s, half within {middle.p50:.0f} ms; "
            f"a swipe a second at each desk: p99 {_middle(calm).p99:.0f} ms",
        )

    def _hammer(self, path: str, rate: float) -> Report:
        order = Order(
            "127.0.0.1", self._arena.port, path, TURN_SECONDS, connections=DESKS, rate=rate, once=False
        )
        return hammering.hammer(self._arena.directory, order, "200")


def _middle(reports: list[Report]) -> Report:
    return sorted(reports, key=lambda report: report.p99)[len(reports) // 2]
