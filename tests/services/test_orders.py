"""Goal: members see each of their orders once, wherever it is; what they cancel goes back on sale once.

Method: the real servers, with orders drained, not drained, and recorded by hand; every act is repeated;
Redis is away; a cancel dies between SQL and Redis.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec import structs

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.shop import Shop, card_number
from ticketing.database import reading
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Hold, HoldStatus, Item
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord, Poison
from ticketing.services import orders as subject
from ticketing.services import returns
from ticketing.services.orders import order_from_hold

HOLD = Hold(
    id="event.hold",
    event_id="event",
    member=7,
    status=HoldStatus.CONFIRMED,
    created_at=1_000,
    expires_at=61_000,
    items=(Item(1, 2, 500), Item(3, 1, 900)),
    channel="web",
    confirmed_at=2_000,
    payment_method="desk",
    number="0123456789AB",
    position=4,
)


def code_of(refused: pytest.ExceptionInfo[Refusal]) -> Code:
    return refused.value.code


def away(*_: Any, **__: Any) -> None:
    raise StoreUnavailable("Redis did not answer")


# From a hold to an order


def test_an_order_is_its_hold() -> None:
    order = order_from_hold(HOLD, "CNY")
    assert (order.id, order.number, order.event_id, order.member_id) == (
        "event.hold",
        "0123456789AB",
        "event",
        7,
    )
    assert (order.amount, order.amount_due, order.payment_status) == (1_900, 1_900, "due")
    assert [(t.code, t.quota_id, t.place, t.price) for t in order.tickets] == [
        ("0123456789AB-1", "event-1", 1, 500),
        ("0123456789AB-2", "event-1", 2, 500),
        ("0123456789AB-3", "event-3", 3, 900),
    ]
    assert order.items == (("event-1", 2, 500), ("event-3", 1, 900))
    assert order.recorded_at is None


@pytest.mark.parametrize(
    ("method", "price", "status"),
    [("free", 0, "not_needed"), ("desk", 0, "not_needed"), ("desk", 5, "due"), ("cash", 5, "paid")],
)
def test_what_is_to_be_paid_follows_from_method_and_amount(method: str, price: int, status: str) -> None:
    hold = structs.replace(HOLD, payment_method=method, items=(Item(1, 1, price),))
    assert order_from_hold(hold, "CNY").payment_status == status


def test_returned_places_are_void_tickets() -> None:
    order = order_from_hold(structs.replace(HOLD, returned_places=0b101), "CNY")
    assert [ticket.status for ticket in order.tickets] == ["void", "issued", "void"]
    assert order.status == "confirmed"
    assert order_from_hold(structs.replace(HOLD, returned_places=0b111), "CNY").status == "cancelled"


@pytest.mark.parametrize(
    "damage",
    [
        {"status": HoldStatus.HELD},
        {"confirmed_at": None},
        {"number": None},
        {"items": ()},
        {"member": "seven"},
        {"channel": 1},
        {"items": (Item(1, 1_000_000_000, 0),)},
        {"items": (Item("1", 1, 0),)},  # type: ignore[arg-type]
    ],
)
def test_what_was_never_confirmed_is_no_order(damage: dict[str, Any]) -> None:
    with pytest.raises(Poison):
        order_from_hold(structs.replace(HOLD, **damage), "CNY")


# Reading


def test_an_order_is_found_before_and_after_sql_has_it(shop: Shop) -> None:
    event_id = shop.sale(10)
    order_id = shop.buy(event_id, 1, (1, 2))
    before = shop.orders.get(1, order_id)
    assert before.recorded_at is None
    shop.drain().run(event_id)
    after = shop.orders.get(1, order_id)
    assert after.recorded_at is not None
    assert structs.replace(after, recorded_at=None) == before
    for member, wanted in ((2, order_id), (1, f"{event_id}.unknown"), (1, "nonsense")):
        with pytest.raises(Refusal) as refused:
            shop.orders.get(member, wanted)
        assert code_of(refused) is Code.NOT_FOUND


def test_a_live_hold_is_no_order(shop: Shop) -> None:
    event_id = shop.sale(10)
    shop.hold(event_id, 1, (1, 1))
    assert shop.orders.page(1) == ([], None)
    hold_id = shop.keyring.hold_id(event_id, 1, "web", "key")
    with pytest.raises(Refusal):
        shop.orders.get(1, hold_id)
    with shop.sessions.begin() as session:
        assert not shop.orders.ensure_recorded(session, hold_id)


def test_pages_show_each_order_once_newest_first_wherever_it_is(shop: Shop) -> None:
    first, second = shop.sale(20), shop.sale(20)
    bought = [shop.buy(first, 1, (1, 1), key=f"{n}") for n in range(4)]
    shop.drain().run(first)
    bought += [shop.buy(event_id, 1, (1, 1), key=f"{n}") for n in range(4, 8) for event_id in (first, second)]
    shop.buy(first, 2, (1, 1))
    with shop.sessions.begin() as session:
        shop.orders.ensure_recorded(session, bought[-1])

    seen, cursor, pages = [], None, 0
    while True:
        page, cursor = shop.orders.page(1, cursor, limit=5)
        seen += page
        pages += 1
        if cursor is None:
            break
    assert pages == 3
    assert sorted(order.id for order in seen) == sorted(bought)
    times = [order.confirmed_at for order in seen]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "1.", "1.short", "1.0123456789AB.2", "9" * 30 + ".0123456789AB"]
)
def test_a_cursor_of_somebody_elses_making_is_invalid(shop: Shop, cursor: str) -> None:
    with pytest.raises(Refusal) as refused:
        shop.orders.page(1, cursor)
    assert code_of(refused) is Code.INVALID


def test_while_redis_is_away_the_page_shows_what_sql_has(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = shop.sale(20)
    known = shop.buy(event_id, 1, (1, 1))
    shop.drain().run(event_id)
    shop.buy(event_id, 1, (1, 1), key="other")
    monkeypatch.setattr(Keeper, "ledgers", away)
    assert [order.id for order in shop.orders.page(1)[0]] == [known]


def test_an_order_that_can_never_be_recorded_hides_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set-aside order stays in the member's ledger; it must not take the list and the desk away."""
    event_id = shop.sale(20)
    poisoned = shop.buy(event_id, 1, (1, 1))
    good = shop.buy(event_id, 1, (1, 1), key="other")
    monkeypatch.setattr(subject, "order_from_hold", poisoned_by(poisoned))
    assert [order.id for order in shop.orders.page(1)[0]] == [good]
    assert [order.id for order in shop.desk.swipe(shop.clerk, card_number=card_number(1)).orders] == [good]
    with pytest.raises(Refusal, match=Code.NOT_FOUND):
        shop.orders.get(1, poisoned)


# Cancelling


def test_a_cancelled_order_goes_back_on_sale_and_gives_the_allowance_back(shop: Shop) -> None:
    event_id = shop.sale(10, per_card_limit=2)
    order_id = shop.buy(event_id, 1, (1, 2))
    assert isinstance(shop.hold(event_id, 1, (1, 1), key="more"), Refusal)

    order = shop.orders.cancel(1, order_id)

    assert (order.status, [ticket.status for ticket in order.tickets]) == ("cancelled", ["void", "void"])
    assert (shop.counts(event_id).sold, shop.counts(event_id).available) == (0, 10)
    assert not isinstance(shop.hold(event_id, 1, (1, 1), key="more"), Refusal)
    shop.drain().run(event_id)
    assert shop.orders.get(1, order_id) == order, "the drain left the cancelled order as it is"


def test_a_repeated_cancel_gives_back_once(shop: Shop) -> None:
    event_id = shop.sale(10)
    order_id = shop.buy(event_id, 1, (1, 3))
    code = f"{shop.keyring.order_number(order_id)}-2"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shop.orders.cancel(1, order_id, [code]), range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert [ticket.status for ticket in answers[0].tickets] == ["issued", "void", "issued"]
    assert answers[0].status == "confirmed"
    assert (shop.counts(event_id).sold, shop.counts(event_id).available) == (2, 8)
    assert shop.returns.give_back() == 0


def test_a_cancel_that_died_before_redis_is_finished_by_the_worker_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale(10)
    order_id = shop.buy(event_id, 1, (1, 3))
    with monkeypatch.context() as outage:
        outage.setattr(Keeper, "restock", away)
        order = shop.orders.cancel(1, order_id)
    assert order.status == "cancelled"
    assert shop.counts(event_id).sold == 3, "the crowd sees them only after Redis has them"
    assert shop.returns.give_back() == 3
    assert shop.returns.give_back() == 0
    assert shop.counts(event_id).available == 10


def test_a_restock_whose_note_was_lost_is_harmless(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died after Redis had the tickets and before SQL noted it."""
    event_id = shop.sale(10)
    order_id = shop.buy(event_id, 1, (1, 3))
    with monkeypatch.context() as crash:
        crash.setattr(orders, "mark_restocked", lambda *_: None)
        shop.orders.cancel(1, order_id)
    assert shop.counts(event_id).available == 10
    shop.returns.give_back()
    assert shop.counts(event_id).available == 10
    with reading(shop.sessions) as session:
        assert orders.pending_returns(session, 10) == []


def test_control_without_the_bits_a_second_restock_gives_seats_away(shop: Shop, without: Any) -> None:  # noqa: F811
    """Negative control: restock.lua gives back what it is asked, whatever came back before."""
    without("restock", "bit.band(places, bit.bnot(hold[RETURNED]))", "places")
    event_id = shop.sale(10)
    shop.buy(event_id, 2, (1, 3))
    order_id = shop.buy(event_id, 1, (1, 3))
    shop.orders.cancel(1, order_id)
    group = shop.event(event_id).group
    assert group.epoch is not None
    shop.keeper.restock(group.id, group.epoch, [(order_id, 0b111, "web")])
    assert shop.counts(event_id).sold == 0, "the neighbour's seats were given away"


def test_one_return_that_redis_does_not_know_keeps_no_other_back(shop: Shop) -> None:
    event_id = shop.sale(10)
    first, lost, last = (shop.buy(event_id, member, (1, 1)) for member in (1, 2, 3))
    shop.drain().run(event_id)
    with shop.sessions.begin() as session:
        for order_id in (first, lost, last):
            order = orders.get(session, order_id)
            assert order is not None
            orders.void_tickets(session, order, [order.tickets[0].code], "test", 1)
    shop.redis.hdel(group_keys(event_id)[3], lost)
    shop.returns.give_back()
    assert shop.counts(event_id).available == 9
    with reading(shop.sessions) as session:
        assert [one.order_id for one in orders.pending_returns(session, 10)] == [lost]


def test_returns_of_a_group_that_waits_keep_no_other_group_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns, "BATCH_MAX", 2)
    waits, sells = shop.sale(10), shop.sale(10)
    sold = [shop.buy(event_id, member, (1, 1)) for event_id in (waits, sells) for member in range(1, 4)]
    shop.drain().run(waits)
    shop.drain().run(sells)
    with shop.sessions.begin() as session:
        for order_id in sold:
            order = orders.get(session, order_id)
            assert order is not None
            orders.void_tickets(session, order, [order.tickets[0].code], "test", 1)
    shop.redis.hset(group_keys(waits)[0], "epoch", "another")
    assert shop.returns.give_back() == 3
    assert shop.counts(sells).available == 10


def test_what_cannot_be_cancelled(shop: Shop) -> None:
    timely, late, never = (
        shop.sale(10),
        shop.sale(10, cancellable_until=shop.now - 1),
        shop.sale(10, cancellable_until=None),
    )
    collected = shop.buy(timely, 1, (1, 2))
    code = f"{shop.keyring.order_number(collected)}-1"
    shop.desk.pick_up(shop.clerk, "key", collected, [code], "desk 1")
    cases = [
        (collected, None, Code.NOT_CANCELLABLE),
        (collected, [code], Code.NOT_CANCELLABLE),
        (collected, ["ANOTHER-1"], Code.INVALID),
        (collected, [], Code.INVALID),
        (shop.buy(late, 1, (1, 1)), None, Code.NOT_CANCELLABLE),
        (shop.buy(never, 1, (1, 1)), None, Code.NOT_CANCELLABLE),
        (shop.buy(timely, 2, (1, 1)), None, Code.NOT_FOUND),
        ("nonsense", None, Code.NOT_FOUND),
    ]
    for order_id, codes, code_expected in cases:
        with pytest.raises(Refusal) as refused:
            shop.orders.cancel(1, order_id, codes)
        assert code_of(refused) is code_expected
    shop.orders.cancel(1, collected, [f"{shop.keyring.order_number(collected)}-2"])
    assert shop.counts(timely).sold == 2
    assert shop.tickets("void") == 1


def test_cancelling_what_was_due_leaves_the_rest_due_and_at_last_nothing(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event_id, 1, (1, 2))
    number = shop.keyring.order_number(order_id)
    order = shop.orders.cancel(1, order_id, [f"{number}-1"])
    assert (order.payment_status, order.amount, order.amount_due) == ("due", 1_000, 500)
    order = shop.orders.cancel(1, order_id)
    assert (order.status, order.payment_status, order.amount_due) == ("cancelled", "not_needed", 0)


def test_cancelling_what_was_paid_is_to_be_refunded(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event_id, 1, (1, 2))
    number = shop.keyring.order_number(order_id)
    shop.desk.pick_up(shop.clerk, "key", order_id, [f"{number}-1"], "desk 1", "cash")
    order = shop.orders.cancel(1, order_id, [f"{number}-2"])
    assert order.payment_status == "refund_due"


def poisoned_by(order_id: str) -> Any:
    """`order_from_hold`, which finds one order unreadable."""

    def read(hold: Hold, currency: str) -> OrderRecord:
        if hold.id == order_id:
            raise Poison("unreadable")
        return order_from_hold(hold, currency)

    return read
