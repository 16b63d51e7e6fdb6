"""Goal: a swipe shows what waits for whoever stands at the desk, wherever their orders are on the way to SQL.

Method: the service over both databases and the real Redis, drained and not, at once and while Redis is away. The
drain is also let in between the two looks of a swipe.
"""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.support.office import claims
from tests.support.refusals import refusal
from tests.support.shop import Shop, card_number
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.members.tables import Card
from ticketing.orders import repository as orders


def test_a_swipe_shows_what_waits_drained_or_not(shop: Shop) -> None:
    event_id = shop.sale(20, per_card_limit=9)
    drained = shop.buy(event_id, 1, (1, 2))
    shop.drain().run(event_id)
    in_flight = shop.buy(event_id, 1, (1, 1), key="other")
    gone = shop.buy(event_id, 1, (1, 1), key="gone")
    shop.desk.pick_up(shop.clerk, "key", gone, None, "desk 1")
    shop.buy(event_id, 2, (1, 1))

    swiped = shop.desk.swipe(shop.clerk, card_number=f" {card_number(1)[:8]}-{card_number(1)[8:]} ")

    assert [order.id for order in swiped.orders] == [drained, in_flight]
    assert (swiped.holder.member.name, swiped.holder.card.last_four) == ("Member 1", card_number(1)[-4:])
    ((events, ledger),) = swiped.ledgers
    assert [event.id for event in events] == [event_id]
    assert sum(use.bought for use in ledger.uses) == 4


def test_a_ticket_or_an_order_number_shows_its_owner(shop: Shop) -> None:
    event_id = shop.sale(20)
    order_id = shop.buy(event_id, 1, (1, 2))
    shop.drain().run(event_id)
    number = shop.keyring.order_number(order_id)
    order = shop.orders.get(1, order_id)
    signed = shop.seal.qr(order, order.tickets[1])
    ways = ({"code": f"{number}-2".lower()}, {"code": signed}, {"number": f"{number[:6]} {number[6:]}"})
    for how in ways:
        swiped = shop.desk.swipe(shop.clerk, **how)
        assert [order.id for order in swiped.orders] == [order_id]
        assert swiped.handed_out is None
    shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1")
    swiped = shop.desk.swipe(shop.other_clerk, code=f"{number}-2")
    assert swiped.orders == ()
    assert swiped.handed_out is not None
    assert (swiped.handed_out.clerk, swiped.handed_out.desk) == ("lan", "desk 1")


def test_what_cannot_be_swiped(shop: Shop) -> None:
    event_id = shop.sale(20)
    order_id = shop.buy(event_id, 1, (1, 1))
    shop.drain().run(event_id)
    number = shop.keyring.order_number(order_id)
    elsewhere = shop.hire("far", "district.street-10")
    cases: list[tuple[Any, dict[str, Any], Code]] = [
        (shop.clerk, {"card_number": "62000000"}, Code.NOT_FOUND),
        (shop.clerk, {"card_number": "abc"}, Code.NOT_FOUND),
        (shop.clerk, {"code": "0123456789AB-1"}, Code.NOT_FOUND),
        (shop.clerk, {"number": "short"}, Code.NOT_FOUND),
        (shop.clerk, {}, Code.INVALID),
        (shop.clerk, {"code": f"{number}-1", "number": number}, Code.INVALID),
        (elsewhere, {"number": number}, Code.NOT_FOUND),
        (claims("district", "auditor"), {"number": number}, Code.FORBIDDEN),
        (claims("district", kind="member", role=""), {"number": number}, Code.FORBIDDEN),
    ]
    for clerk, how, code in cases:
        assert refusal(lambda: shop.desk.swipe(clerk, **how)).code is code  # noqa: B023
    assert shop.desk.swipe(elsewhere, card_number=card_number(1)).orders == ()
    with shop.sessions.begin() as session:
        session.execute(update(Card).where(Card.member_id == 1).values(status="blocked"))
    swipe = refusal(lambda: shop.desk.swipe(shop.clerk, card_number=card_number(1)))
    assert swipe.code is Code.CARD_BLOCKED


def test_a_number_on_its_way_to_sql_is_not_called_unknown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = shop.sale(20)
    shop.drain().run(event_id)
    order_id = shop.buy(event_id, 1, (1, 1))
    number = shop.keyring.order_number(order_id)

    def answer(**how: str) -> Code | tuple[str, ...]:
        try:
            return tuple(order.id for order in shop.desk.swipe(shop.clerk, **how).orders)
        except Refusal as refused:
            return refused.code

    for how in ({"code": f"{number}-1"}, {"number": number}, {"number": "0123456789AB"}):
        assert answer(**how) is Code.UNAVAILABLE
    assert answer(number="short") is Code.NOT_FOUND
    look_up = orders.by_number

    def drained_meanwhile(session: Session, typed: str) -> Any:
        found = look_up(session, typed)
        shop.drain().run(event_id)
        return found

    with monkeypatch.context() as slow:
        slow.setattr(orders, "by_number", drained_meanwhile)
        assert answer(number=number) is Code.UNAVAILABLE, "looked for too early: it is in SQL by now"
    assert answer(number=number) == answer(code=f"{number}-1") == (order_id,)
    assert answer(number="0123456789AB") is Code.NOT_FOUND
    take_redis_away(monkeypatch)
    assert answer(number=number) == (order_id,)
    assert answer(number="0123456789AB") is Code.UNAVAILABLE


def take_redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis does not answer any more."""

    def away(*_: Any) -> None:
        raise StoreUnavailable("Redis did not answer")

    for verb in ("last_position", "ledger", "ledgers", "look_up", "now_ms"):
        monkeypatch.setattr(Keeper, verb, away)


def test_tickets_can_be_handed_out_while_redis_is_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = shop.sale(20)
    order_id = shop.buy(event_id, 1, (1, 1))
    shop.drain().run(event_id)
    take_redis_away(monkeypatch)
    swiped = shop.desk.swipe(shop.clerk, card_number=card_number(1))
    assert ([order.id for order in swiped.orders], swiped.ledgers) == ([order_id], ())
    assert shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1").ticket_codes
