"""Goal: a sale at the desk that is undone never was: tickets, allowance, share and drawer are as before it, once.

Method: the real servers. The undo dies before and after each of its commands and commits and is repeated; the group is
made anew while the tickets are on their way. The controls leave out what a rebuild knows of them, and the note of
what the sale took of the desk's share.
"""

from contextlib import suppress
from typing import Any

import pytest

from tests.support.acts import at_once, refusal_of
from tests.support.disasters import Crossings, Died, rebuilds, violations
from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.interleaving import looks_before_it_waits
from tests.support.shop import Shop, card_number
from ticketing.catalogue.model import QuotaDraft
from ticketing.database import reading
from ticketing.errors import Code, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import QuotaCounts
from ticketing.orders import books
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord
from ticketing.services import rebuild
from ticketing.services.desk import Sale
from ticketing.services.till import TillSums

BEFORE = QuotaCounts(capacity=5, withheld=1, held=0, sold=0)


def sale_with_a_share(shop: Shop) -> str:
    """Five tickets of 5 yuan, one of them kept for the desk."""
    quota = QuotaDraft(name="Seats", capacity=5, withheld=1, price=500)
    return shop.sale(quotas=(quota,), payment_methods=("desk",), per_card_limit=3)


def sell(shop: Shop, event_id: str, *, member: int = 1, key: str = "sale", method: str = "cash") -> Sale:
    """Three tickets: one of the desk's share, two of the web's."""
    items = [(f"{event_id}-1", 3)]
    return shop.desk.sell(shop.clerk, key, card_number(member), event_id, items, method, "desk 1")


def undo(shop: Shop, sale: Sale) -> Any:
    return shop.desk.undo(shop.clerk, sale.pickup_id, "wrong showing")


def order_of(shop: Shop, order_id: str) -> OrderRecord:
    with reading(shop.sessions) as session:
        order = orders.get(session, order_id)
    assert order is not None
    return order


def heal(shop: Shop, event_id: str) -> None:
    """What the worker does by itself."""
    shop.drain().run(event_id)
    shop.returns.give_back()
    shop.drain().run(event_id)


def withheld_in_sql(shop: Shop, event_id: str) -> int:
    return shop.event(event_id).quotas[0].withheld


def test_everything_is_as_before_the_sale_and_the_money_is_handed_back(shop: Shop) -> None:
    event = sale_with_a_share(shop)
    shift = shop.till.open(shop.clerk, "open", "desk 1", 10_000).record.id
    sale = sell(shop, event)
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=3)
    undone = undo(shop, sale)
    assert (undone.given_back_method, undone.given_back_amount) == ("cash", 1_500)
    assert shop.counts(event) == BEFORE
    order = order_of(shop, sale.order.id)
    assert (order.status, order.payment_status) == ("cancelled", "refunded")
    assert {ticket.status for ticket in order.tickets} == {"void"}
    counted = shop.till.shift(shop.clerk, shift)
    assert counted.expected == TillSums(10_000, 0)
    assert [(line.kind, line.method, line.amount) for line in counted.lines] == [
        ("taken", "cash", 1_500),
        ("given_back", "cash", 1_500),
    ]
    heal(shop, event)
    assert withheld_in_sql(shop, event) == 1
    assert violations(shop) == []
    assert ("order.undo_sale", f"order:{sale.order.id}") in shop.story()
    assert shop.desk.swipe(shop.clerk, card_number(1)).orders == ()
    sell(shop, event, key="again")  # up to the limit: nothing was used


def test_repeated_and_at_once_it_answers_the_same(shop: Shop) -> None:
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    answers = at_once(*[lambda: undo(shop, sale)] * 4)
    assert answers == [answers[0]] * 4
    assert undo(shop, sale) == answers[0]
    assert shop.counts(event) == BEFORE
    assert sell(shop, event).replayed, "the sale's key answers for the sale, whatever became of it"
    assert shop.counts(event) == BEFORE


def test_two_sales_share_the_share_and_each_gives_back_what_it_took(shop: Shop) -> None:
    quota = QuotaDraft(name="Seats", capacity=9, withheld=4, price=500)
    event = shop.sale(quotas=(quota,), payment_methods=("desk",))
    first, second = (sell(shop, event, member=member, key=str(member)) for member in (1, 2))
    assert shop.counts(event).withheld == 0
    undo(shop, second)
    assert shop.counts(event) == QuotaCounts(capacity=9, withheld=1, held=0, sold=3)
    undo(shop, first)
    assert shop.counts(event) == QuotaCounts(capacity=9, withheld=4, held=0, sold=0)


@pytest.mark.parametrize(("price", "method", "back"), [(500, "card", ("card", 1_500)), (0, "free", None)])
def test_it_gives_back_what_was_paid_as_it_was_paid(
    shop: Shop, price: int, method: str, back: tuple[str, int] | None
) -> None:
    event = shop.sale_of_priced(price) if price else shop.sale(20)
    sale = sell(shop, event, method=method)
    undone = undo(shop, sale)
    assert (undone.given_back_method, undone.given_back_amount) == (back or (None, None))
    assert order_of(shop, sale.order.id).payment_status == ("refunded" if price else "not_needed")
    assert shop.counts(event) == QuotaCounts(capacity=20, withheld=0, held=0, sold=0)


def test_money_of_an_event_called_off_since_is_handed_back_too(shop: Shop) -> None:
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    shop.catalogue.cancel(shop.street, event)
    shop.canceller.finish()
    assert order_of(shop, sale.order.id).payment_status == "refund_due"
    assert undo(shop, sale).given_back_amount == 1_500
    assert order_of(shop, sale.order.id).payment_status == "refunded"


def test_after_a_minute_it_stands(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    monkeypatch.setattr("ticketing.services.desk_undo.UNDO_MS", -1)
    assert refusal_of(lambda: undo(shop, sale)).code is Code.NOT_CANCELLABLE
    assert shop.counts(event).sold == 3


def test_wherever_it_dies_it_is_done_once_in_the_end(shop: Shop) -> None:
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    with Crossings(shop) as whole:
        undo(shop, sale)
    assert whole.passed == 6  # the undo's commit, the command to Redis, the commit of its note
    for dies_at in range(whole.passed):
        sale = sell(shop, event, key=f"sale {dies_at}")
        with suppress(Died), Crossings(shop, dies_at):
            undo(shop, sale)
        heal(shop, event)
        if order_of(shop, sale.order.id).status != "cancelled":
            undo(shop, sale)
        assert undo(shop, sale).given_back_amount == 1_500
        heal(shop, event)
        assert shop.counts(event) == BEFORE, dies_at
    assert withheld_in_sql(shop, event) == 1
    assert violations(shop) == []


# While the group is made anew


def undone_before_redis_heard(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """The undo is in SQL, and Redis was away."""
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    shop.drain().run(event)

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(Keeper, "restock", away)
        undo(shop, sale)
    assert shop.counts(event).sold == 3
    return event


def test_a_rebuild_in_between_loses_nothing_of_the_share(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event = undone_before_redis_heard(shop, monkeypatch)
    rebuilds(shop).rebuild(event)
    assert violations(shop) == []
    heal(shop, event)
    assert shop.counts(event) == BEFORE
    assert withheld_in_sql(shop, event) == 1
    assert violations(shop) == []


def undone_while_a_rebuild_reads(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> QuotaCounts:
    """A sale is undone after the rebuild has read what is on its way to the desk, and before it reads the orders."""
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    shop.drain().run(event)
    look = books.on_their_way_to_the_desk

    def undone_since(*arguments: Any) -> dict[str, int]:
        found = look(*arguments)
        undo(shop, sale)
        return found

    monkeypatch.setattr(books, "on_their_way_to_the_desk", undone_since)
    rebuilds(shop).rebuild(event)
    heal(shop, event)
    return shop.counts(event)


def test_an_undo_while_a_rebuild_reads_loses_nothing_of_the_share(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert undone_while_a_rebuild_reads(shop, monkeypatch) == BEFORE
    assert violations(shop) == []


def test_control_read_at_two_moments_the_share_is_given_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite shows every reader one moment anyway."""
    monkeypatch.setattr(rebuild, "snapshot", reading)
    kept = undone_while_a_rebuild_reads(shop, monkeypatch).withheld
    assert kept == (0 if looks_before_it_waits(shop.sessions) else 1)


def test_a_rebuild_after_redis_heard_gives_nothing_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    event = sale_with_a_share(shop)
    sale = sell(shop, event)
    with monkeypatch.context() as crash:
        crash.setattr(orders, "mark_restocked", lambda *_: None)
        undo(shop, sale)
    assert shop.counts(event) == BEFORE
    rebuilds(shop).rebuild(event)
    heal(shop, event)
    assert shop.counts(event) == BEFORE
    assert violations(shop) == []


def test_control_a_rebuild_that_does_not_know_where_they_go_gives_the_share_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = undone_before_redis_heard(shop, monkeypatch)
    monkeypatch.setattr(books, "on_their_way_to_the_desk", lambda *_: {})
    rebuilds(shop).rebuild(event)
    heal(shop, event)
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=0)


def test_control_without_the_note_of_what_it_took_the_desk_loses_its_share(
    shop: Shop,
    without: Any,  # noqa: F811
) -> None:
    without("hold", "if #draws > 0 then acts.put(id, draws) end", "")
    event = sale_with_a_share(shop)
    undo(shop, sell(shop, event))
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=0)
