"""Goal: a sale whose desk died between Redis and SQL is found, and its money is counted or given back, once.

Method: the real servers; the desk dies after Redis' confirm, the worker records the order, and its clerk never repeats
it. Then whoever may finishes or undoes it, while the shift is open and after it was closed, also several at once with
the late repetition. The controls take away what tells who sold, and the look for money that is counted.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pytest

from tests.support.acts import at_once, refusal_of
from tests.support.disasters import rebuilds, violations
from tests.support.office import claims
from tests.support.shop import Shop, card_number
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.orders import repository as orders
from ticketing.orders import unfinished as rows
from ticketing.services import doctor_books, unfinished
from ticketing.services.desk import DeskService, Sale
from ticketing.services.findings import Check
from ticketing.services.till import Line, TillReport, TillSums
from ticketing.services.tokens import Claims

DAY_MS = 24 * 3_600_000
AMOUNT = 1_000


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a sale may take is over."""
    monkeypatch.setattr(unfinished, "GRACE_MS", -1_000)


@pytest.fixture
def manager(shop: Shop) -> Claims:
    return shop.hire("wang", "district.street-1", "manager")


def sell(shop: Shop, event_id: str, key: str = "key") -> Sale:
    """Two tickets for cash."""
    items = [(f"{event_id}-1", 2)]
    return shop.desk.sell(shop.clerk, key, card_number(1), event_id, items, "cash", "desk 1")


def die_selling(shop: Shop, event_id: str) -> str:
    """Sold in Redis, and the desk dies before SQL hears of it; the worker brings the order. Its id."""
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr(DeskService, "_hand_out_sale", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sell(shop, event_id)
    shop.drain().run(event_id)
    (order_id,) = (one for one in shop.recorded() if one.startswith(event_id))
    return order_id


def open_shift(shop: Shop) -> str:
    return shop.till.open(shop.clerk, "open", "desk 1", 10_000).record.id


def report(shop: Shop) -> TillReport:
    return shop.till.report(shop.street, shop.now - DAY_MS, shop.now + DAY_MS)


def sums(lines: Sequence[Line]) -> list[tuple[str, str, str | None, int]]:
    return [(line.kind, line.clerk, line.method, line.amount) for line in lines]


def doctor(shop: Shop) -> Check:
    with reading(shop.sessions) as session:
        return doctor_books._desk_sales(session, shop.keyring)


def named(shop: Shop, shift: str) -> list[tuple[int, int, bool]]:
    """How many the shift, the report and the doctor name; they must agree on one that is there."""
    with_shift = shop.till.shift(shop.clerk, shift).unfinished
    return [(len(with_shift), len(report(shop).unfinished), doctor(shop).ok)]


def payment(shop: Shop, order_id: str) -> tuple[str, str]:
    with reading(shop.sessions) as session:
        order = orders.get(session, order_id)
    assert order is not None
    return order.status, order.payment_status


# Finding


def test_it_is_named_to_its_clerk_to_the_finance_office_and_by_the_doctor_once_its_time_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    other = shop.till.open(shop.other_clerk, "open", "desk 2", 0).record.id
    sell(shop, shop.sale_of_priced(300), "an ordinary one")
    order_id = die_selling(shop, event_id)
    assert named(shop, shift) == [(0, 0, True)], "it may be under way"
    monkeypatch.setattr(unfinished, "GRACE_MS", -1_000)
    assert named(shop, shift) == [(1, 1, False)]
    (sale,) = shop.till.unfinished(shop.clerk)
    assert (sale.order.id, sale.clerk, sale.order.amount) == (order_id, "lan", AMOUNT)
    assert (sale,) == report(shop).unfinished == shop.till.shift(shop.clerk, shift).unfinished
    assert f"{sale.order.number} (lan)" in doctor(shop).found
    assert shop.till.shift(shop.other_clerk, other).unfinished == shop.till.unfinished(shop.other_clerk) == ()
    assert violations(shop) == [], "Redis and SQL agree: nothing is lost but the till's sum"


def test_control_without_the_look_for_counted_money_every_sale_is_called_unfinished(
    shop: Shop, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = open_shift(shop)
    sell(shop, shop.sale_of_priced(500))
    assert named(shop, shift) == [(0, 0, True)]
    monkeypatch.setattr(rows, "_UNFINISHED", rows._UNFINISHED[:-1])
    assert named(shop, shift) == [(1, 1, False)]


def test_control_without_the_clerk_in_its_id_no_shift_names_it(
    shop: Shop, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(keyring: Keyring, event_id: str, member: int, staff: int, key: str) -> str:
        return keyring.hold_id(event_id, member, f"desk.{staff}", key)

    monkeypatch.setattr(Keyring, "desk_hold_id", plain)
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    assert named(shop, shift) == [(0, 1, False)]
    assert refusal_of(lambda: shop.unfinished.finish(shop.clerk, order_id, "desk 1")).code is Code.FORBIDDEN


def test_a_rebuild_keeps_who_sold(shop: Shop, later: None) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    rebuilds(shop)
    assert named(shop, shift) == [(1, 1, False)]
    shop.unfinished.finish(shop.clerk, order_id, "desk 1")
    assert named(shop, shift) == [(0, 0, True)]


# Finishing


@pytest.mark.parametrize("by_manager", [False, True])
def test_finished_in_time_it_is_in_the_sellers_shift_and_the_drawer_ties(
    shop: Shop, later: None, manager: Claims, by_manager: bool
) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    who = manager if by_manager else shop.clerk
    first = shop.unfinished.finish(who, order_id, "office")
    assert shop.unfinished.finish(who, order_id, "office") == first
    assert (first.desk, first.payment_method, first.payment_amount) == ("desk 1", "cash", AMOUNT)
    assert (shop.tickets("collected"), payment(shop, order_id)) == (2, ("confirmed", "paid"))
    assert named(shop, shift) == [(0, 0, True)]
    assert refusal_of(lambda: sell(shop, event_id)).code is Code.ALREADY_COLLECTED
    closed = shop.till.close(shop.clerk, shift, 11_000, 0)
    assert (sums(closed.lines), closed.difference) == ([("taken", "", "cash", AMOUNT)], TillSums(0, 0))
    assert (report(shop).loose, violations(shop)) == ((), [])
    assert ("order.finish_sale", f"order:{order_id}") in shop.story()


def test_after_the_closing_it_stands_outside_and_explains_the_difference(
    shop: Shop, later: None, manager: Claims
) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    closed = shop.till.close(shop.clerk, shift, 11_000, 0, "ten too many")
    assert (closed.difference, len(closed.unfinished)) == (TillSums(AMOUNT, 0), 1)
    second = shop.till.open(shop.clerk, "again", "desk 1", 11_000).record.id
    shop.unfinished.finish(manager, order_id, "office")
    assert shop.till.shift(shop.clerk, second).expected == TillSums(11_000, 0), "it was in the drawer before"
    assert sums(report(shop).loose) == [("taken", "lan", "cash", AMOUNT)]
    assert named(shop, shift) == [(0, 0, True)]


def test_whoever_handed_the_tickets_out_the_money_is_the_sellers(shop: Shop, later: None) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    other = shop.till.open(shop.other_clerk, "open", "desk 2", 0).record.id
    order_id = die_selling(shop, event_id)
    assert shop.desk.swipe(shop.other_clerk, card_number(1)).unfinished == (order_id,)
    shop.desk.pick_up(shop.other_clerk, "p", order_id, None, "desk 2")
    assert shop.till.shift(shop.other_clerk, other).expected == TillSums(0, 0)
    assert named(shop, shift) == [(1, 1, False)]
    gone = refusal_of(lambda: shop.unfinished.undo(shop.clerk, order_id, "desk 1", "left", paid=False))
    assert (gone.code, gone.facts["clerk"]) == (Code.ALREADY_COLLECTED, "mei")
    assert shop.unfinished.finish(shop.clerk, order_id, "desk 1").ticket_codes == ()
    assert shop.till.shift(shop.clerk, shift).expected == TillSums(11_000, 0)
    assert named(shop, shift) == [(0, 0, True)]


def test_a_repetition_after_all_counts_no_second_time(shop: Shop, later: None) -> None:
    """Handed out by another desk, counted by the seller, put back by the other desk, and then the key comes again."""
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    handed = shop.desk.pick_up(shop.other_clerk, "p", order_id, None, "desk 2")
    shop.unfinished.finish(shop.clerk, order_id, "desk 1")
    shop.desk.undo(shop.other_clerk, handed.id, "wrong person")
    seen = shop.desk.swipe(shop.other_clerk, card_number(1))
    assert ([order.id for order in seen.orders], seen.unfinished) == ([order_id], ()), "it is paid by now"
    sale = sell(shop, event_id)
    assert sale.order.payment_status == "paid"
    assert shop.till.shift(shop.clerk, shift).expected == TillSums(11_000, 0)
    undone = shop.desk.undo(shop.clerk, sale.pickup_id, "all of it")
    assert (undone.given_back_method, undone.given_back_amount) == ("cash", AMOUNT)
    assert shop.till.shift(shop.clerk, shift).expected == TillSums(10_000, 0)


# Undoing


@pytest.mark.parametrize("paid", [True, False])
def test_undone_in_time_it_never_was_and_the_drawer_ties(shop: Shop, later: None, paid: bool) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    first, again = [shop.unfinished.undo(shop.clerk, order_id, "desk 1", "left", paid=paid) for _ in range(2)]
    assert first == again
    assert first.given_back_amount == (AMOUNT if paid else None)
    assert payment(shop, order_id) == ("cancelled", "refunded" if paid else "not_needed")
    assert named(shop, shift) == [(0, 0, True)]
    assert (shop.counts(event_id).sold, shop.counts(event_id).available) == (0, 20)
    closed = shop.till.close(shop.clerk, shift, 10_000, 0)
    assert sum(line.amount for line in closed.lines) == (2 * AMOUNT if paid else 0)
    assert refusal_of(lambda: sell(shop, event_id)).code is Code.HOLD_RELEASED
    assert (
        refusal_of(lambda: shop.unfinished.finish(shop.clerk, order_id, "desk 1")).code is Code.HOLD_RELEASED
    )
    shop.drain().run(event_id)
    assert violations(shop) == []


def test_given_back_after_the_closing_it_comes_out_of_the_drawer_of_today(shop: Shop, later: None) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    shop.till.close(shop.clerk, shift, 11_000, 0, "ten too many")
    second = shop.till.open(shop.clerk, "again", "desk 1", 11_000).record.id
    shop.unfinished.undo(shop.clerk, order_id, "desk 1", "came back", paid=True)
    assert shop.till.shift(shop.clerk, second).expected == TillSums(10_000, 0)
    assert sums(report(shop).loose) == [("taken", "lan", "cash", AMOUNT)]


@pytest.mark.parametrize("finished", [True, False])
def test_of_one_that_the_member_cancelled_the_money_is_still_asked_for(
    shop: Shop, later: None, finished: bool
) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)
    shop.orders.cancel(1, order_id)
    assert named(shop, shift) == [(1, 1, False)]
    if finished:
        assert shop.unfinished.finish(shop.clerk, order_id, "desk 1").ticket_codes == ()
    else:
        shop.unfinished.undo(shop.clerk, order_id, "desk 1", "came back", paid=True)
    assert payment(shop, order_id) == ("cancelled", "refund_due" if finished else "refunded")
    assert shop.till.shift(shop.clerk, shift).expected == TillSums(11_000 if finished else 10_000, 0)
    assert named(shop, shift) == [(0, 0, True)]


# Who may, and at once


def test_only_who_sold_and_managers_in_reach_settle_it(shop: Shop, later: None, manager: Claims) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = die_selling(shop, event_id)
    ordinary = sell(shop, event_id, "another").order.id
    neighbour = claims("district.street-10")
    for who, which, code in (
        (shop.other_clerk, order_id, Code.FORBIDDEN),
        (neighbour, order_id, Code.NOT_FOUND),
        (shop.clerk, ordinary, Code.NOT_FOUND),
        (manager, f"{event_id}.nothing", Code.NOT_FOUND),
    ):
        finishing = refusal_of(partial(shop.unfinished.finish, who, which, "desk"))
        undoing = refusal_of(partial(shop.unfinished.undo, who, which, "desk", "why", paid=True))
        assert (finishing.code, undoing.code) == (code, code)
    assert shop.tickets("issued") == 2


def test_at_once_it_is_settled_in_one_way(shop: Shop, later: None, manager: Claims) -> None:
    event_id = shop.sale_of_priced(500)
    shift = open_shift(shop)
    order_id = die_selling(shop, event_id)

    def finish() -> None:
        with suppress(Refusal):
            shop.unfinished.finish(shop.clerk, order_id, "desk 1")

    def undo() -> None:
        with suppress(Refusal):
            shop.unfinished.undo(manager, order_id, "office", "left", paid=True)

    def repeat() -> None:
        with suppress(Refusal):
            sell(shop, event_id)

    at_once(finish, undo, repeat, finish, undo, repeat)
    taken, given_back = (
        sum(line.amount for line in shop.till.shift(shop.clerk, shift).lines if line.kind == kind)
        for kind in ("taken", "given_back")
    )
    assert (taken, given_back) in ((AMOUNT, 0), (AMOUNT, AMOUNT))
    assert shop.tickets("collected" if not given_back else "void") == 2
    assert named(shop, shift) == [(0, 0, True)]
