"""Goal: each guard between the log and SQL is there for a reason: without it orders vanish, or a lie stands.

Method: the real servers; what is said is shown first with all guards, then once more with one taken out. The guards
of cursor and conflict clause stand in `test_drain`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.support.fuses import Fuse, PowerCut
from tests.support.shop import Shop
from ticketing.database import reading
from ticketing.errors import Refusal
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import LogEntry
from ticketing.inventory.watermarks import Watermarks
from ticketing.orders import repository as orders
from ticketing.orders.model import POISONOUS, CursorRecord
from ticketing.orders.tables import Order
from ticketing.queue import drain as subject
from ticketing.queue.drain import Drain
from ticketing.services.orders import OrderService

BUYERS = range(1, 9)


def sell(shop: Shop) -> tuple[str, list[str]]:
    """An event and its orders, in the order of the log."""
    event_id = shop.sale(100)
    return event_id, [shop.buy(event_id, member, (1, 1)) for member in BUYERS]


def drain_all(shop: Shop, event_id: str) -> None:
    while shop.drain(4).run(event_id):
        pass


def set_aside(shop: Shop) -> list[int]:
    with reading(shop.sessions) as session:
        return [entry.position for entry in orders.set_aside_entries(session)]


def poison(shop: Shop, order_id: str) -> None:
    """SQL has this order already, and it says something else."""
    with shop.sessions.begin() as session:
        shop.orders.ensure_recorded(session, order_id)
        session.execute(update(Order).where(Order.id == order_id).values(amount=12_345))


# Contiguous positions


def record_what_comes(drain: Drain, at: CursorRecord, entries: Sequence[LogEntry]) -> int:
    if entries and drain._commit(at, entries):
        return entries[-1].position - at.position
    return 0


@pytest.mark.parametrize("guarded", [True, False])
def test_control_without_asking_for_the_next_position_a_lost_entry_is_passed_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(Drain, "_step", record_what_comes)
    event_id, sold = sell(shop)
    shop.redis.xdel(group_keys(event_id).log, "5-0")
    drain_all(shop, event_id)
    state = shop.keeper.state(event_id)
    assert state is not None
    stopped, log_is_empty = state.fenced_by == "gap", state.backlog == 0
    assert (stopped, log_is_empty) == (guarded, not guarded)
    assert set(shop.recorded()) == set(sold[:3] if guarded else sold[:3] + sold[4:]), (
        "the fourth was forgotten"
    )


# A conflict that says something else


@pytest.mark.parametrize("guarded", [True, False])
def test_control_without_comparing_a_recorded_order_that_says_something_else_stands_unnoticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(orders, "_compare_known", lambda *_: None)
    event_id, sold = sell(shop)
    poison(shop, sold[2])
    drain_all(shop, event_id)
    assert set_aside(shop) == ([4] if guarded else [])


# What makes poison, and how it is found


@pytest.mark.parametrize("guarded", [True, False])
def test_control_with_outages_among_what_makes_poison_orders_are_set_aside_for_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))

    if not guarded:
        monkeypatch.setattr(subject, "POISONOUS", (*POISONOUS, OperationalError))
    event_id, sold = sell(shop)
    with monkeypatch.context() as outage:
        outage.setattr(orders, "record_orders", away)
        if guarded:
            with pytest.raises(OperationalError):
                drain_all(shop, event_id)
        else:
            drain_all(shop, event_id)
    drain_all(shop, event_id)
    assert set(shop.recorded()) == set(sold if guarded else [])
    assert len(set_aside(shop)) == (0 if guarded else 1 + len(sold))


@pytest.mark.parametrize("guarded", [True, False])
def test_control_without_halving_the_neighbours_are_set_aside_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    def all_of_them(drain: Drain, at: CursorRecord, entries: Sequence[LogEntry]) -> int:
        try:
            return len(entries) if drain._commit(at, entries) else 0
        except POISONOUS as error:
            for entry in entries:
                drain._set_aside(at, entry, error)
                at = CursorRecord(at.group_id, at.epoch, entry.position)
            return len(entries)

    if not guarded:
        monkeypatch.setattr(Drain, "_record", all_of_them)
    event_id, sold = sell(shop)
    poison(shop, sold[2])
    drain_all(shop, event_id)
    assert len(shop.recorded()) == (len(sold) if guarded else len(sold) - 2)


# Setting aside


def cursor_first(drain: Drain, at: CursorRecord, entry: LogEntry, error: Exception) -> int:
    with drain._sessions.begin() as session:
        orders.move_cursor(session, at, entry.position)
    with drain._sessions.begin() as session:
        orders.set_aside(session, at, entry.position, entry.raw, str(error), 0)
    return 1


def found_after_every_crash(shop: Shop) -> list[int]:
    """A poisoned entry meets a drain that dies at its first crossing, its second, and so on: how often it is found."""
    found = []
    for crossing in range(1, 60):
        event_id = shop.sale(9)
        order_id = shop.buy(event_id, 1, (1, 1))
        poison(shop, order_id)
        fuse = Fuse(crossing)
        dying = Drain(
            fuse.sessions(shop.sessions), fuse.keeper(shop.keeper), shop.clock, Watermarks(), batch_max=5
        )
        before = len(set_aside(shop))
        try:
            while dying.run(event_id):
                pass
        except PowerCut:
            drain_all(shop, event_id)
        found.append(len(set_aside(shop)) - before)
        if fuse.crossed < crossing:
            return found
    raise AssertionError("the drain never got through")


def test_what_is_set_aside_is_found_once_wherever_the_drain_dies(shop: Shop) -> None:
    found = found_after_every_crash(shop)
    assert len(found) > 10
    assert set(found) == {1}


def test_control_with_a_cursor_that_moves_first_a_poisoned_entry_may_vanish(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drain, "_set_aside", cursor_first)
    assert 0 in found_after_every_crash(shop)


# Orders that are not drained yet


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("act", ["hand out", "cancel", "sell"])
def test_control_without_recording_it_first_nobody_at_the_desk_finds_a_fresh_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool, act: str
) -> None:
    if not guarded:
        monkeypatch.setattr(
            OrderService, "ensure_recorded", lambda _, session, id_: bool(orders.recorded(session, [id_]))
        )
    event_id, sold = sell(shop)
    items = [(f"{event_id}-1", 1)]
    acts: dict[str, Callable[[], Any]] = {
        "hand out": lambda: shop.desk.pick_up(shop.clerk, "key", sold[0], None, "desk 1"),
        "cancel": lambda: shop.orders.cancel(1, sold[0]),
        "sell": lambda: shop.desk.sell(
            shop.clerk, "key", "6200000000000020", event_id, items, "free", "desk 1"
        ),
    }
    if not guarded:
        with pytest.raises((Refusal, AssertionError)):
            acts[act]()
        return
    acts[act]()
    drain_all(shop, event_id)
    assert set(sold) <= set(shop.recorded())
    assert set_aside(shop) == []
