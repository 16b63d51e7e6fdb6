"""Goal: a desk's list says what waits for whom and what is gone, of its own events alone, and no card's number.

Method: lists of the service over both databases and the real Redis, for clerks of several unions, with tickets handed
out, cancelled, to be paid and bought by strangers' cards; the bounds are made small to be met.
"""

import hmac

import pytest
from sqlalchemy import select, update

from tests.support.office import claims
from tests.support.refusals import refusal
from tests.support.shop import Shop, card_number
from ticketing.catalogue.tables import Event
from ticketing.errors import Code
from ticketing.members.tables import Card
from ticketing.services import desk_list
from ticketing.services.desk_list import GOOD_FOR_MS, DeskLists, ListedGone


@pytest.fixture
def lists(shop: Shop) -> DeskLists:
    return DeskLists(shop.sessions, shop.keyring, shop.clock)


def test_a_list_says_what_waits_and_what_is_gone(shop: Shop, lists: DeskLists) -> None:
    event_id = shop.sale_of_priced(500)
    due = shop.buy_at_desk(event_id, 1, (1, 2))
    handed = shop.buy_at_desk(event_id, 2, (1, 2))
    cancelled = shop.buy_at_desk(event_id, 3, (1, 2))
    shop.drain().run(event_id)
    number = {order: shop.keyring.order_number(order) for order in (due, handed, cancelled)}
    made = shop.desk.pick_up(shop.clerk, "key", handed, [f"{number[handed]}-1"], "desk 1", "cash")
    shop.orders.cancel(3, cancelled, [f"{number[cancelled]}-2"])
    still_to_come = shop.buy_at_desk(event_id, 4, (1, 1))

    got = lists.make(shop.clerk)

    assert got.good_until - got.as_of == GOOD_FOR_MS
    assert [event.id for event in got.events] == [event_id]
    assert {
        order.id: (order.due, order.name, [code for code, _ in order.tickets]) for order in got.orders
    } == {
        due: (1000, "Member 1", [f"{number[due]}-1", f"{number[due]}-2"]),
        handed: (0, "Member 2", [f"{number[handed]}-2"]),
        cancelled: (500, "Member 3", [f"{number[cancelled]}-1"]),
    }, f"{still_to_come} is not in SQL yet"
    assert got.gone == (
        ListedGone((f"{number[handed]}-1",), made.at, "desk 1", "lan"),
        ListedGone((f"{number[cancelled]}-2",), None, "", ""),
    )


def test_a_card_is_found_by_24_bits_under_the_key_that_desks_are_given(shop: Shop, lists: DeskLists) -> None:
    event_id = shop.sale(20)
    shop.buy(event_id, 1, (1, 1))
    shop.buy(event_id, 2, (1, 1))
    with shop.sessions.begin() as session:
        session.execute(update(Card).where(Card.member_id == 2).values(status="replaced"))
    shop.drain().run(event_id)
    by_name = {order.name: order.card for order in lists.make(shop.clerk).orders}
    expected = int.from_bytes(hmac.digest(shop.keyring.desk, card_number(1).encode(), "sha256")[:3], "big")
    assert by_name == {"Member 1": expected, "Member 2": None}
    with shop.sessions() as session:
        stored = session.scalar(select(Card.tag).where(Card.member_id == 1))
    assert stored != expected, "SQL alone, with a desk's key, tells nothing"


def test_only_events_of_the_clerks_reach_and_only_those_named(shop: Shop, lists: DeskLists) -> None:
    one, two = shop.sale(20), shop.sale(20)
    over = shop.sale(20)
    with shop.sessions.begin() as session:
        past = {"starts_at": 1, "closes_at": 2, "collect_until": None}
        session.execute(update(Event).where(Event.id == over).values(**past))
    elsewhere = shop.hire("far", "district.street-10")
    assert {event.id for event in lists.make(shop.clerk).events} == {one, two}, "the third is long over"
    assert [event.id for event in lists.make(shop.clerk, [two, two]).events] == [two]
    assert lists.make(elsewhere).events == ()
    assert refusal(lambda: lists.make(elsewhere, [one])).code is Code.NOT_FOUND
    assert refusal(lambda: lists.make(shop.clerk, [])).code is Code.INVALID
    assert refusal(lambda: lists.make(claims("district", "auditor"))).code is Code.FORBIDDEN


def test_a_list_is_bounded_and_says_how_far(
    shop: Shop, lists: DeskLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id, other = shop.sale(20, per_card_limit=9), shop.sale(20)
    shop.buy(event_id, 1, (1, 3))
    shop.drain().run(event_id)
    with monkeypatch.context() as small:
        small.setattr(desk_list, "TICKETS_MAX", 2)
        told = refusal(lambda: lists.make(shop.clerk))
        assert told.code is Code.INVALID
        assert "have 3 tickets; a list holds 2" in told.facts["errors"][0]["reason"]
        assert lists.make(shop.clerk, [other]).orders == ()
    with monkeypatch.context() as small:
        small.setattr(desk_list, "EVENTS_MAX", 1)
        assert "name the 1 at most" in refusal(lambda: lists.make(shop.clerk)).facts["errors"][0]["reason"]
