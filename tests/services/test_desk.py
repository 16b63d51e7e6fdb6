"""Goal: a ticket is handed out once, by one clerk, and everybody else is told by whom, when and where.

Method: the real servers; desks at once in threads; every act repeated under its key, also after what it did was
undone, cancelled or its card blocked; clerks of other organisations. The one conditional UPDATE is then made
unconditional, and two desks win.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.support.office import claims
from tests.support.shop import Shop, card_number
from ticketing.catalogue.model import QuotaChanges, QuotaDraft
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.members.tables import Card
from ticketing.orders import repository as orders
from ticketing.orders.model import PickupRecord
from ticketing.orders.tables import Pickup, Ticket
from ticketing.services.desk import UNDO_MS, Sale

ROUNDS = 10


def refusal_of(act: Callable[[], Any]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act gives, a refusal instead of its answer, all started together."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


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


# Selling


def test_a_sale_at_the_desk_is_collected_at_once_and_repeatable(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    items = [(f"{event_id}-1", 3)]

    def sell() -> Any:
        return shop.desk.sell(shop.clerk, "key", card_number(1), event_id, items, "cash", "desk 1")

    answers = at_once(sell, sell, sell)
    order = answers[0].order
    assert all(answer.order == order for answer in answers)
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    assert [ticket.status for ticket in order.tickets] == ["collected"] * 3
    assert (order.channel, order.payment_method, order.payment_status) == ("desk", "cash", "paid")
    with reading(shop.sessions) as session:
        (pickup,) = session.scalars(select(Pickup)).all()
    assert (pickup.payment_method, pickup.payment_amount, pickup.desk) == ("cash", 1_500, "desk 1")
    shop.drain().run(event_id)
    assert sell() == Sale(order, pickup.id, replayed=True)
    assert (shop.counts(event_id).sold, shop.counts(event_id).held) == (3, 0)


def test_a_sale_that_died_before_sql_is_finished_by_its_repetition(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale_of_priced(500)

    def sell() -> Any:
        items = [(f"{event_id}-1", 2)]
        return shop.desk.sell(shop.clerk, "key", card_number(1), event_id, items, "cash", "desk 1")

    with monkeypatch.context() as crash:
        crash.setattr(orders, "collect_tickets", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sell()
    assert shop.counts(event_id).sold == 2
    finished = sell()
    assert [ticket.status for ticket in finished.order.tickets] == ["collected"] * 2
    assert not finished.replayed, "nobody had been answered"
    assert shop.counts(event_id).sold == 2


@pytest.mark.parametrize("in_time", [True, False])
def test_a_sale_that_died_before_its_confirm_is_finished_in_time_or_made_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, in_time: bool
) -> None:
    event_id = shop.sale(20, hold_seconds=300 if in_time else 1)

    def sell(key: str) -> Sale:
        return shop.desk.sell(
            shop.clerk, key, card_number(1), event_id, [(f"{event_id}-1", 2)], "free", "desk"
        )

    with monkeypatch.context() as crash:
        crash.setattr(shop.keeper, "confirm", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sell("key")
    if not in_time:
        time.sleep(1.1)
        assert refusal_of(lambda: sell("key")).code is Code.HOLD_EXPIRED
    assert not sell("key" if in_time else "fresh").replayed
    assert (shop.counts(event_id).sold, shop.counts(event_id).held) == (2, 0)


@pytest.mark.parametrize("cancelled", [(1, 2), (2,)])
def test_a_sale_that_died_and_was_cancelled_before_its_repetition_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, cancelled: tuple[int, ...]
) -> None:
    """Nobody was answered, so the member could cancel; what is left of the order waits for a swipe."""
    event_id = shop.sale_of_priced(500)

    def sell(key: str = "key") -> Any:
        items = [(f"{event_id}-1", 2)]
        return shop.desk.sell(shop.clerk, key, card_number(1), event_id, items, "cash", "desk 1")

    with monkeypatch.context() as crash:
        crash.setattr(orders, "collect_tickets", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sell()
    shop.drain().run(event_id)
    ((order_id, codes),) = shop.recorded().items()
    shop.orders.cancel(1, order_id, [codes[place - 1] for place in cancelled])

    for _ in range(2):
        assert refusal_of(sell).code is Code.HOLD_RELEASED
    assert (shop.tickets("collected"), len(pickups(shop))) == (0, 0)
    counts = shop.counts(event_id)
    assert (counts.sold, counts.available) == (2 - len(cancelled), 18 + len(cancelled))
    waiting = shop.desk.swipe(shop.clerk, card_number(1)).orders
    assert [len(order.to_collect) for order in waiting] == [1] * (len(cancelled) == 1)
    assert sell("fresh").order.status == "confirmed"


@pytest.mark.parametrize("price", [500, 0])
def test_a_repeated_sale_is_answered_as_at_first_whatever_came_of_it(shop: Shop, price: int) -> None:
    event_id = shop.sale_of_priced(price) if price else shop.sale(20)
    method = "cash" if price else "free"

    def sell(card: str = card_number(1), key: str = "key", quantity: int = 2) -> Sale:
        items = [(f"{event_id}-1", quantity)]
        return shop.desk.sell(shop.clerk, key, card, event_id, items, method, "desk 1")

    first = sell()
    assert not first.replayed
    (pickup,) = pickups(shop)
    shop.desk.undo(shop.clerk, pickup.id, "wrong person")
    assert sell() == structs.replace(first, replayed=True)
    shop.orders.cancel(1, first.order.id)
    assert sell() == structs.replace(first, replayed=True)
    mark_card(shop, 1, "blocked")
    assert sell() == structs.replace(first, replayed=True)
    assert refusal_of(lambda: sell(quantity=1)).code is Code.IDEMPOTENCY_KEY_REUSED
    assert refusal_of(lambda: sell(key="fresh")).code is Code.CARD_BLOCKED
    give_new_card(shop, 1, card_number(901))
    assert sell() == sell(card_number(901)) == structs.replace(first, replayed=True)
    assert refusal_of(lambda: sell(key="fresh")).code is Code.CARD_BLOCKED, "replaced"
    assert sell(card_number(901), "fresh").order.status == "confirmed"


def test_what_is_not_there_is_said_before_the_card_is_blocked(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500)
    elsewhere = shop.hire("far", "district.street-10")
    shop.desk.sell(shop.clerk, "known", card_number(1), event_id, [(f"{event_id}-1", 1)], "cash", "desk 1")
    mark_card(shop, 1, "blocked")
    cases = [
        (elsewhere, "key", event_id, 1, Code.NOT_FOUND),
        (shop.clerk, "key", "nonsense", 1, Code.NOT_FOUND),
        (shop.clerk, "key", event_id, 9, Code.NOT_FOUND),
        (shop.clerk, "known", event_id, 9, Code.NOT_FOUND),
        (shop.clerk, "key", event_id, 1, Code.CARD_BLOCKED),
    ]
    for clerk, key, event, quota, code in cases:
        items = [(f"{event_id}-{quota}", 1)]
        refused = refusal_of(
            lambda: shop.desk.sell(clerk, key, card_number(1), event, items, "cash", "desk 1")  # noqa: B023
        )
        assert refused.code is code


def pickups(shop: Shop) -> Sequence[Pickup]:
    with reading(shop.sessions) as session:
        return session.scalars(select(Pickup)).all()


def mark_card(shop: Shop, member: int, status: str) -> None:
    with shop.sessions.begin() as session:
        session.execute(update(Card).where(Card.member_id == member).values(status=status))


def give_new_card(shop: Shop, member: int, number: str) -> None:
    mark_card(shop, member, "replaced")
    digest = shop.keyring.card_digest(number)
    with shop.sessions.begin() as session:
        session.add(
            Card(
                member_id=member,
                number_digest=digest,
                last_four=number[-4:],
                pin_salt=b"salt",
                pin_digest=b"digest",
                created_at=shop.now,
            )
        )


def test_what_is_not_sold_at_the_desk(shop: Shop) -> None:
    event_id = shop.sale_of_priced(500, per_card_limit=3)
    draft = shop.catalogue.create_event(shop.street, shop.draft(5))
    elsewhere = shop.hire("far", "district.street-10")
    shop.desk.sell(shop.clerk, "known", card_number(2), event_id, [(f"{event_id}-1", 1)], "cash", "desk 1")

    def refused(
        *, key: str = "key", card: int = 1, event: str = event_id, quantity: int = 1, **changes: Any
    ) -> Refusal:
        clerk = changes.get("clerk", shop.clerk)
        items = [(changes.get("quota", f"{event}-1"), quantity)]
        method = changes.get("method", "cash")
        return refusal_of(
            lambda: shop.desk.sell(clerk, key, card_number(card), event, items, method, "desk 1")
        )

    limited = refused(quantity=4)
    assert (limited.code, limited.facts["limit"]) == (Code.CARD_LIMIT_EXCEEDED, 3)
    unpaid = refused(method="free")
    assert (unpaid.code, unpaid.facts) == (Code.PAYMENT_REQUIRED, {"amount": 500})
    assert shop.counts(event_id).held == 0
    assert refused(quota=f"{event_id}-9").code is Code.NOT_FOUND
    assert refused(quota="nonsense").code is Code.NOT_FOUND
    assert refused(card=999).code is Code.NOT_FOUND
    assert refused(event=draft).code is Code.NOT_FOUND
    assert refused(clerk=elsewhere).code is Code.NOT_FOUND
    assert refused(clerk=claims("district", "auditor")).code is Code.FORBIDDEN
    assert refused(key="known", card=2, quantity=2).code is Code.IDEMPOTENCY_KEY_REUSED
    assert refused(key="known", card=1).code is Code.IDEMPOTENCY_KEY_REUSED
    for member in range(3, 9):
        items = [(f"{event_id}-1", 3)]
        shop.desk.sell(shop.clerk, f"{member}", card_number(member), event_id, items, "card", "desk 1")
    sold_out = refused(card=20, quantity=2)
    assert (sold_out.code, sold_out.facts["quota_id"]) == (Code.SOLD_OUT, f"{event_id}-1")


# The desk's share


def test_the_desk_sells_of_its_share_and_the_web_cannot(shop: Shop) -> None:
    event_id = shop.sale(quotas=(QuotaDraft(name="Seats", capacity=5, withheld=3),))
    refused = shop.hold(event_id, 1, (1, 3))
    assert isinstance(refused, Refusal)
    assert refused.facts["available"] == 2
    shop.buy(event_id, 1, (1, 2))
    assert isinstance(shop.hold(event_id, 2, (1, 1)), Refusal)
    sell(shop, event_id, 3, 2)
    assert shop.counts(event_id) == QuotaCounts(capacity=5, withheld=1, held=0, sold=4)
    assert isinstance(shop.hold(event_id, 4, (1, 1), key="later"), Refusal), "one is still the desk's"
    shop.catalogue.change_quota(
        shop.street, event_id, f"{event_id}-1", QuotaChanges(withheld=0), "given back"
    )
    assert isinstance(shop.hold(event_id, 4, (1, 1), key="now"), Decided)
    over = refusal_of(lambda: sell(shop, event_id, 5, 1))
    assert over.code is Code.SOLD_OUT


def test_without_a_share_left_the_desk_sells_what_the_web_has(shop: Shop) -> None:
    event_id = shop.sale(quotas=(QuotaDraft(name="Seats", capacity=5, withheld=1),))
    sell(shop, event_id, 1, 3)
    assert shop.counts(event_id) == QuotaCounts(capacity=5, withheld=0, held=0, sold=3)
    assert isinstance(shop.hold(event_id, 2, (1, 2)), Decided)


def test_the_last_of_the_share_is_sold_once_and_the_books_know_what_is_left(shop: Shop) -> None:
    event_id = shop.sale(quotas=(QuotaDraft(name="Seats", capacity=4, withheld=4),))
    group = shop.event(event_id).group_id
    answers = at_once(*[lambda member=member: sell(shop, event_id, member, 1) for member in range(1, 9)])
    assert sum(isinstance(answer, Sale) for answer in answers) == 4
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {Code.SOLD_OUT}
    while shop.drain().run(group):
        pass
    [quota] = shop.event(event_id).quotas
    assert (quota.capacity, quota.withheld) == (4, 0)
    assert shop.counts(event_id) == QuotaCounts(capacity=4, withheld=0, held=0, sold=4)


def sell(shop: Shop, event_id: str, member: int, quantity: int) -> Sale:
    items = [(f"{event_id}-1", quantity)]
    return shop.desk.sell(
        shop.clerk, f"sale {member}", card_number(member), event_id, items, "free", "desk 1"
    )
