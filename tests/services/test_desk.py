"""Goal: a ticket is handed out once, by one clerk, and everybody else is told by whom, when and where.

Method: the real servers; desks at once in threads; every act repeated under its key, also after what it did was
undone, cancelled or its card blocked; clerks of other organisations. The one conditional UPDATE is then made
unconditional, and two desks win.
"""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.support.acts import at_once, refusal_of
from tests.support.office import claims
from tests.support.shop import Shop
from ticketing.errors import Code, Refusal
from ticketing.orders import repository as orders
from ticketing.orders.model import PickupRecord
from ticketing.orders.tables import Pickup, Ticket
from ticketing.services.desk_undo import UNDO_MS

ROUNDS = 10


# Handing out


def test_two_desks_at_once_hand_out_once(shop: Shop) -> None:
    event_id = shop.sale(100)
    for turn in range(ROUNDS):
        order_id = shop.buy(event_id, 1 + turn, (1, 2))  # not drained: both also race to record it
        answers = at_once(
            lambda: shop.desk.pick_up(shop.clerk, f"{turn}", order_id, None, "desk 1"),  # noqa: B023
            lambda: shop.desk.pick_up(shop.other_clerk, f"{turn}", order_id, None, "desk 2"),  # noqa: B023
        )
        (won,) = [answer for answer in answers if isinstance(answer, PickupRecord)]
        (lost,) = [answer for answer in answers if isinstance(answer, Refusal)]
        clerk = "lan" if won.desk == "desk 1" else "mei"
        assert lost.code is Code.ALREADY_COLLECTED
        assert lost.facts == {"collected_at": won.at, "desk": won.desk, "clerk": clerk}
    assert shop.tickets("collected") == 2 * ROUNDS


def test_control_without_the_condition_both_desks_win(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: hand out whatever the ticket's status is."""

    def collect_blindly(session: Session, record: PickupRecord) -> bool:
        handed_out = {"status": "collected", "collected_at": record.at, "pickup_id": record.id}
        session.execute(update(Ticket).where(Ticket.code.in_(record.ticket_codes)).values(**handed_out))
        return True

    event_id = shop.sale(100)
    order_id = shop.buy(event_id, 1, (1, 2))
    monkeypatch.setattr(orders, "collect_tickets", collect_blindly)
    answers = at_once(
        lambda: shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1"),
        lambda: shop.desk.pick_up(shop.other_clerk, "key", order_id, None, "desk 2"),
    )
    assert all(isinstance(answer, PickupRecord) for answer in answers)


def test_overlapping_tickets_are_handed_out_all_or_none(shop: Shop) -> None:
    event_id = shop.sale(100)
    order_id = shop.buy(event_id, 1, (1, 3))
    one, two, three = (f"{shop.keyring.order_number(order_id)}-{n}" for n in (1, 2, 3))
    shop.desk.pick_up(shop.clerk, "a", order_id, [one, two], "desk 1")
    refused = refusal_of(lambda: shop.desk.pick_up(shop.clerk, "b", order_id, [two, three], "desk 1"))
    assert refused.code is Code.ALREADY_COLLECTED
    assert shop.tickets("collected") == 2
    assert shop.desk.pick_up(shop.clerk, "c", order_id, None, "desk 1").ticket_codes == (three,)


def test_the_same_key_gives_the_first_answer(shop: Shop) -> None:
    event_id = shop.sale(100)
    order_id, other = (shop.buy(event_id, member, (1, 2)) for member in (1, 2))
    answers = at_once(
        *[lambda: shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1") for _ in range(4)]
    )
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert len({(answer.id, answer.ticket_codes, answer.at) for answer in answers}) == 1
    for again in (
        lambda: shop.desk.pick_up(shop.clerk, "key", other, None, "desk 1"),
        lambda: shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 2"),
        lambda: shop.desk.pick_up(shop.clerk, "key", order_id, list(answers[0].ticket_codes), "desk 1"),
    ):
        assert refusal_of(again).code is Code.IDEMPOTENCY_KEY_REUSED
    shop.desk.pick_up(shop.other_clerk, "key", other, None, "desk 2")
    assert shop.tickets("collected") == 4


def test_what_is_due_is_paid_with_the_first_hand_over(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event_id, 1, (1, 3))
    one, two, _ = (f"{shop.keyring.order_number(order_id)}-{n}" for n in (1, 2, 3))
    unpaid = refusal_of(lambda: shop.desk.pick_up(shop.clerk, "a", order_id, [one], "desk 1"))
    assert (unpaid.code, unpaid.facts) == (Code.PAYMENT_REQUIRED, {"amount": 1_500})
    paid = shop.desk.pick_up(shop.clerk, "b", order_id, [one], "desk 1", "cash")
    assert (paid.payment_method, paid.payment_amount) == ("cash", 1_500)
    more = shop.desk.pick_up(shop.clerk, "c", order_id, [two], "desk 1", "card")
    assert (more.payment_method, more.payment_amount) == (None, None)
    assert shop.orders.get(1, order_id).payment_status == "paid"


def test_cancelled_and_foreign_tickets_are_not_handed_out(shop: Shop) -> None:
    event_id = shop.sale(100)
    order_id = shop.buy(event_id, 1, (1, 2))
    one, two = (f"{shop.keyring.order_number(order_id)}-{n}" for n in (1, 2))
    shop.orders.cancel(1, order_id, [one])
    elsewhere = shop.hire("far", "district.street-10")
    cases = [
        (shop.clerk, order_id, [one], Code.INVALID),
        (shop.clerk, order_id, ["ANOTHER"], Code.INVALID),
        (shop.clerk, "nonsense", None, Code.NOT_FOUND),
        (elsewhere, order_id, None, Code.NOT_FOUND),
        (claims("district", "auditor"), order_id, None, Code.FORBIDDEN),
    ]
    for clerk, order, codes, code in cases:
        assert refusal_of(lambda: shop.desk.pick_up(clerk, "key", order, codes, "desk")).code is code  # noqa: B023
    assert shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1").ticket_codes == (two,)
    assert refusal_of(lambda: shop.orders.cancel(1, order_id)).code is Code.NOT_CANCELLABLE


# Taking back


def test_a_mistake_is_taken_back_within_a_minute_and_once(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event_id, 1, (1, 2))
    pickup = shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1", "cash")
    undone = shop.desk.undo(shop.other_clerk, pickup.id, "wrong person")
    assert undone.undone_at is not None
    assert shop.desk.undo(shop.clerk, pickup.id, "again") == undone
    order = shop.orders.get(1, order_id)
    assert (order.payment_status, len(order.to_collect)) == ("due", 2)
    assert shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1", "cash").id == pickup.id
    assert shop.tickets("collected") == 0, "the key answers for the first hand-over, which was undone"
    shop.desk.pick_up(shop.clerk, "fresh", order_id, None, "desk 1", "card")
    shop.desk.undo(shop.clerk, pickup.id, "late repeat")
    assert shop.tickets("collected") == 2, "a repeated undo takes nothing from the next hand-over"


def test_payment_stays_while_another_hand_over_stands(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event_id, 1, (1, 2))
    one, two = (f"{shop.keyring.order_number(order_id)}-{n}" for n in (1, 2))
    first = shop.desk.pick_up(shop.clerk, "a", order_id, [one], "desk 1", "cash")
    shop.desk.pick_up(shop.clerk, "b", order_id, [two], "desk 1")
    shop.desk.undo(shop.clerk, first.id, "wrong person")
    assert shop.orders.get(1, order_id).payment_status == "paid"


def test_after_a_minute_it_stays(shop: Shop) -> None:
    event_id = shop.sale(20)
    order_id = shop.buy(event_id, 1, (1, 1))
    pickup = shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1")
    with shop.sessions.begin() as session:
        session.execute(update(Pickup).values(at=Pickup.at - UNDO_MS - 1))
    late = refusal_of(lambda: shop.desk.undo(shop.clerk, pickup.id, "late"))
    assert late.code is Code.NOT_CANCELLABLE
    unknown = refusal_of(lambda: shop.desk.undo(shop.clerk, "p.unknown", "?"))
    assert unknown.code is Code.NOT_FOUND
