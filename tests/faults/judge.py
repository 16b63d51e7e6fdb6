"""Compares what the clients were told with Redis and SQL (I1 to I5), once everybody rests and the books are closed."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select

from tests.faults.clients import SCARCE
from tests.faults.records import Booking, Records
from tests.faults.world import SCARCE_PER_CARD, STOCK, World
from ticketing.database import reading
from ticketing.identifiers import quota_number
from ticketing.inventory.model import Hold, HoldStatus, QuotaCounts
from ticketing.orders.tables import COLLECTED, VOID, Order, Pickup, Ticket
from ticketing.services.audit import audit


class Violation(NamedTuple):
    """What is wrong: `lost` and `doubled` are what must never be; `record` is what the client was told."""

    kind: str
    text: str
    record: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" + (f"\n    {self.record}" if self.record else "")


class Books(NamedTuple):
    """Redis and SQL, read while nothing moves."""

    orders: dict[str, Order]
    tickets: dict[str, list[Ticket]]
    handed_out: Counter[str]
    holds: dict[str, Hold]
    counts: dict[int, QuotaCounts]


def judge(world: World, records: Records) -> list[Violation]:
    """Every violation there is."""
    books = read(world)
    if books is None:
        return [Violation("lost", "Redis does not know the sale")]
    found = [*_of_promises(books, records), *_of_strangers(books, records), *_of_counts(books, records)]
    found += [*_of_limits(records), *_of_hand_overs(books, records)]
    found += [Violation("answer", text, str(one)) for one in records.bookings for text in one.wrong]
    report = audit(world.services.sessions, world.services.keeper)
    return found + [
        Violation("audit", f"{one.invariant} {one.subject}: {one.text}", records.of(one.subject))
        for one in report.violations
    ]


def read(world: World) -> Books | None:
    """The books; None when Redis has forgotten the sale."""
    keeper = world.services.keeper
    state = keeper.state(world.event)
    if state is None or world.event not in state.events:
        return None
    with reading(world.services.sessions) as session:
        orders = {order.id: order for order in session.scalars(select(Order))}
        tickets: dict[str, list[Ticket]] = {order: [] for order in orders}
        for ticket in session.scalars(select(Ticket).order_by(Ticket.place)):
            tickets.setdefault(ticket.order_id, []).append(ticket)
        pickups = session.scalars(select(Pickup).where(Pickup.undone_at.is_(None)))
        handed_out = Counter(code for pickup in pickups for code in pickup.ticket_codes)
    holds = {hold.id: hold for hold in keeper.all_holds(world.event)}
    return Books(orders, tickets, handed_out, holds, state.events[world.event].counts)


def _of_promises(books: Books, records: Records) -> Iterator[Violation]:
    """I2: each order that somebody was told of is there once, with its tickets."""
    for booking in records.orders:
        assert booking.order is not None
        order_id = booking.order["id"]
        if order_id not in books.orders:
            yield Violation("lost", f"order {order_id} is not in SQL", str(booking))
            continue
        hold = books.holds.get(order_id)
        if hold is None or hold.status is not HoldStatus.CONFIRMED:
            yield Violation("lost", f"order {order_id} is not confirmed in Redis", str(booking))
        order, tickets = books.orders[order_id], books.tickets[order_id]
        if (order.number, order.member_id) != (booking.order["number"], booking.member):
            yield Violation("lost", f"order {order_id} is another's in SQL", str(booking))
        if [ticket.code for ticket in tickets] != booking.codes:
            yield Violation("lost", f"order {order_id} has other tickets in SQL", str(booking))
        if {ticket.code for ticket in tickets if ticket.status == VOID} != booking.cancelled:
            yield Violation("lost", f"order {order_id} is not cancelled as was told", str(booking))


def _of_strangers(books: Books, records: Records) -> Iterator[Violation]:
    """I4: what nobody was told of exists nowhere; every key has one order at most."""
    told = Counter(str(booking.order["id"]) for booking in records.orders if booking.order)
    known = {str(booking.hold["id"]) for booking in records.bookings if booking.hold}
    for order in books.orders.keys() - told.keys():
        yield Violation("doubled", f"order {order} is in SQL, and nobody was told of it", records.of(order))
    for booking in records.bookings:
        if not all(map(records.was_rebuilt_since, booking.void_at)):
            text = f"the key of member {booking.member} held twice, and nobody rebuilt"
            yield Violation("doubled", text, str(booking))
    for order in (order for order, count in told.items() if count > 1):
        yield Violation("doubled", f"order {order} was given to two keys", records.of(order))
    for hold in books.holds.keys() - known:
        yield Violation("doubled", f"hold {hold} is in Redis, and nobody was told of it")


def _of_counts(books: Books, records: Records) -> Iterator[Violation]:
    """I1: counts are the sum of what people have."""
    held, sold = Counter[int](), Counter[int]()
    for booking in records.bookings:
        if booking.order is not None:
            sold.update(_seats_kept(booking))
        elif booking.hold is not None and not booking.released:
            yield from _of_hold(books, records, booking, held)
    for quota, counts in books.counts.items():
        if counts.capacity != STOCK[quota] or counts.held + counts.sold > counts.capacity:
            yield Violation("doubled", f"quota {quota} is oversold: {counts}")
        if (counts.held, counts.sold) != (held[quota], sold[quota]):
            kind = "doubled" if (counts.held, counts.sold) > (held[quota], sold[quota]) else "lost"
            yield Violation(
                kind, f"quota {quota}: {counts}, told were {held[quota]} held, {sold[quota]} sold"
            )


def _seats_kept(booking: Booking) -> Iterator[int]:
    assert booking.order is not None
    for ticket in booking.order["tickets"]:
        if ticket["code"] not in booking.cancelled:
            yield quota_number(booking.order["event_id"], ticket["quota_id"]) or 0


def _of_hold(books: Books, records: Records, booking: Booking, held: Counter[int]) -> Iterator[Violation]:
    assert booking.hold is not None
    hold = books.holds.get(booking.hold["id"])
    is_held = hold is not None and hold.status is HoldStatus.HELD
    if is_held:
        held.update(booking.items)
    elif not records.was_rebuilt_since(booking.asked_at):
        yield Violation("lost", f"hold {booking.hold['id']} is gone, and nobody rebuilt", str(booking))


def _of_limits(records: Records) -> Iterator[Violation]:
    """I3: nobody was promised more than a card may have."""
    kept = Counter[int]()
    for booking in records.orders:
        kept[booking.member] += sum(seat == SCARCE for seat in _seats_kept(booking))
    for member in (member for member, count in kept.items() if count > SCARCE_PER_CARD):
        mine = [str(booking) for booking in records.orders if booking.member == member]
        yield Violation(
            "doubled", f"member {member} has {kept[member]} of a scarce quota", "\n    ".join(mine)
        )


def _of_hand_overs(books: Books, records: Records) -> Iterator[Violation]:
    """I5: each ticket was handed out as often as clerks were told to, and that is once."""
    told = Counter(code for one in records.standing_hand_overs for code in one.codes)
    of = {code: one.order for one in records.standing_hand_overs for code in one.codes}
    collected = {t.code for tickets in books.tickets.values() for t in tickets if t.status == COLLECTED}
    for code in told.keys() | books.handed_out.keys() | collected:
        seen = told[code], books.handed_out[code], int(code in collected)
        if seen != (1, 1, 1):
            kind = "doubled" if max(seen) > 1 else "lost"
            yield Violation(
                kind, f"ticket {code}: (told, handed out, collected) is {seen}", records.of(of.get(code, ""))
            )
