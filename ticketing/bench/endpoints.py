"""The HTTP rows: each hot call against an empty endpoint, in turns, over 64 connections that stay.

Every hold, confirm and refusal is a member's of their own, with a session that the process has never seen.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median

import msgspec

from ticketing.bench import hammering
from ticketing.bench.arena import Arena
from ticketing.bench.figures import Row, Turn, compared
from ticketing.bench.hammering import Order, Report, get, post
from ticketing.bench.sale import KEY, Sale, put_on_sale
from ticketing.bootstrap import AsyncServices
from ticketing.inventory.model import Decided
from ticketing.rehearsal.population import SERIES_MAX, build_tree, populate

TURNS = 5
PER_SECOND_MOST = 30_000
"""Requests prepared for each second of a turn; no server here answers more."""

Requests = Callable[[int], Iterable[bytes]]
"""So many requests that were never sent."""

_BODY = b'{"quota_id":"abcdefgh-1","quantity":1}'
_EMPTY_POST, _EMPTY_GET = post("/wishes", "", _BODY), get("/nothing")
_PAYMENT = b'{"payment":{"method":"free"}}'
_HALF = 0.5
LOGINS_AT_ONCE = 8
MEMBERS = 2_000


@dataclass(frozen=True)
class Call:
    """A row to be: which requests, what they are answered, and the empty request beside them."""

    name: str
    requests: Requests
    expected: str
    empty: bytes
    target: float
    once: bool = True


class Endpoints:
    """Measures the HTTP rows in one arena."""

    def __init__(self, arena: Arena, services: AsyncServices, seconds: float) -> None:
        self._arena = arena
        self._services = services
        self._seconds = seconds
        self._sale = put_on_sale(services)
        self._sold_out = put_on_sale(services, capacity=0, quotas=1)
        self._file = arena.directory / "requests"

    def rows(self) -> Iterator[Row]:
        """Each row when it is measured."""
        event, page = f"/api/v1/events/{self._sale.event_id}", f"/events/{self._sale.event_id}"
        calls = [
            Call("hold_vs_empty_endpoint", self._holds, "201", _EMPTY_POST, 2.5),
            Call("confirm_vs_empty_endpoint", self._confirms, "200", _EMPTY_POST, 2.3),
            Call("refuse_vs_empty_endpoint", self._refusals, "409", _EMPTY_POST, 2.5),
            self._reading("page_vs_empty_endpoint", get(page)),
            self._reading(
                "page_signed_in_vs_empty_endpoint", get(page, self._sale.token(self._sale.member()))
            ),
            self._reading("event_vs_empty_endpoint", get(event)),
            self._reading("availability_vs_empty_endpoint", get(f"{event}/availability")),
        ]
        for call in calls:
            yield self._compare(call)
        yield self._latency()
        yield self._during_logins()

    @staticmethod
    def _reading(name: str, request: bytes) -> Call:
        return Call(name, lambda _: [request], "200", _EMPTY_GET, 2.5, once=False)

    def _compare(self, call: Call) -> Row:
        turns: list[Turn] = []
        busiest = 0.0
        for _ in range(TURNS):
            ours = self._ours(call)
            empty = self._hammer(
                self._arena.empty_port, [call.empty], "201" if call.once else "200", once=False
            )
            turns.append(Turn(ours.per_second, empty.per_second))
            busiest = max(busiest, ours.cpu_share, empty.cpu_share)
        return compared(call.name, "requests/s", turns, target=call.target, client_cpu=busiest)

    def _ours(self, call: Call) -> Report:
        number = int(self._seconds * PER_SECOND_MOST) if call.once else 1
        return self._hammer(self._arena.port, call.requests(number), call.expected, once=call.once)

    def _hammer(
        self, port: int, requests: Iterable[bytes], expected: str, *, once: bool, rate: float = 0.0
    ) -> Report:
        path = hammering.write_requests(self._file, requests)
        order = Order("127.0.0.1", port, path, self._seconds, once=once, rate=rate)
        return hammering.hammer(self._arena.directory, order, expected)

    def _latency(self) -> Row:
        """p99 of a hold at half of the throughput of the moment."""
        number = int(self._seconds * PER_SECOND_MOST)
        found = []
        for _ in range(TURNS):
            most = self._hammer(self._arena.port, self._holds(number), "201", once=True).per_second
            rate = _HALF * most
            paced = self._hammer(self._arena.port, self._holds(number), "201", once=True, rate=rate)
            found.append(paced.p99)
        return Row(
            name="hold_p99_at_half_throughput",
            unit="ms",
            value=sorted(found)[TURNS // 2],
            target=25.0,
            most=True,
        )

    def _during_logins(self) -> Row:
        """Holds while others sign in on eight connections, against holds alone."""
        path = self._arena.directory / "logins"
        logins = Order(
            "127.0.0.1",
            self._arena.port,
            hammering.write_requests(path, self._logins()),
            self._seconds,
            connections=LOGINS_AT_ONCE,
            once=False,
        )
        number = int(self._seconds * PER_SECOND_MOST)
        turns, signed_in = [], []
        for _ in range(TURNS):
            alone = self._hammer(self._arena.port, self._holds(number), "201", once=True).per_second
            requests = list(self._holds(number))
            others = hammering.start(self._arena.directory, logins)
            beside = self._hammer(self._arena.port, requests, "201", once=True).per_second
            signed_in.append(hammering.finish(others, logins, "201").per_second)
            turns.append(Turn(beside, alone))
        note = f"{median(signed_in):.0f} logins/s meanwhile"
        return compared("hold_during_logins", "holds/s", turns, target=0.8, note=note)

    def _logins(self) -> Iterator[bytes]:
        """Members with cards and PINs, made for this."""
        services, now = self._services, self._services.keeper.now_ms()
        places = build_tree(services.sessions)
        people = populate(services.sessions, services.keyring, places, MEMBERS, now, series=now % SERIES_MAX)
        for _, person in people:
            wish = {"card_number": person.card_number, "pin": person.pin}
            yield post("/api/v1/sessions", "", msgspec.json.encode(wish))

    # Requests

    def _holds(self, number: int) -> Iterator[bytes]:
        return (hold_request(self._sale, self._sale.member()) for _ in range(number))

    def _confirms(self, number: int) -> Iterator[bytes]:
        members = [self._sale.member() for _ in range(number)]
        asyncio.run(hold_all(self._arena, self._sale, members))
        return (confirm_request(self._sale, member) for member in members)

    def _refusals(self, number: int) -> Iterator[bytes]:
        """Half of them find the event sold out, half have reached their limit."""
        greedy = [self._sale.member() for _ in range(number // 2)]
        asyncio.run(hold_all(self._arena, self._sale, greedy, quantity=3))
        for member in greedy:
            path = f"/api/v1/events/{self._sale.event_id}/holds"
            yield post(path, self._sale.token(member), self._sale.body(member), "another")
            yield hold_request(self._sold_out, self._sold_out.member())


def hold_request(sale: Sale, member: int) -> bytes:
    """A member's hold."""
    path = f"/api/v1/events/{sale.event_id}/holds"
    return post(path, sale.token(member), sale.body(member), KEY)


def confirm_request(sale: Sale, member: int) -> bytes:
    """The confirm of that hold."""
    return post(f"/api/v1/holds/{sale.hold_id(member)}/confirm", sale.token(member), _PAYMENT)


async def hold_all(arena: Arena, sale: Sale, members: list[int], quantity: int = 1) -> None:
    """Give each of the members a hold, without the API."""
    services = arena.services()
    waiting = iter(members)
    try:
        while some := list(islice(waiting, 512)):
            wishes = (services.inventory.hold(sale.group_id, sale.wish(m, quantity)) for m in some)
            outcomes = await asyncio.gather(*wishes)
            assert all(isinstance(outcome, Decided) for outcome in outcomes), outcomes[0]
    finally:
        await services.aclose()
