"""Goal: every order of the log is in SQL once, whatever dies between Redis and SQL, and nothing is lost.

Method: the real servers. A run is stopped before and after each of its steps and repeated; drains run at
once; entries are damaged; SQL goes away. Each guard is then taken out, to see what it was for.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.support.fuses import Fuse, PowerCut
from tests.support.shop import Shop
from ticketing.catalogue.tables import Quota
from ticketing.database import reading
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import LogEntry
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import bulk
from ticketing.orders import repository as orders
from ticketing.orders.model import CursorRecord
from ticketing.orders.tables import Cursor, Order, SetAside
from ticketing.queue.drain import Drain, _orders_of

BUYERS = range(1, 13)


def fused(shop: Shop, at: int, batch_max: int = 5) -> tuple[Drain, Fuse]:
    """A drain that dies at its `at`-th step."""
    fuse = Fuse(at)
    sessions, keeper = fuse.sessions(shop.sessions), fuse.keeper(shop.keeper)
    return Drain(sessions, keeper, shop.clock, Watermarks(), batch_max), fuse


def sell(shop: Shop) -> tuple[str, dict[str, int]]:
    """An event with two quotas and twelve orders; its id, and the tickets of each order."""
    event_id = shop.sale(100, 100)
    sold = {shop.buy(event_id, n, (1, 1), *[(2, n % 3)] * (n % 3 > 0)): 1 + n % 3 for n in BUYERS}
    return event_id, sold


def assert_all_recorded(shop: Shop, event_id: str, sold: dict[str, int]) -> None:
    """Each order once with its tickets, the cursor at the log's end, and the log empty."""
    assert {order: len(codes) for order, codes in shop.recorded().items()} == sold
    state = shop.keeper.state(event_id)
    with reading(shop.sessions) as session:
        cursor = orders.cursor(session, event_id)
    assert state is not None
    assert cursor is not None
    assert cursor.position == state.position
    assert state.backlog == 0
    for quota in (1, 2):
        counts = shop.counts(event_id, quota)
        assert counts.available + counts.held + counts.sold == counts.capacity


def test_it_records_what_was_sold(shop: Shop) -> None:
    event_id, sold = sell(shop)
    one = next(iter(sold))

    assert shop.drain().run(event_id) == len(sold) + 1  # and the entry of `configure`

    assert_all_recorded(shop, event_id, sold)
    with reading(shop.sessions) as session:
        order = orders.get(session, one)
    assert order is not None
    hold = shop.keeper.look_up(event_id, one)
    assert hold is not None
    assert (order.number, order.member_id, order.position) == (hold.number, hold.member, hold.position)
    assert (order.status, order.payment_status, order.currency) == ("confirmed", "not_needed", "CNY")
    assert order.items == ((f"{event_id}-1", 1, 0), (f"{event_id}-2", 1, 0))
    assert [ticket.code for ticket in order.tickets] == [f"{order.number}-1", f"{order.number}-2"]
    assert order.recorded_at is not None


def test_a_crash_at_any_step_loses_and_doubles_nothing(shop: Shop) -> None:
    """Each step of a run of three batches, the reading ahead among them; another process goes on."""
    all_sold: dict[str, int] = {}
    at, crashed = 0, True
    while crashed:
        at += 1
        event_id, sold = sell(shop)
        all_sold |= sold
        drain, fuse = fused(shop, at)
        try:
            drain.run(event_id)
        except PowerCut:
            assert fuse.crossed >= at
        else:
            crashed = fuse.crossed >= at  # what was read ahead in vain may have died unseen
        while shop.drain().run(event_id):
            pass
        assert_all_recorded(shop, event_id, all_sold)
    assert at > 20, "the fuse blew at fewer places than a run has steps"


def test_control_without_the_shared_transaction_a_crash_loses_orders(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the cursor moves in a transaction of its own."""
    event_id, sold = sell(shop)

    def commit_in_two(drain: Drain, at: CursorRecord, entries: Sequence[LogEntry]) -> bool:
        with drain._sessions.begin() as session:
            orders.move_cursor(session, at, entries[-1].position)
        with drain._sessions.begin() as session:
            orders.record_orders(session, _orders_of(session, entries), 0)
        return True

    monkeypatch.setattr(Drain, "_commit", commit_in_two)
    # After trim, read and the cursor's commit, two steps each; a batch of all leaves nothing to read ahead.
    drain, _ = fused(shop, at=7, batch_max=100)
    with pytest.raises(PowerCut):
        drain.run(event_id)
    while shop.drain(5).run(event_id):
        pass
    assert len(shop.recorded()) < len(sold)


def test_drains_at_once_record_each_order_once(shop: Shop) -> None:
    event_id, sold = sell(shop)
    start = Barrier(4)

    def race(_: int) -> int:
        start.wait()
        total = 0
        while moved := shop.drain(2).run(event_id):
            total += moved
        return total

    with ThreadPoolExecutor(4) as pool:
        recorded = sum(pool.map(race, range(4)))
    shop.drain().run(event_id)
    assert recorded <= len(sold) + 1
    assert_all_recorded(shop, event_id, sold)


def test_control_an_unguarded_cursor_lets_a_slow_drain_go_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the cursor is set without asking where it was."""
    event_id, sold = sell(shop)
    slow = shop.drain(2)

    def set_blindly(session: Session, at: CursorRecord, to: int) -> bool:
        statement = update(Cursor).where(Cursor.group_id == at.group_id).values(position=to)
        session.execute(statement)
        return True

    at = slow._cursor(event_id)
    assert at is not None
    entries = shop.keeper.read_log(event_id, at.position, 2)
    while shop.drain().run(event_id):
        pass
    assert slow._commit(at, entries) is False
    assert_all_recorded(shop, event_id, sold)

    monkeypatch.setattr(orders, "move_cursor", set_blindly)
    assert slow._commit(at, entries)
    with reading(shop.sessions) as session:
        cursor = orders.cursor(session, event_id)
    assert cursor is not None
    assert cursor.position == 2, "the cursor went back behind entries that are gone"


def test_an_order_that_the_desk_recorded_first_is_no_conflict(shop: Shop) -> None:
    event_id, sold = sell(shop)
    with shop.sessions.begin() as session:
        assert shop.orders.ensure_recorded(session, next(iter(sold)))
    shop.drain().run(event_id)
    assert_all_recorded(shop, event_id, sold)
    assert set_aside(shop) == []


def test_control_without_the_conflict_clause_such_an_order_is_set_aside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a plain INSERT."""
    insert_rows = bulk.insert_rows

    def insert_plainly(session: Session, table: Any, columns: Any, rows: Any, _tail: str = "") -> int:
        return insert_rows(session, table, columns, rows)

    event_id, sold = sell(shop)
    with shop.sessions.begin() as session:
        assert shop.orders.ensure_recorded(session, next(iter(sold)))
    monkeypatch.setattr(orders, "insert_rows", insert_plainly)
    shop.drain().run(event_id)
    assert len(set_aside(shop)) == 1


def test_poison_is_found_and_set_aside_while_its_neighbours_go_on(shop: Shop) -> None:
    event_id, sold = sell(shop)
    poisoned = list(sold)[4]
    with shop.sessions.begin() as session:
        shop.orders.ensure_recorded(session, poisoned)
        session.execute(update(Order).where(Order.id == poisoned).values(amount=12_345))

    while shop.drain().run(event_id):
        pass

    assert set(shop.recorded()) == set(sold)
    (entry,) = set_aside(shop)
    hold = shop.keeper.look_up(event_id, poisoned)
    assert hold is not None
    assert (entry.group_id, entry.position) == (event_id, hold.position)
    assert poisoned in entry.reason
    assert shop.counts(event_id).sold == len(sold), "the seat stays sold"
    state = shop.keeper.state(event_id)
    assert state is not None
    assert state.backlog == 0


@pytest.mark.parametrize("damage", [b"\xc1", b"\x92\xa5order\x01", b"\x91\xa7unknown"])
def test_an_entry_that_cannot_be_read_is_set_aside(shop: Shop, damage: bytes) -> None:
    event_id, sold = sell(shop)
    log = group_keys(event_id)[6]
    entries: Any = shop.redis.xrange(log)
    victim = entries[3][0]
    shop.redis.delete(log)
    for entry_id, fields in entries:
        shop.redis.xadd(log, {"e": damage} if entry_id == victim else fields, id=entry_id)

    while shop.drain().run(event_id):
        pass

    assert len(shop.recorded()) == len(sold) - 1
    (entry,) = set_aside(shop)
    assert (entry.position, entry.entry) == (4, damage)


def test_an_outage_makes_no_poison(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id, sold = sell(shop)

    def away(*_: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))

    with monkeypatch.context() as outage:
        outage.setattr(orders, "record_orders", away)
        with pytest.raises(OperationalError):
            shop.drain().run(event_id)
    assert shop.recorded() == {}
    assert set_aside(shop) == []
    while shop.drain().run(event_id):
        pass
    assert_all_recorded(shop, event_id, sold)
    assert set_aside(shop) == []


def test_when_redis_does_not_answer_it_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id, _ = sell(shop)
    shop.redis.close()

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("Redis did not answer")

    monkeypatch.setattr(Keeper, "trim", away)
    with pytest.raises(StoreUnavailable):
        shop.drain().run(event_id)
    assert shop.recorded() == {}


def test_a_gap_stops_the_cursor(shop: Shop) -> None:
    event_id, _ = sell(shop)
    log = group_keys(event_id)[6]
    shop.redis.xdel(log, "6-0")

    while shop.drain().run(event_id):
        pass

    with reading(shop.sessions) as session:
        cursor = orders.cursor(session, event_id)
    assert cursor is not None
    assert cursor.position == 5
    assert shop.redis.xlen(log) > 0, "what comes after the gap stays in the log"


def test_another_epoch_or_a_log_behind_sql_is_left_alone(shop: Shop) -> None:
    event_id, _ = sell(shop)
    with shop.sessions.begin() as session:
        session.execute(text("UPDATE cursors SET epoch = 'another'"))
    assert shop.drain().run(event_id) == 0
    assert shop.recorded() == {}

    epoch = shop.event(event_id).group.epoch
    with shop.sessions.begin() as session:
        session.execute(text("UPDATE cursors SET epoch = :epoch, position = 10000"), {"epoch": epoch})
    assert shop.drain().run(event_id) == 0
    assert shop.recorded() == {}


def test_a_resize_reaches_sql_through_the_log(shop: Shop) -> None:
    event_id, _ = sell(shop)
    shop.sale_keeper.resize(event_id, 1, 250, 20, act_id="first")
    shop.sale_keeper.resize(event_id, 1, 240, 10, act_id="second")
    shop.drain().run(event_id)
    with reading(shop.sessions) as session:
        row = session.execute(select(Quota.capacity, Quota.withheld).where(Quota.id == f"{event_id}-1")).one()
    assert tuple(row) == (240, 10)


def set_aside(shop: Shop) -> list[SetAside]:
    """What the drain could not record."""
    with reading(shop.sessions) as session:
        return orders.set_aside_entries(session)
