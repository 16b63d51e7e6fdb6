"""Goal: a till's shift holds exactly the money that was taken and given back in it, once, and nothing is lost.

Method: the real servers; hand-overs, sales and undos at once with the closing of the shift, in threads; every act
repeated under its key and from two devices. The lock that a hand-over shares with the closing is then taken out,
and money is taken in a shift that was counted without it.
"""

import importlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from tests.support.acts import at_once, refusal_of
from tests.support.office import claims
from tests.support.shop import Shop, card_number
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.orders import till
from ticketing.orders.tables import Pickup
from ticketing.orders.tables import Shift as ShiftRow
from ticketing.services.till import Line, Shift, TillSums

DAY_MS = 24 * 3_600_000


def sums(lines: Sequence[Line]) -> list[tuple[str, str | None, int, int]]:
    return [(line.kind, line.method, line.count, line.amount) for line in lines]


def pay(shop: Shop, event_id: str, member: int, method: str, *, key: str = "", desk: str = "desk 1") -> str:
    """One ticket, ordered to be paid at the desk, paid and handed over there; the hand-over's id."""
    order_id = shop.buy_at_desk(event_id, member, (1, 1), key=key or str(member))
    return shop.desk.pick_up(shop.clerk, f"{event_id}.{member}.{key}", order_id, None, desk, method).id


# A shift


def test_a_shift_holds_what_was_taken_by_event_and_method_and_undos_are_lines_of_their_own(
    shop: Shop,
) -> None:
    cinema, opera = shop.sale_of_priced(500), shop.sale_of_priced(2_000)
    free = shop.sale(10)
    opened = shop.till.open(shop.clerk, "open", "desk 1", 10_000)
    assert opened.expected == TillSums(10_000, 0)
    pay(shop, cinema, 1, "cash")
    pay(shop, cinema, 2, "card")
    undone = pay(shop, cinema, 3, "cash")
    shop.desk.undo(shop.clerk, undone, "wrong person")
    shop.desk.sell(shop.clerk, "sale", card_number(4), opera, [(f"{opera}-1", 2)], "card", "desk 1")
    shop.desk.pick_up(shop.clerk, "free", shop.buy(free, 5, (1, 2)), None, "desk 1")
    shift = shop.till.shift(shop.clerk, opened.record.id)
    by_event = {
        event: sums([line for line in shift.lines if line.event_id == event])
        for event in (cinema, opera, free)
    }
    assert by_event == {
        cinema: [("taken", "card", 1, 500), ("taken", "cash", 2, 1_000), ("given_back", "cash", 1, 500)],
        opera: [("taken", "card", 1, 4_000)],
        free: [("taken", None, 1, 0)],
    }
    assert shift.expected == TillSums(10_500, 4_500)
    closed = shop.till.close(shop.clerk, opened.record.id, 10_500, 4_500)
    assert (closed.expected, closed.difference) == (TillSums(10_500, 4_500), TillSums(0, 0))
    assert ("shift.close", f"shift:{opened.record.id}") == shop.story()[-1]


def test_a_difference_is_recorded_with_a_remark_and_not_without(shop: Shop) -> None:
    shift = shop.till.open(shop.clerk, "open", "desk 1", 10_000).record.id
    missing = refusal_of(lambda: shop.till.close(shop.clerk, shift, 9_990, 0))
    assert (missing.code, missing.facts["errors"][0]["field"]) == (Code.INVALID, "remark")
    assert shop.till.shift(shop.clerk, shift).counted is None
    closed = shop.till.close(shop.clerk, shift, 9_990, 5, "a coin fell behind the counter")
    assert closed.difference == TillSums(-10, 5)
    assert closed.record.remark == "a coin fell behind the counter"
    assert closed.closed_by == "lan"


def test_what_is_taken_outside_any_shift_is_shown(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    pay(shop, event_id, 1, "cash")
    shift = shop.till.open(shop.clerk, "open", "desk 1", 0).record.id
    pay(shop, event_id, 2, "card", desk="desk 2")
    late = pay(shop, event_id, 3, "cash")
    shop.till.close(shop.clerk, shift, 500, 0)
    shop.desk.undo(shop.other_clerk, late, "after the closing")
    report = shop.till.report(shop.street, shop.now - DAY_MS, shop.now + DAY_MS)
    assert [one.record.id for one in report.shifts] == [shift]
    assert sums(report.shifts[0].lines) == [("taken", "cash", 1, 500)]
    loose = [(line.clerk, line.desk, line.kind, line.method, line.amount) for line in report.loose]
    assert sorted(loose) == [
        ("lan", "desk 1", "taken", "cash", 500),
        ("lan", "desk 2", "taken", "card", 500),
        ("mei", "desk 1", "given_back", "cash", 500),
    ]


def test_money_given_back_counts_where_it_was_taken_else_where_the_clerk_is(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    first = shop.till.open(shop.clerk, "open", "desk 1", 0).record.id
    other = shop.till.open(shop.other_clerk, "open", "desk 2", 1_000).record.id
    one, two = pay(shop, event_id, 1, "cash"), pay(shop, event_id, 2, "cash")
    shop.desk.undo(shop.other_clerk, one, "wrong person")
    assert shop.till.shift(shop.clerk, first).expected == TillSums(500, 0)
    shop.till.close(shop.clerk, first, 500, 0)
    shop.desk.undo(shop.other_clerk, two, "wrong person")
    assert shop.till.shift(shop.other_clerk, other).expected == TillSums(500, 0)
    assert shop.till.shift(shop.clerk, first).difference == TillSums(0, 0)


def test_only_what_is_due_again_is_given_back(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    shift = shop.till.open(shop.clerk, "open", "desk 1", 0).record.id
    order_id = shop.buy_at_desk(event_id, 1, (1, 2))
    one, two = (f"{shop.keyring.order_number(order_id)}-{n}" for n in (1, 2))
    first = shop.desk.pick_up(shop.clerk, "a", order_id, [one], "desk 1", "card")
    second = shop.desk.pick_up(shop.clerk, "b", order_id, [two], "desk 1")
    shop.desk.undo(shop.clerk, first.id, "wrong person")
    assert shop.till.shift(shop.clerk, shift).expected == TillSums(0, 1_000)
    shop.desk.undo(shop.clerk, second.id, "wrong person")
    shown = shop.till.shift(shop.clerk, shift)
    assert shown.expected == TillSums(0, 0)
    assert sums(shown.lines) == [
        ("taken", "card", 1, 1_000),
        ("taken", None, 1, 0),
        ("given_back", "card", 1, 1_000),
        ("given_back", None, 1, 0),
    ]


def test_money_given_back_before_there_were_tills_is_told_by_what_came_after(shop: Shop) -> None:
    """The upgrade finds again what undos write down today."""
    event_id = shop.sale_of_priced(500)
    due, kept = pay(shop, event_id, 1, "cash"), shop.buy_at_desk(event_id, 2, (1, 2))
    one, two = (f"{shop.keyring.order_number(kept)}-{n}" for n in (1, 2))
    paid = shop.desk.pick_up(shop.clerk, "a", kept, [one], "desk 1", "card").id
    shop.desk.pick_up(shop.clerk, "b", kept, [two], "desk 1")
    again = pay(shop, event_id, 3, "cash")
    for pickup_id in (due, paid, again):
        shop.desk.undo(shop.clerk, pickup_id, "wrong person")
    shop.desk.pick_up(shop.clerk, "c", order_of(shop, again), None, "desk 1", "card")
    before = given_back(shop)
    assert before == {due: ("cash", 500), again: ("cash", 500)}
    upgrade = importlib.import_module("ticketing.migrations.versions.0004_tills")
    with shop.sessions.begin() as session:
        session.execute(update(Pickup).values(given_back_method=None, given_back_amount=None))
        session.execute(text(upgrade._GIVEN_BACK_BEFORE))
    assert given_back(shop) == before


def order_of(shop: Shop, pickup_id: str) -> str:
    with reading(shop.sessions) as session:
        return session.scalars(select(Pickup.order_id).where(Pickup.id == pickup_id)).one()


def given_back(shop: Shop) -> dict[str, tuple[str | None, int | None]]:
    with reading(shop.sessions) as session:
        rows = session.scalars(select(Pickup).where(Pickup.given_back_amount.is_not(None)))
        return {row.id: (row.given_back_method, row.given_back_amount) for row in rows}


# Repeated, and at once


def test_opening_and_closing_are_repeatable_and_done_once(shop: Shop) -> None:
    answers = at_once(*[lambda: shop.till.open(shop.clerk, "key", "desk 1", 100) for _ in range(4)])
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    (shift,) = {answer.record.id for answer in answers}
    again = refusal_of(lambda: shop.till.open(shop.clerk, "key", "desk 1", 200))
    assert again.code is Code.IDEMPOTENCY_KEY_REUSED
    closings = at_once(*[lambda: shop.till.close(shop.clerk, shift, 100, 0) for _ in range(4)])
    assert len({closing.record.closed_at for closing in closings}) == 1
    other = refusal_of(lambda: shop.till.close(shop.clerk, shift, 90, 0, "counted again"))
    assert (other.code, other.facts) == (Code.SHIFT_CLOSED, {"closed_at": closings[0].record.closed_at})
    replayed = shop.till.open(shop.clerk, "key", "desk 1", 100)
    assert (replayed.replayed, replayed.record.closed_at, replayed.counted) == (True, None, None)
    assert [action for action, _ in shop.story() if action.startswith("shift.")] == [
        "shift.open",
        "shift.close",
    ]


def test_two_devices_open_one_shift_and_close_it_once(shop: Shop) -> None:
    for turn in range(5):
        opened = at_once(
            *[
                lambda key=f"{turn}.{device}": shop.till.open(shop.clerk, key, "desk 1", 100)
                for device in range(2)
            ]
        )
        (won,) = [answer for answer in opened if isinstance(answer, Shift)]
        (lost,) = [answer for answer in opened if isinstance(answer, Refusal)]
        assert (lost.code, lost.facts["shift_id"]) == (Code.SHIFT_OPEN, won.record.id)
        closed = at_once(
            lambda: shop.till.close(shop.clerk, won.record.id, 100, 0),  # noqa: B023
            lambda: shop.till.close(shop.clerk, won.record.id, 99, 0, "one less"),  # noqa: B023
        )
        (refused,) = [answer for answer in closed if isinstance(answer, Refusal)]
        assert refused.code is Code.SHIFT_CLOSED


def race_with_closing(shop: Shop, event_id: str, turn: int) -> tuple[Shift, bool]:
    """Close a shift while money is on its way into it; the shift, and whether the money joined it."""
    opened = shop.till.open(shop.clerk, f"open {turn}", "desk 1", 0)
    order_id = shop.buy_at_desk(event_id, turn, (1, 1))
    has_joined = Event()
    joins = till.joins

    def slowly(session: Session, staff_id: int, desk: str, currency: str) -> str | None:
        found = joins(session, staff_id, desk, currency)
        has_joined.set()
        time.sleep(0.2)  # the closing comes in between, if it can
        return found

    def close() -> Shift:
        has_joined.wait(10)
        expected = shop.till.shift(shop.clerk, opened.record.id).expected
        return shop.till.close(shop.clerk, opened.record.id, expected.cash, 0, "as the page showed it")

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(till, "joins", slowly)
        paying = pool.submit(shop.desk.pick_up, shop.clerk, f"{turn}", order_id, None, "desk 1", "cash")
        closing = pool.submit(close)
        paid, closed = paying.result(), closing.result()
    with reading(shop.sessions) as session:
        joined = session.scalar(select(Pickup.shift_id).where(Pickup.id == paid.id)) is not None
    return closed, joined


def test_money_on_its_way_is_in_the_sum_of_the_shift_that_it_joins(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    closed, joined = race_with_closing(shop, event_id, 1)
    assert joined
    assert closed.expected == TillSums(500, 0)
    assert closed.difference == TillSums(-500, 0)


def test_control_without_the_shared_lock_a_closed_shift_gets_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a hand-over that only looks which shift is open."""
    if shop.sessions.kw["bind"].dialect.name == "sqlite":
        pytest.skip("one writer at a time: SQLite needs no lock of its own")

    def only_look(session: Session, *which: Any) -> str | None:
        return session.scalar(select(ShiftRow.id).where(ShiftRow.closed_at.is_(None), *which).limit(1))

    monkeypatch.setattr(till, "_first_id", only_look)
    closed, joined = race_with_closing(shop, shop.sale_of_priced(500), 1)
    assert joined
    assert closed.expected == TillSums(0, 0)
    assert shop.till.shift(shop.clerk, closed.record.id).lines != closed.lines


# Who may


def test_shifts_are_seen_and_closed_by_their_clerk_and_by_those_above(shop: Shop) -> None:
    shift = shop.till.open(shop.clerk, "open", "desk 1", 100).record.id
    far = claims("district.street-10", id=7)
    auditor = claims("district", "auditor", id=8)
    for stranger in (shop.other_clerk, far):
        assert refusal_of(lambda: shop.till.shift(stranger, shift)).code is Code.NOT_FOUND  # noqa: B023
        assert refusal_of(lambda: shop.till.close(stranger, shift, 100, 0)).code is Code.NOT_FOUND  # noqa: B023
    assert shop.till.shift(auditor, shift).clerk == "lan"
    assert refusal_of(lambda: shop.till.close(auditor, shift, 100, 0)).code is Code.FORBIDDEN
    assert refusal_of(lambda: shop.till.report(shop.clerk, 0, 1)).code is Code.FORBIDDEN
    assert shop.till.report(far, shop.now - DAY_MS, shop.now + DAY_MS).shifts == ()
    assert refusal_of(lambda: shop.till.report(auditor, 5, 5)).code is Code.INVALID
    manager = shop.hire("boss", "district.street-1", "manager")
    assert shop.till.close(manager, shift, 100, 0).closed_by == "boss"
    assert [one.record.id for one in shop.till.mine(shop.clerk)] == [shift]


def test_the_report_of_a_year_has_every_shift(shop: Shop) -> None:
    """Three desks a day come to more than a thousand."""
    first = shop.till.open(shop.clerk, "open", "desk 1", 100).record
    row = {name: getattr(first, name) for name in first.__struct_fields__} | {"closed_at": first.opened_at}
    with shop.sessions.begin() as session:
        many = [
            row | {"id": f"s.{number}", "opened_at": first.opened_at + number} for number in range(1, 1_101)
        ]
        session.execute(insert(ShiftRow), many)
    report = shop.till.report(shop.street, first.opened_at, first.opened_at + DAY_MS)
    assert [shift.record.opened_at for shift in report.shifts[::1_100]] == [
        first.opened_at,
        first.opened_at + 1_100,
    ]


def test_the_report_leaves_out_what_was_at_another_time(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    shop.till.open(shop.clerk, "open", "desk 1", 100)
    pay(shop, event_id, 1, "cash", desk="desk 2")
    with shop.sessions.begin() as session:
        session.execute(update(Pickup).values(at=Pickup.at - 3 * DAY_MS))
        session.execute(update(ShiftRow).values(opened_at=ShiftRow.opened_at - 3 * DAY_MS))
    now = shop.till.report(shop.street, shop.now - DAY_MS, shop.now + DAY_MS)
    assert (now.shifts, now.loose) == ((), ())
    before = shop.till.report(shop.street, shop.now - 4 * DAY_MS, shop.now - 2 * DAY_MS)
    assert (len(before.shifts), sums(before.loose)) == (1, [("taken", "cash", 1, 500)])
