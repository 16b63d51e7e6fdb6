"""Goal: what a desk sells is sold and handed out once, out of the same stock, and its own share first.

Method: the real servers; every sale repeated under its key, also after it died half-way, was undone, cancelled or its
card blocked; desks at once in threads for the last of a share.
"""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select, update

from tests.support.acts import at_once, refusal_of
from tests.support.office import claims
from tests.support.shop import Shop, card_number
from ticketing.catalogue.model import QuotaChanges, QuotaDraft
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.members.tables import Card
from ticketing.orders import repository as orders
from ticketing.orders.tables import Pickup
from ticketing.services.desk import Sale

ROUNDS = 10


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
    shop.quotas.change(shop.street, event_id, f"{event_id}-1", QuotaChanges(withheld=0), "given back")
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
