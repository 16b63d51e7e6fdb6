"""Goal: the audit finds nothing in a sound system, however busy, and names each invariant that is broken.

Method: the real servers. Sales, cancels and hand-overs of every kind, drained and not; then one thing at a
time is broken behind the engine's back, and the audit must name just that. At last it runs in a rush.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import msgspec
import pytest
from sqlalchemy import text

from tests.support.shop import Shop
from ticketing.catalogue.model import EventChanges, QuotaChanges
from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided, Hold
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
        shop.catalogue.change_quota(shop.street, event_id, f"{event_id}-1", QuotaChanges(per_card_limit=2))
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


@pytest.mark.parametrize(
    "break_it",
    [
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


def test_a_rush_is_clean(shop: Shop) -> None:
    event_id = shop.sale(400, 400)
    over = Event()

    def buy(member: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            held = shop.hold(event_id, member, (1, 1), (2, 1), key=f"{turn}")
            if isinstance(held, Refusal):
                return
            number = shop.keyring.order_number(held.hold.id)
            if turn % 3 == 0:
                shop.keeper.release(event_id, held.hold.id, member)
                continue
            shop.keeper.confirm(event_id, held.hold.id, member, "free", number)
            if turn % 3 == 1:
                shop.orders.cancel(member, held.hold.id)

    def drain() -> None:
        while not over.is_set():
            shop.drain(20).run(event_id)

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(buy, member) for member in range(1, 6)] + [pool.submit(drain)]
        reports = [look(shop) for _ in range(4)]
        over.set()
        for one in work:
            one.result()
    assert [report.violations for report in reports] == [()] * 4
    report = look(shop)
    assert (report.ok, report.unsettled) == (True, ())
