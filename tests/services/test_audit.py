"""Goal: the audit finds nothing in a sound system, however busy, and names each invariant that is broken.

Method: the real servers. Sales, cancels and hand-overs of every kind, drained and not; then one thing at a
time is broken behind the engine's back, and the audit must name just that. At last it runs in a rush.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import sleep

import msgspec
import pytest
from sqlalchemy import text

from tests.support.shop import Shop
from ticketing.catalogue.model import EventChanges, QuotaChanges
from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided, Hold
from ticketing.orders.tables import Order
from ticketing.services import audit as subject
from ticketing.services.audit import AuditReport, audit


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def busy(shop: Shop) -> str:
    """An event with live, released and confirmed holds, a return, hand-overs, and orders in flight."""
    event_id = shop.sale(50, 50, per_card_limit=10)
    sold = [shop.buy(event_id, member, (1, 2), (2, 1)) for member in range(1, 9)]
    shop.drain().run(event_id)
    shop.orders.cancel(1, sold[0])
    shop.orders.cancel(2, sold[1], [f"{shop.keyring.order_number(sold[1])}-2"])
    pickup = shop.desk.pick_up(shop.clerk, "a", sold[2], None, "desk 1")
    shop.desk.pick_up(shop.clerk, "b", sold[3], [f"{shop.keyring.order_number(sold[3])}-1"], "desk 1")
    shop.desk.undo(shop.clerk, pickup.id, "wrong person")
    shop.hold(event_id, 20, (1, 3))
    released = shop.hold(event_id, 21, (1, 3))
    assert isinstance(released, Decided)
    shop.keeper.release(event_id, released.hold.id, 21)
    for member in range(30, 35):
        shop.buy(event_id, member, (2, 1))
    return event_id


def look(shop: Shop) -> AuditReport:
    return audit(shop.sessions, shop.keeper)


def found(shop: Shop) -> set[tuple[str, str]]:
    """(invariant, subject) of every violation."""
    report = look(shop)
    assert report.ok == (not report.violations)
    return {(violation.invariant, violation.subject) for violation in report.violations}


def test_a_sound_system_is_clean_with_orders_in_flight_and_without(shop: Shop, busy: str) -> None:
    report = look(shop)
    assert report.violations == ()
    assert report.ok
    assert report.backlog > 0
    shop.drain().run(busy)
    report = look(shop)
    assert (report.violations, report.backlog, report.groups) == ((), 0, 1)
    assert (report.orders, report.tickets) == (13, 8 * 3 - 4 + 5)


def test_a_cancel_on_its_way_back_is_no_violation(
    shop: Shop, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = next(iter(shop.orders.page(5)[0]))
    monkeypatch.setattr(shop.returns, "give_back", lambda _order_id: 0)
    shop.orders.cancel(5, order.id)
    assert look(shop).ok
    monkeypatch.undo()
    assert shop.returns.give_back() == 3
    assert look(shop).ok


def test_a_forced_resize_is_no_oversale_and_an_unforced_one_is(shop: Shop) -> None:
    event_id = shop.sale(10)
    for member in range(1, 6):
        shop.buy(event_id, member, (1, 1))
    group = shop.event(event_id).group
    assert group.epoch is not None
    shop.keeper.resize(group.id, group.epoch, "act", event_id, 1, 3, 0, True)
    assert found(shop) == {("I1", f"{event_id}-1")}, "nobody of the staff asked for it"


@pytest.mark.parametrize("of_quota", [False, True])
def test_a_limit_lowered_in_mid_sale_makes_nobody_a_cheat(shop: Shop, of_quota: bool) -> None:
    event_id = shop.sale(10, per_card_limit=3)
    shop.buy(event_id, 1, (1, 3))
    if of_quota:
        shop.quotas.change(shop.street, event_id, f"{event_id}-1", QuotaChanges(per_card_limit=2))
    else:
        shop.catalogue.patch_event(shop.street, event_id, EventChanges(per_card_limit=2))
    assert look(shop).ok


def break_stock(shop: Shop, event_id: str, place: int, by: int) -> None:
    """Change a quota's stock (0 capacity, 1 withheld, 2 held, 3 sold) behind the engine's back."""
    key, field = group_keys(event_id)[2], f"{event_id}/1"
    packed = shop.redis.hget(key, field)
    assert isinstance(packed, bytes)
    counts = msgspec.msgpack.decode(packed)
    counts[place] += by
    shop.redis.hset(key, field, msgspec.msgpack.encode(counts))


def sql(shop: Shop, statement: str) -> None:
    with shop.sessions.begin() as session:
        session.execute(text(statement))


def test_a_seat_sold_twice_is_i1(shop: Shop, busy: str) -> None:
    break_stock(shop, busy, 3, -1)
    assert found(shop) == {("I1", f"{busy}-1")}


def test_a_held_ticket_that_no_hold_has_is_i1(shop: Shop, busy: str) -> None:
    break_stock(shop, busy, 2, 1)
    assert found(shop) == {("I1", f"{busy}-1")}


def test_oversold_is_i1(shop: Shop, busy: str) -> None:
    break_stock(shop, busy, 0, -40)
    assert found(shop) == {("I1", f"{busy}-1")}


def lose_order(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    order = shop.orders.page(6)[0][0]
    sql(shop, f"DELETE FROM tickets WHERE order_id = '{order.id}'")
    sql(shop, f"DELETE FROM orders WHERE id = '{order.id}'")
    return {("I2", order.id), ("I1", f"{event_id}-1"), ("I1", f"{event_id}-2")}


def lose_ticket(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    order = shop.orders.page(6)[0][0]
    sql(shop, f"DELETE FROM tickets WHERE code = '{order.tickets[0].code}'")
    return {("I2", order.id), ("I1", f"{event_id}-1")}


def lose_hold(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    order = shop.orders.page(6)[0][0]
    shop.redis.hdel(group_keys(event_id)[3], order.id)
    return {("I2", order.id), ("I3", "member:6")}


def lose_entry(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    state = shop.keeper.state(event_id)
    assert state is not None
    shop.redis.xdel(group_keys(event_id)[6], f"{state.position - 1}-0")
    return {("I2", event_id)}


def set_an_entry_aside(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    with shop.sessions.begin() as session:
        order = shop.orders.undrained(session, 30)[0]
        shop.orders.ensure_recorded(session, order.id)
    sql(shop, f"UPDATE orders SET currency = 'EUR' WHERE id = '{order.id}'")
    shop.drain().run(event_id)
    return {("I2", f"{event_id}/{order.position}")}


def go_over_a_limit(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    key = group_keys(event_id)[1]
    packed = shop.redis.hget(key, event_id)
    assert isinstance(packed, bytes)
    sale = msgspec.msgpack.decode(packed)
    sale["limit"] = 2
    shop.redis.hset(key, event_id, msgspec.msgpack.encode(sale))
    over = [*range(3, 9), 20]  # three tickets each; the first two members cancelled some
    return {("I3", f"member:{member}") for member in over}


def share_a_number(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    one, other = shop.orders.page(6)[0][0], shop.orders.page(7)[0][0]
    sql(shop, f"UPDATE orders SET number = '{one.number}' WHERE id = '{other.id}'")
    return {("I4", one.number)}


def collect_without_a_pickup(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    ticket = shop.orders.page(6)[0][0].tickets[0]
    sql(shop, f"UPDATE tickets SET status = 'collected' WHERE code = '{ticket.code}'")
    return {("I5", ticket.code)}


def collect_by_two_pickups(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    order = shop.orders.page(6)[0][0]
    first = shop.desk.pick_up(shop.clerk, "first", order.id, None, "desk 1")
    sql(shop, f"UPDATE tickets SET status = 'issued' WHERE order_id = '{order.id}'")
    shop.desk.pick_up(shop.other_clerk, "second", order.id, None, "desk 2")
    return {("I5", first.id)}


def add_an_order(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    """SQL has an order that Redis never sold."""
    order = shop.orders.page(6)[0][0]
    with shop.sessions.begin() as session:
        columns = [name for name in Order.__table__.columns.keys() if name not in ("id", "number")]  # noqa: SIM118
        listed = ", ".join(columns)
        text_ = f"INSERT INTO orders (id, number, {listed}) SELECT :id, 'EXTRA', {listed} FROM orders WHERE id = :of"
        session.execute(text(text_), {"id": f"{event_id}.extra", "of": order.id})
    return {("I2", f"{event_id}.extra")}


def double_a_ticket(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    order = shop.orders.page(6)[0][0]
    code = order.tickets[0].code
    columns = "order_id, quota_id, place, price, status, collected_at, pickup_id"
    sql(
        shop,
        f"INSERT INTO tickets (code, {columns}) SELECT 'TWICE', {columns} FROM tickets WHERE code = '{code}'",
    )
    return {("I2", order.id), ("I1", f"{event_id}-1")}


def change_a_ledger(shop: Shop, event_id: str, member: int, bought: int, held: int) -> None:
    key = group_keys(event_id)[4]
    packed = shop.redis.hget(key, str(member))
    assert isinstance(packed, bytes)
    ledger = msgspec.msgpack.decode(packed)
    ledger[3][0][2] += held
    ledger[3][0][3] += bought
    shop.redis.hset(key, str(member), msgspec.msgpack.encode(ledger))


def forget_an_allowance(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    """One member's used allowance becomes another's, so that every sum still fits."""
    change_a_ledger(shop, event_id, 6, -1, 0)
    change_a_ledger(shop, event_id, 7, 1, 0)
    return {("I3", "member:6"), ("I3", "member:7")}


def move_what_is_held(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    change_a_ledger(shop, event_id, 20, 0, -1)
    change_a_ledger(shop, event_id, 7, 0, 1)
    return {("I3", "member:20"), ("I3", "member:7")}


def live_hold(shop: Shop, event_id: str) -> str:
    return next(hold.id for hold in shop.keeper.all_holds(event_id) if hold.member == 20)


def leak_a_hold(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    """It is held, and nothing waits for its end: its tickets never come back."""
    leaked = live_hold(shop, event_id)
    shop.redis.zrem(group_keys(event_id)[5], leaked)
    return {("I1", leaked)}


def wait_for_nothing(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    ended = shop.orders.page(6)[0][0].id
    shop.redis.zadd(group_keys(event_id)[5], {ended: 1e15})
    return {("I1", ended)}


def lose_a_hold(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    shop.redis.hdel(group_keys(event_id)[3], live_hold(shop, event_id))
    return {("I1", f"{event_id}-1"), ("I3", "member:20")}


def sell_a_seat_twice(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    break_stock(shop, event_id, 3, -1)
    return {("I1", f"{event_id}-1")}


def withhold_too_much(shop: Shop, event_id: str) -> set[tuple[str, str]]:
    break_stock(shop, event_id, 1, 10_000)
    return {("I1", f"{event_id}-1")}


EXACT = [
    lose_order,
    lose_ticket,
    add_an_order,
    double_a_ticket,
    sell_a_seat_twice,
    withhold_too_much,
    share_a_number,
    collect_without_a_pickup,
    collect_by_two_pickups,
]
"""What is compared at one place in the log, or in SQL alone, and so is named however busy the group is."""


@pytest.mark.parametrize(
    "break_it",
    [
        add_an_order,
        double_a_ticket,
        forget_an_allowance,
        move_what_is_held,
        leak_a_hold,
        wait_for_nothing,
        lose_a_hold,
        withhold_too_much,
        lose_order,
        lose_ticket,
        lose_hold,
        lose_entry,
        set_an_entry_aside,
        go_over_a_limit,
        share_a_number,
        collect_without_a_pickup,
        collect_by_two_pickups,
    ],
)
def test_what_is_broken_is_named(
    shop: Shop, busy: str, break_it: Callable[[Shop, str], set[tuple[str, str]]]
) -> None:
    expected = break_it(shop, busy)
    assert expected <= found(shop)


@pytest.mark.parametrize("break_it", EXACT)
def test_it_is_named_while_the_sale_goes_on(
    shop: Shop, busy: str, break_it: Callable[[Shop, str], set[tuple[str, str]]]
) -> None:
    """And nothing that is in flight is named beside it. Cancels under way would leave a count some room."""
    with rush(shop, shop.sale(400, 400)), rush(shop, busy, cancels=False):
        expected = break_it(shop, busy)
        named = found(shop)
    assert expected <= named
    assert {subject for _, subject in named} <= {subject for _, subject in expected} | {busy, f"{busy}-1"}


def test_a_forgotten_group_is_named(shop: Shop, busy: str) -> None:
    shop.redis.flushall()
    assert found(shop) == {("I1", busy)}


def test_sums_are_not_compared_while_the_group_changes(
    shop: Shop, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_holds, members = Keeper.all_holds, iter(range(40, 60))

    def sold_meanwhile(keeper: Keeper, group_id: str) -> list[Hold]:
        found = list(all_holds(keeper, group_id))
        shop.buy(busy, next(members), (1, 1))
        return found

    monkeypatch.setattr(Keeper, "all_holds", sold_meanwhile)
    report = look(shop)
    assert (report.violations, report.unsettled) == ((), (busy,))


@contextmanager
def rush(shop: Shop, event_id: str, *, cancels: bool = True) -> Iterator[None]:
    """Members who hold, let go, buy and cancel, and a drain, for as long as this is open."""
    over = Event()

    def buy(member: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            sleep(0.005)
            held = shop.hold(event_id, member, (1, 1), (2, 1), key=f"{turn}")
            if isinstance(held, Refusal):
                sleep(0.01)  # sold out, or the member has all they may; the others go on
                continue
            number = shop.keyring.order_number(held.hold.id)
            if turn % 3 == 0 or (turn % 3 == 2 and not cancels):
                shop.keeper.release(event_id, held.hold.id, member)
                continue
            shop.keeper.confirm(event_id, held.hold.id, member, "free", number)
            if cancels and turn % 3 == 1:
                shop.orders.cancel(member, held.hold.id)

    def drain() -> None:
        while not over.is_set():
            shop.drain(20).run(event_id)
            sleep(0.01)

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(buy, member) for member in range(41, 46)] + [pool.submit(drain)]
        try:
            yield
        finally:
            over.set()
        for one in work:
            one.result()


def test_a_rush_is_clean(shop: Shop) -> None:
    event_id = shop.sale(400, 400)
    with rush(shop, event_id):
        reports = [look(shop) for _ in range(4)]
    assert [report.violations for report in reports] == [()] * 4
    report = look(shop)
    assert (report.ok, report.unsettled) == (True, ())
