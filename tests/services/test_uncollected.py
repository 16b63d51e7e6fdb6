"""Goal: after its deadline what nobody collected goes where its rule says, each ticket once, and to nobody else.

Method: the real servers; the deadline is put into the past, and the worker's duty is run with hand-overs before it,
beside it and between its steps, with a rebuild in between, and dying before and after each commit and command. The
controls void without the condition, are done with a deadline too early, and forget where the tickets go.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.support.disasters import Crossings, Died, rebuilds, violations
from tests.support.interleaving import Between
from tests.support.refusals import faulty, refusal
from tests.support.shop import Shop, card_number
from ticketing.catalogue.model import EventChanges, QuotaDraft
from ticketing.catalogue.tables import Event
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.orders import books, voiding
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord
from ticketing.orders.tables import Order, Ticket
from ticketing.orders.voiding import Voided
from ticketing.services import uncollected
from ticketing.services.notices import NOT_COLLECTED, NoticeService
from ticketing.services.uncollected import GRACE_MS, UncollectedReturns

MINUTE_MS = 60_000


def sale(shop: Shop, rule: str = "web", capacity: int = 9, **changes: Any) -> str:
    """Priced tickets to be collected within the hour."""
    quota = QuotaDraft(name="Seats", capacity=capacity, price=500)
    plan = {"collect_until": shop.now + 60 * MINUTE_MS, "cancellable_until": None, "uncollected": rule}
    return shop.sale(quotas=(quota,), payment_methods=("desk",), **plan | changes)


def past(shop: Shop, event: str, by: int = GRACE_MS + MINUTE_MS) -> None:
    """The deadline was so long ago, and every order that there is was confirmed before it."""
    shop.drain().run(event)
    with shop.sessions.begin() as session:
        at = shop.clock.now_ms() - by
        session.execute(update(Event).where(Event.id == event).values(collect_until=at))
        session.execute(update(Order).where(Order.event_id == event).values(confirmed_at=at - 1))


def work(shop: Shop, event: str) -> None:
    """What the worker does within seconds."""
    shop.drain().run(event)
    shop.uncollected.finish()
    shop.returns.give_back()
    shop.drain().run(event)


def order_of(shop: Shop, order_id: str) -> OrderRecord:
    with reading(shop.sessions) as session:
        order = orders.get(session, order_id)
    assert order is not None
    return order


def state_of(shop: Shop, order_id: str) -> tuple[str, str, str]:
    """The order, its tickets in one letter each, and its payment."""
    order = order_of(shop, order_id)
    return order.status, "".join(ticket.status[0] for ticket in order.tickets), order.payment_status


def collect(shop: Shop, order_id: str, *places: int, key: str = "") -> Any:
    codes = [order_of(shop, order_id).tickets[place - 1].code for place in places] or None
    return shop.desk.pick_up(shop.clerk, key or order_id, order_id, codes, "desk 1", "cash")


# What becomes of them


@pytest.mark.parametrize(("rule", "withheld"), [("web", 0), ("desk", 3)])
def test_what_nobody_collected_goes_where_the_rule_says(shop: Shop, rule: str, withheld: int) -> None:
    event = sale(shop, rule, per_card_limit=2)
    due, half, whole = (shop.buy_at_desk(event, member, (1, 2)) for member in (1, 2, 3))
    shop.drain().run(event)
    collect(shop, half, 1)
    collect(shop, whole)
    past(shop, event)
    work(shop, event)
    assert state_of(shop, due) == ("cancelled", "vv", "not_needed")
    assert state_of(shop, half) == ("confirmed", "cv", "refund_due")
    assert state_of(shop, whole) == ("confirmed", "cc", "paid")
    assert shop.counts(event) == QuotaCounts(capacity=9, withheld=withheld, held=0, sold=3)
    assert shop.event(event).quotas[0].withheld == withheld
    assert isinstance(shop.hold(event, 1, (1, 2), key="anew"), Decided), "the allowance is free again"
    assert violations(shop) == []
    assert shop.story().count(("order.return_uncollected", f"event:{event}")) == 1
    work(shop, event)
    assert shop.story().count(("order.return_uncollected", f"event:{event}")) == 1


def test_the_member_and_the_clerk_are_told(shop: Shop) -> None:
    event = sale(shop)
    order_id = shop.buy_at_desk(event, 1, (1, 2))
    shop.buy_at_desk(event, 2, (1, 1))
    past(shop, event)
    work(shop, event)
    notices = NoticeService(shop.sessions, shop.clock)
    [told] = notices.of_member(1)
    assert (told.kind, told.event_id, told.order_id) == (NOT_COLLECTED, event, order_id)
    assert notices.of_member(3) == []
    for swiped in (
        shop.desk.swipe(shop.clerk, card_number(1)),
        shop.desk.swipe(shop.clerk, number=order_of(shop, order_id).number),
    ):
        assert swiped.orders == ()
        [gone] = swiped.lapsed
        assert (gone.order_id, gone.tickets, gone.at) == (order_id, 2, told.at)
    elsewhere = shop.hire("far", "district.street-10")
    assert shop.desk.swipe(elsewhere, card_number(1)).lapsed == ()
    refused = refusal(collect, shop, order_id)
    assert refused.code is Code.INVALID
    assert shop.tickets("collected") == 0


def test_what_stays(shop: Shop) -> None:
    """No rule, no deadline yet, still within the grace, the sale over, paused, or of a group that is recovering."""
    kept, early, graced, over, paused, fenced = (
        sale(shop, rule) for rule in ("keep", "web", "web", "web", "web", "web")
    )
    sold = {
        event: shop.buy_at_desk(event, 1, (1, 1)) for event in (kept, early, graced, over, paused, fenced)
    }
    for event in (kept, over, paused, fenced):
        past(shop, event)
    past(shop, graced, GRACE_MS - MINUTE_MS)
    shop.drain().run(early)
    shop.catalogue.close(shop.street, over)
    shop.catalogue.pause(shop.street, paused)
    shop.keeper.suspend(fenced, "gap")
    assert shop.uncollected.finish() == 0
    assert {state_of(shop, order)[1] for order in sold.values()} == {"i"}
    shop.catalogue.resume(shop.street, paused)
    assert shop.uncollected.finish() == 1
    rebuilds(shop).rebuild(fenced)
    assert shop.uncollected.finish() == 1
    assert state_of(shop, sold[over])[1] == "i"


def test_who_booked_after_the_deadline_keeps_the_tickets(shop: Shop) -> None:
    event = sale(shop)
    early = shop.buy_at_desk(event, 1, (1, 1))
    past(shop, event)
    late = shop.buy_at_desk(event, 2, (1, 1))
    work(shop, event)
    assert (state_of(shop, early)[1], state_of(shop, late)[1]) == ("v", "i")
    assert shop.event(event).returned_until == shop.event(event).collect_until


# Staff's choice


def test_the_rule_may_change_until_the_deadline(shop: Shop) -> None:
    event = sale(shop, "keep")

    def change(**changes: Any) -> Any:
        return shop.catalogue.patch_event(shop.street, event, EventChanges(**changes), "why")

    assert change(uncollected="desk").uncollected == "desk"
    now = shop.clock.now_ms()
    assert faulty(lambda: change(collect_until=now - 1)) == ["collect_until"]
    assert faulty(lambda: change(collect_until=None)) == ["collect_until"]
    assert faulty(lambda: change(uncollected="bin")) == ["uncollected"]
    assert faulty(lambda: change(collect_until=shop.event(event).closes_at)) == ["closes_at"]
    past(shop, event)
    assert faulty(lambda: change(uncollected="web")) == ["uncollected"]
    assert change(uncollected="keep").uncollected == "keep"
    assert shop.uncollected.finish() == 0


def test_a_deadline_moved_on_is_another_one(shop: Shop) -> None:
    event = sale(shop)
    first = shop.buy_at_desk(event, 1, (1, 1))
    past(shop, event)
    work(shop, event)
    second = shop.buy_at_desk(event, 2, (1, 1))
    later = EventChanges(collect_until=shop.clock.now_ms() + 60 * MINUTE_MS)
    shop.catalogue.patch_event(shop.street, event, later, "the hall is far")
    work(shop, event)
    assert (state_of(shop, first)[1], state_of(shop, second)[1]) == ("v", "i")
    past(shop, event)
    work(shop, event)
    assert state_of(shop, second)[1] == "v"


def test_a_deadline_moved_on_between_two_pieces_stops_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncollected, "ORDERS_MAX", 1)
    event = sale(shop)
    for member in (1, 2, 3):
        shop.buy_at_desk(event, member, (1, 1))
    past(shop, event)
    later = EventChanges(collect_until=shop.clock.now_ms() + 60 * MINUTE_MS)

    def extend() -> None:
        assert shop.tickets("void") == 0
        shop.uncollected._void_piece(event, complete=False)
        shop.catalogue.patch_event(shop.street, event, later, "snow")

    keeper: Any = Between(shop.keeper, "state", extend)
    assert UncollectedReturns(shop.sessions, keeper, shop.clock).finish() == 0
    assert shop.tickets("void") == 1


def test_pieces_are_bounded_and_go_on_where_they_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncollected, "ORDERS_MAX", 2)
    monkeypatch.setattr(uncollected, "PIECES_PER_RUN", 1)
    event = sale(shop)
    for member in range(1, 6):
        shop.buy_at_desk(event, member, (1, 1))
    past(shop, event)
    assert [shop.uncollected.finish() for _ in range(4)] == [2, 2, 1, 0]


# At the same time


def test_a_hand_over_and_the_deadline_at_once_settle_each_ticket_once(shop: Shop) -> None:
    for member in range(1, 6):
        event = sale(shop)
        order_id = shop.buy_at_desk(event, member, (1, 2))
        past(shop, event)
        with ThreadPoolExecutor(2) as pool:
            handed = pool.submit(collect, shop, order_id)
            pool.submit(shop.uncollected.finish).result()
            refused = handed.exception()
        assert refused is None or isinstance(refused, Refusal)
        work(shop, event)
        won = ("confirmed", "cc", "paid") if refused is None else ("cancelled", "vv", "not_needed")
        assert state_of(shop, order_id) == won
        assert shop.counts(event).sold == (2 if refused is None else 0)
    assert violations(shop) == []


def half_collected_in_between(shop: Shop) -> str:
    """The worker has seen that the deadline is past; a clerk hands out one of two tickets before it acts."""
    event = sale(shop)
    order_id = shop.buy_at_desk(event, 1, (1, 2))
    past(shop, event)
    sessions: Any = Between(shop.sessions, "begin", lambda: collect(shop, order_id, 1))
    assert UncollectedReturns(sessions, shop.keeper, shop.clock).finish() == 1
    shop.returns.give_back()
    return order_id


def test_what_was_handed_out_before_the_worker_acts_stays_handed_out(shop: Shop) -> None:
    order_id = half_collected_in_between(shop)
    assert state_of(shop, order_id) == ("confirmed", "cv", "refund_due")
    assert shop.counts(order_of(shop, order_id).event_id).sold == 1
    assert violations(shop) == []


def test_control_without_the_condition_a_ticket_in_somebodys_hand_is_sold_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def void_all(session: Session, order_ids: Any) -> list[Voided]:
        mine = update(Ticket).where(Ticket.order_id.in_(order_ids)).values(status="void")
        session.execute(mine)
        return [Voided(order_id, 0b11) for order_id in order_ids]

    monkeypatch.setattr(voiding, "_void_tickets", void_all)
    order_id = half_collected_in_between(shop)
    assert shop.counts(order_of(shop, order_id).event_id).available == 9
    assert violations(shop) != []


def test_a_clerk_who_comes_after_the_worker_hands_out_nothing(shop: Shop) -> None:
    event = sale(shop)
    order_id = shop.buy_at_desk(event, 1, (1, 2))
    past(shop, event)
    assert [order.id for order in shop.desk.swipe(shop.clerk, card_number(1)).orders] == [order_id]
    shop.uncollected.finish()
    assert refusal(collect, shop, order_id).code is Code.INVALID
    assert state_of(shop, order_id)[1] == "vv"


# What dies, and what is made anew


def test_wherever_it_dies_it_is_done_once_in_the_end(shop: Shop) -> None:
    event = sale(shop, "desk", 60)
    shop.buy_at_desk(event, 60, (1, 1))
    past(shop, event)
    with Crossings(shop) as whole:
        work(shop, event)
    assert whole.passed < 40
    for dies_at in range(whole.passed):
        order_id = shop.buy_at_desk(event, 1, (1, 1), key=str(dies_at))
        past(shop, event)
        with suppress(Died), Crossings(shop, dies_at):
            work(shop, event)
        for _ in range(2):
            work(shop, event)
        kept = 2 + dies_at
        assert state_of(shop, order_id) == ("cancelled", "v", "not_needed"), dies_at
        assert shop.counts(event) == QuotaCounts(capacity=60, withheld=kept, held=0, sold=0), dies_at
        assert shop.event(event).quotas[0].withheld == kept, dies_at
        assert shop.event(event).returned_until == shop.event(event).collect_until
    assert violations(shop) == []


def on_the_way_to_the_desk(shop: Shop) -> str:
    """Void in SQL, and not yet in Redis, when the group is made anew."""
    event = sale(shop, "desk")
    shop.buy_at_desk(event, 1, (1, 2))
    past(shop, event)
    shop.uncollected.finish()
    rebuilds(shop).rebuild(event)
    work(shop, event)
    return event


def test_a_rebuild_in_between_brings_them_to_the_desk_all_the_same(shop: Shop) -> None:
    event = on_the_way_to_the_desk(shop)
    assert shop.counts(event) == QuotaCounts(capacity=9, withheld=2, held=0, sold=0)
    assert violations(shop) == []


def test_control_a_rebuild_that_does_not_know_where_they_go_sells_them_on_the_web(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "on_their_way_to_the_desk", lambda *_: {})
    event = on_the_way_to_the_desk(shop)
    assert shop.counts(event) == QuotaCounts(capacity=9, withheld=0, held=0, sold=0)


def test_an_order_that_a_rebuild_brings_back_is_looked_at_again(shop: Shop) -> None:
    event = sale(shop)
    past(shop, event)
    work(shop, event)
    assert shop.event(event).returned_until is not None
    rebuilds(shop).rebuild(event)
    assert shop.event(event).returned_until is None


def test_an_order_on_its_way_to_sql_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.clock, "now_ms", lambda: shop.now + 60 * MINUTE_MS + GRACE_MS + 1)
    event = sale(shop)
    order_id = shop.buy_at_desk(event, 1, (1, 1))
    assert shop.uncollected.finish() == 0
    assert shop.event(event).returned_until is None
    work(shop, event)
    assert state_of(shop, order_id)[1] == "v"


def test_control_done_with_it_too_early_an_order_on_its_way_stands(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.clock, "now_ms", lambda: shop.now + 60 * MINUTE_MS + GRACE_MS + 1)
    event = sale(shop)
    order_id = shop.buy_at_desk(event, 1, (1, 1))
    with monkeypatch.context() as hasty:
        hasty.setattr(UncollectedReturns, "_position_of", lambda *_: 0)
        shop.uncollected.finish()
    work(shop, event)
    assert state_of(shop, order_id)[1] == "i"
