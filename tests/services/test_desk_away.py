"""Goal: what a desk handed over without the network is booked once, and every ticket handed over twice is named.

Method: the service over both databases and the real Redis takes hand-overs in every state the books may be in by
then, again and at once. Controls take a guard out and see a ticket booked twice, or a conflict with itself.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tests.support.acts import at_once
from tests.support.office import claims
from tests.support.refusals import refusal
from tests.support.shop import Shop
from ticketing.database import reading
from ticketing.errors import Code
from ticketing.identifiers import event_of
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.tables import AwayHandOver, DeskConflict, Pickup, Ticket
from ticketing.services import desk_away
from ticketing.services.desk_away import AwayService, Sent, Taken
from ticketing.staff.tables import AuditEntry


@pytest.fixture
def away(shop: Shop) -> AwayService:
    return AwayService(shop.sessions, shop.keeper, shop.clock, shop.orders)


def bought(shop: Shop, member: int = 1, tickets: int = 2, price: int = 0) -> tuple[str, list[str]]:
    """An order that SQL has, and its codes."""
    event_id = shop.sale_of_priced(price) if price else shop.sale(20)
    buy = shop.buy_at_desk if price else shop.buy
    order_id = buy(event_id, member, (1, tickets))
    shop.drain().run(event_id)
    return order_id, [f"{shop.keyring.order_number(order_id)}-{n}" for n in range(1, tickets + 1)]


def handed(shop: Shop, codes: list[str], key: str = "k", desk: str = "away 1", **more: Any) -> Sent:
    usual: dict[str, Any] = {"clerk": "lan", "at": shop.clock.now_ms() - 600_000}
    return Sent(key=key, ticket_codes=tuple(codes), desk=desk, **(usual | more))


def one(answers: list[Taken]) -> Taken:
    (answer,) = answers
    return answer


def test_a_hand_over_is_booked_as_of_when_it_was_made_and_once(shop: Shop, away: AwayService) -> None:
    order_id, codes = bought(shop)
    sent = handed(shop, codes, at=shop.clock.now_ms() + 500)
    first = one(away.take(shop.other_clerk, "device", [sent]))
    assert (first.outcome, first.collected, first.conflicts) == ("accepted", tuple(codes), ())
    assert [one(away.take(shop.clerk, "device", [sent])) for _ in range(2)] == [first, first]
    with reading(shop.sessions) as session:
        (pickup,) = session.scalars(select(Pickup)).all()
        (kept,) = session.scalars(select(AwayHandOver)).all()
        (act,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.pick_up_away")).all()
    assert (pickup.staff_id, pickup.desk, pickup.id) == (shop.clerk.id, "away 1", first.pickup_id)
    assert (kept.sent_by, kept.device) == (shop.other_clerk.id, "device")
    assert pickup.at <= kept.received_at, "a clock that is ahead books nothing in the future"
    assert (act.actor, act.subject) == ("staff:mei", f"order:{order_id}")
    gone = shop.desk.swipe(shop.clerk, number=codes[0][:12]).handed_out
    assert gone is not None
    assert (gone.clerk, gone.desk) == ("lan", "away 1")


def test_a_ticket_handed_over_at_two_desks_is_named_with_both(shop: Shop, away: AwayService) -> None:
    _, codes = bought(shop)
    early, late = shop.clock.now_ms() - 7_000, shop.clock.now_ms() - 3_000
    away.take(shop.clerk, "one", [handed(shop, codes, at=late)])
    second = one(
        away.take(shop.other_clerk, "two", [handed(shop, codes[:1], "k2", "away 2", clerk="mei", at=early)])
    )
    assert (second.outcome, second.collected, second.pickup_id) == ("conflict", (), None)
    (found,) = second.conflicts
    record = found.record
    assert (record.kind, record.ticket_code) == ("collected", codes[0])
    assert (record.desk, found.clerk, record.at) == ("away 2", "mei", early)
    assert (record.other_desk, found.other_clerk) == ("away 1", "lan")
    assert record.other_at is not None
    assert shop.tickets("collected") == 2
    assert away.conflicts(shop.clerk) == ([found], None)
    assert away.conflicts(claims("district", "auditor")) == ([found], None)
    elsewhere = shop.hire("far", "district.street-10")
    assert away.conflicts(elsewhere) == ([], None)
    assert refusal(lambda: away.conflicts(claims("district", kind="member", role=""))).code is Code.FORBIDDEN
    assert refusal(lambda: away.conflicts(shop.clerk, "x")).code is Code.INVALID


def test_a_conflict_is_settled_once_with_a_reason_and_stays_findable(shop: Shop, away: AwayService) -> None:
    order_id, codes = bought(shop, tickets=1)
    for key, device in (("k", "one"), ("k2", "two")):
        away.take(shop.clerk, device, [handed(shop, codes, key)])
    ((found,), _) = away.conflicts(shop.clerk, settled=False)
    manager, number = shop.hire("boss", "district", "manager"), found.record.id
    assert away.unsettled(shop.clerk) == 1
    for refused, code in (
        (lambda: away.settle(shop.clerk, number, "mine"), Code.FORBIDDEN),
        (lambda: away.settle(claims("district", "auditor"), number, "mine"), Code.FORBIDDEN),
        (lambda: away.settle(claims("far"), number, "not mine"), Code.NOT_FOUND),
        (lambda: away.settle(manager, number + 1, "what?"), Code.NOT_FOUND),
        (lambda: away.settle(manager, number, " "), Code.INVALID),
    ):
        assert refusal(refused).code is code
    assert away.unsettled(shop.clerk) == 1
    settled = away.settle(manager, number, "one was brought back")
    assert away.settle(manager, number, "something else") == settled, "the first note stands"
    assert (settled.settled_by, settled.record.settled_reason) == ("boss", "one was brought back")
    assert away.unsettled(shop.clerk) == 0
    assert away.conflicts(shop.clerk, settled=False) == ([], None)
    assert away.conflicts(shop.clerk, settled=True) == away.conflicts(shop.clerk) == ([settled], None)
    with reading(shop.sessions) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "desk_conflict.settle"))
        (act,) = entries.all()
    assert (act.actor, act.subject) == ("staff:boss", f"order:{order_id}")
    assert act.organisation_id == "street-1", "whoever settles it, those whose order it is read of it"
    assert act.detail == {"conflict": number, "kind": "collected", "reason": "one was brought back"}


def test_what_was_handed_over_online_meanwhile_is_in_conflict_and_the_rest_is_booked(
    shop: Shop, away: AwayService
) -> None:
    order_id, codes = bought(shop, tickets=3)
    shop.desk.pick_up(shop.other_clerk, "online", order_id, [codes[1]], "desk 9")
    taken = one(away.take(shop.clerk, "device", [handed(shop, codes)]))
    assert (taken.outcome, taken.collected) == ("conflict", (codes[0], codes[2]))
    assert [
        (c.record.kind, c.record.ticket_code, c.record.other_desk, c.other_clerk) for c in taken.conflicts
    ] == [("collected", codes[1], "desk 9", "mei")]
    assert one(away.take(shop.clerk, "device", [handed(shop, codes)])) == taken


def test_cancelled_and_unknown_tickets_are_named(shop: Shop, away: AwayService) -> None:
    order_id, codes = bought(shop)
    shop.orders.cancel(1, order_id, [codes[1]])
    shop.drain().run(event_of(order_id))
    missing = f"{codes[0][:12]}-9"
    taken = one(away.take(shop.clerk, "device", [handed(shop, [*codes, missing])]))
    assert taken.collected == (codes[0],)
    assert [(c.record.kind, c.record.ticket_code) for c in taken.conflicts] == [
        ("cancelled", codes[1]),
        ("unknown", missing),
    ]
    nobodys = one(away.take(shop.clerk, "device", [handed(shop, ["0123456789AB-1"], "k2")]))
    assert [(c.record.kind, c.record.event_id) for c in nobodys.conflicts] == [("unknown", None)]
    assert [c.record.kind for c in away.conflicts(shop.clerk)[0]] == ["unknown", "unknown", "cancelled"]


@pytest.mark.parametrize(
    ("taken", "found", "status"),
    [
        (1_000, [], "paid"),
        (1_200, [("paid", 200)], "paid"),
        (None, [("unpaid", 1_000)], "due"),
        (400, [("unpaid", 600)], "due"),
    ],
)
def test_money_is_booked_as_online_and_what_does_not_fit_is_named(
    shop: Shop, away: AwayService, taken: int | None, found: list[tuple[str, int]], status: str
) -> None:
    order_id, codes = bought(shop, price=500)
    sent = handed(shop, codes, payment_method="cash" if taken else None, payment_amount=taken)
    answer = one(away.take(shop.clerk, "device", [sent]))
    assert [(c.record.kind, c.record.amount) for c in answer.conflicts] == found
    assert shop.orders.get(1, order_id).payment_status == status
    again = handed(shop, codes, "k2", payment_method="card", payment_amount=1_000)
    twice = one(away.take(shop.clerk, "device", [again]))
    money = [(c.record.kind, c.record.amount) for c in twice.conflicts if c.record.ticket_code is None]
    assert money == ([("paid", 1_000)] if status == "paid" else [])


def test_a_hand_over_whose_answer_was_lost_is_no_conflict_with_itself(shop: Shop, away: AwayService) -> None:
    order_id, codes = bought(shop)
    made = shop.desk.pick_up(shop.clerk, "k", order_id, codes, "away 1")
    taken = one(away.take(shop.clerk, "device", [handed(shop, codes)]))
    assert (taken.outcome, taken.pickup_id, taken.collected) == ("accepted", made.id, tuple(codes))
    other_order, other_codes = bought(shop, member=2)
    away.take(shop.clerk, "device", [handed(shop, other_codes, "k2")])
    online = shop.desk.pick_up(shop.clerk, "k2", other_order, other_codes, "away 1")
    assert online.replayed, "the same key answers online too, whichever came first"


def test_what_cannot_be_judged_yet_waits_at_the_desk(
    shop: Shop, away: AwayService, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale(20)
    order_id = shop.buy(event_id, 1, (1, 1))
    codes = [f"{shop.keyring.order_number(order_id)}-1"]
    early = one(away.take(shop.clerk, "device", [handed(shop, codes)]))
    assert (early.outcome, early.reason) == ("waiting", "on_its_way")
    shop.drain().run(event_id)
    elsewhere = shop.hire("far", "district.street-10")
    theirs = one(away.take(elsewhere, "device", [handed(shop, codes)]))
    assert (theirs.outcome, theirs.reason) == ("waiting", "out_of_reach")
    assert one(away.take(shop.clerk, "device", [handed(shop, codes)])).outcome == "accepted"
    reused = one(away.take(shop.clerk, "other device", [handed(shop, codes)]))
    assert (reused.outcome, reused.reason) == ("waiting", "key_reused")
    assert (rows(shop, AwayHandOver), rows(shop, DeskConflict)) == (1, 0)
    mixed = handed(shop, [codes[0], "0123456789AB-1"])
    assert refusal(lambda: away.take(shop.clerk, "device", [mixed])).code is Code.INVALID
    assert refusal(lambda: away.take(claims("district", "auditor"), "device", [])).code is Code.FORBIDDEN


def test_who_is_no_clerk_any_more_is_replaced_by_who_sent_it(shop: Shop, away: AwayService) -> None:
    _, codes = bought(shop)
    away.take(shop.other_clerk, "device", [handed(shop, codes, clerk="nobody")])
    with reading(shop.sessions) as session:
        assert session.scalar(select(Pickup.staff_id)) == shop.other_clerk.id


def test_conflicts_come_in_pages(shop: Shop, away: AwayService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_away, "PAGE_MAX", 2)
    sent = [handed(shop, [f"0123456789AB-{n}"], f"k{n}") for n in range(1, 6)]
    away.take(shop.clerk, "device", sent)
    seen, cursor = [], None
    while True:
        page, cursor = away.conflicts(shop.clerk, cursor)
        seen += [one.record.ticket_code for one in page]
        if cursor is None:
            break
    assert seen == [f"0123456789AB-{n}" for n in (5, 4, 3, 2, 1)]


# At once


def test_the_same_ticket_from_two_desks_at_once_is_booked_once(shop: Shop, away: AwayService) -> None:
    _, codes = bought(shop)
    answers = at_once(*senders(shop, away, codes))
    assert sorted(answer.outcome for answer in answers) == ["accepted", "conflict", "conflict", "conflict"]
    assert sum(len(answer.collected) for answer in answers) == 2
    assert (rows(shop, Pickup), rows(shop, DeskConflict)) == (1, 6)


def test_the_same_hand_over_sent_at_once_is_booked_once(shop: Shop, away: AwayService) -> None:
    _, codes = bought(shop)
    sent = handed(shop, codes)
    answers = at_once(*[lambda: one(away.take(shop.clerk, "device", [sent]))] * 4)
    assert answers == [answers[0]] * 4
    assert answers[0].outcome == "accepted"
    assert (rows(shop, Pickup), rows(shop, DeskConflict)) == (1, 0)
    unknown = handed(shop, ["0123456789AB-1"], "k2")
    answers = at_once(*[lambda: one(away.take(shop.clerk, "device", [unknown]))] * 4)
    assert answers == [answers[0]] * 4
    assert rows(shop, DeskConflict) == 1


def test_control_without_lock_and_condition_a_ticket_is_booked_twice(
    shop: Shop, away: AwayService, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, codes = bought(shop)
    as_it_was = shop.orders.get(1, order_id)

    def without_lock(session: Session, wanted: str) -> OrderRecord:
        return as_it_was

    def whatever_it_is(session: Session, record: PickupRecord) -> bool:
        session.execute(update(Ticket).where(Ticket.code.in_(record.ticket_codes)).values(status="collected"))
        return True

    monkeypatch.setattr(shop.orders, "lock", without_lock)
    monkeypatch.setattr(orders, "collect_tickets", whatever_it_is)
    answers = at_once(*senders(shop, away, codes))
    assert [answer.outcome for answer in answers] == ["accepted"] * 4, "each took the tickets for its own"
    assert sum(len(answer.collected) for answer in answers) == 8


def test_control_with_an_id_of_its_own_a_lost_answer_is_in_conflict_with_itself(
    shop: Shop, away: AwayService, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, codes = bought(shop)
    shop.desk.pick_up(shop.clerk, "k", order_id, codes, "away 1")
    monkeypatch.setattr(desk_away, "pickup_id", lambda staff_id, key: f"p.away.{key}")
    taken = one(away.take(shop.clerk, "device", [handed(shop, codes)]))
    assert taken.outcome == "conflict"


def senders(shop: Shop, away: AwayService, codes: list[str]) -> list[Callable[[], Taken]]:
    sent = [handed(shop, codes, f"k{n}", f"away {n}") for n in range(4)]
    return [lambda one_=one_: one(away.take(shop.clerk, one_.desk, [one_])) for one_ in sent]  # type: ignore[misc]


def rows(shop: Shop, table: Any) -> int:
    with reading(shop.sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
