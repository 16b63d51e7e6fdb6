"""Goal: what the room records is read back the same, twice is once, and a twin that differs is refused.

Method: both databases, without Redis; every rule of the tables that the drain leans on is broken once.
"""

from collections.abc import Sequence

import pytest
from msgspec import structs
from sqlalchemy.exc import DataError, IntegrityError

from ticketing.catalogue.tables import AllowanceGroup, Event, Quota
from ticketing.database import Sessions, reading
from ticketing.members.tables import Member, Organisation
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord, OrderRecord, Poison, TicketRecord

AT = 9_000


@pytest.fixture
def shelf(sessions: Sessions) -> Sessions:
    """An event with one quota and one member."""
    with sessions.begin() as session:
        session.add(Organisation(id="city", parent_id=None, name="City", kind="city", path="city"))
        session.flush()
        session.add(Member(id=1, organisation_id="city", name="Lin", created_at=0))
        session.add(AllowanceGroup(id="event", organisation_id="city", name="Film", opened_at=1, epoch="e"))
        session.flush()
        session.add(
            Event(
                id="event",
                group_id="event",
                organisation_id="city",
                title="Film",
                starts_at=1,
                opens_at=1,
                closes_at=2,
                payment_methods=["free"],
                created_at=0,
            )
        )
        session.flush()
        session.add(Quota(id="event-1", event_id="event", number=1, name="Seats", capacity=100))
        orders.open_cursor(session, "event", "e")
    return sessions


def order(position: int, tickets: int = 2, **changes: object) -> OrderRecord:
    number = f"NUMBER{position:06}"
    record = OrderRecord(
        id=f"event.{position}",
        number=number,
        event_id="event",
        member_id=1,
        position=position,
        channel="web",
        status="confirmed",
        amount=0,
        currency="CNY",
        payment_method="free",
        payment_status="not_needed",
        created_at=position,
        hold_expires_at=position + 300,
        confirmed_at=position,
        recorded_at=None,
        tickets=tuple(TicketRecord(f"{number}-{n}", "event-1", n, 0) for n in range(1, tickets + 1)),
    )
    return structs.replace(record, **changes)


def record(sessions: Sessions, records: Sequence[OrderRecord]) -> int:
    with sessions.begin() as session:
        return orders.record_orders(session, records, AT)


def test_orders_come_back_as_they_went_in(shelf: Sessions) -> None:
    records = [order(n, tickets=1 + n % 3) for n in range(1, 2_500)]  # more than one IN () holds
    assert record(shelf, records) == len(records)
    with reading(shelf) as session:
        found = orders.by_ids(session, [one.id for one in records])
        assert orders.by_number(session, records[7].number) == structs.replace(records[7], recorded_at=AT)
        assert len(orders.recorded(session, [one.id for one in records] + ["event.unknown"])) == len(records)
    by_position = sorted(found, key=lambda one: one.position)
    assert by_position == [structs.replace(one, recorded_at=AT) for one in records]


def test_what_is_there_already_is_left_and_only_the_rest_goes_in(shelf: Sessions) -> None:
    assert record(shelf, [order(2)]) == 1
    with shelf.begin() as session:
        first = orders.get(session, "event.2")
        assert first is not None
        orders.void_tickets(session, first, [first.tickets[0].code], "test", 1)
    assert record(shelf, [order(1), order(2), order(3)]) == 2
    assert record(shelf, [order(1), order(2), order(3)]) == 0
    assert record(shelf, []) == 0
    with reading(shelf) as session:
        known = orders.get(session, "event.2")
    assert known is not None
    assert [ticket.status for ticket in known.tickets] == ["void", "issued"]


@pytest.mark.parametrize(
    "twin",
    [
        {"amount": 1},
        {"position": 9},
        {"number": "ANOTHER00001"},
        {"payment_method": "desk"},
        {"confirmed_at": 77},
        {"tickets": order(1).tickets[:1]},
        {"tickets": (TicketRecord("ANOTHER-1", "event-1", 1, 0), order(1).tickets[1])},
    ],
)
def test_a_twin_that_says_something_else_is_poison(shelf: Sessions, twin: dict[str, object]) -> None:
    record(shelf, [order(1)])
    with pytest.raises(Poison):
        record(shelf, [structs.replace(order(1), **twin), order(2)])
    with reading(shelf) as session:
        assert orders.get(session, "event.2") is None


def test_what_changes_later_makes_no_poison(shelf: Sessions) -> None:
    record(shelf, [order(1, payment_status="due", status="confirmed")])
    assert record(shelf, [order(1, payment_status="paid", status="cancelled")]) == 0


@pytest.mark.parametrize(
    "broken",
    [
        order(1, member_id=2),
        order(1, event_id="unknown"),
        order(1, tickets=2, member_id=None),
        structs.replace(order(1), tickets=(TicketRecord("A-1", "event-9", 1, 0),)),
        structs.replace(order(1), tickets=order(1).tickets[:1] * 2),
        order(1, created_at=1 << 70),
    ],
)
def test_what_the_tables_refuse_is_an_error_of_data(shelf: Sessions, broken: OrderRecord) -> None:
    with pytest.raises((IntegrityError, DataError, OverflowError)):
        record(shelf, [broken])
    with reading(shelf) as session:
        assert orders.by_ids(session, [broken.id]) == []


def test_the_same_order_twice_in_a_batch_is_refused(shelf: Sessions) -> None:
    with pytest.raises(IntegrityError):
        record(shelf, [order(1), order(1)])


def test_a_cursor_moves_only_from_where_it_was_read(shelf: Sessions) -> None:
    with shelf.begin() as session:
        at = orders.cursor(session, "event", lock=True)
        assert at == CursorRecord("event", "e", 0)
        orders.open_cursor(session, "event", "another")
        assert orders.cursors(session) == [at], "an open cursor stays as it is"
        assert orders.move_cursor(session, at, 5)
        assert not orders.move_cursor(session, at, 7)
        assert not orders.move_cursor(session, CursorRecord("event", "another", 5), 7)
        assert orders.cursor(session, "event") == CursorRecord("event", "e", 5)
        assert orders.cursor(session, "unknown") is None


def test_the_last_void_ticket_takes_the_order_with_it(shelf: Sessions) -> None:
    record(shelf, [order(1, tickets=3)])
    codes = [ticket.code for ticket in order(1, tickets=3).tickets]
    with shelf.begin() as session:
        for wanted, count, status in (
            ([codes[1]], 1, "confirmed"),
            (codes[:2], 1, "confirmed"),
            (codes, 1, "cancelled"),
        ):
            now = orders.get(session, "event.1", lock=True)
            assert now is not None
            issued = [ticket.code for ticket in now.to_collect if ticket.code in wanted]
            assert orders.void_tickets(session, now, issued, "test", AT) == count
            after = orders.get(session, "event.1")
            assert after is not None
            assert after.status == status
            assert orders.void_tickets(session, after, issued, "test", AT) == 0
        returns = orders.pending_returns(session, 10)
        assert [one.places for one in returns] == [0b010, 0b001, 0b100]
        orders.mark_restocked(session, [returns[0].id], AT)
        assert [one.places for one in orders.pending_returns(session, 10, "event.1")] == [0b001, 0b100]
        assert orders.pending_returns(session, 10, "event.2") == []


def test_a_set_aside_entry_is_kept_once(shelf: Sessions) -> None:
    at = CursorRecord("event", "e", 0)
    with shelf.begin() as session:
        for _ in range(2):
            orders.set_aside(session, at, 4, b"\xc1", "damaged", AT)
        (entry,) = orders.set_aside_entries(session, "event")
        assert (entry.position, entry.entry, entry.reason) == (4, b"\xc1", "damaged")
        assert orders.set_aside_entries(session, "other") == []
