"""Goal: of an event that was called off no ticket stands, nothing is due, and every yuan paid is to be paid back.

Method: the real servers, with orders of every kind when the event is called off: drained, on their way, half
collected, paid, still a hold. The books are compared at the end. The control closes too early and loses an order.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from tests.support.disasters import rebuilds, violations
from tests.support.interleaving import looks_before_it_waits, until_somebody_waits
from tests.support.office import claims
from tests.support.shop import Shop
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided
from ticketing.orders import repository as orders
from ticketing.orders import voiding
from ticketing.orders.model import OrderRecord
from ticketing.orders.tables import COLLECTED, Ticket
from ticketing.orders.voiding import Piece, Voided
from ticketing.queue.reconcile import reconcile
from ticketing.services import cancelling
from ticketing.services.cancelling import EventCanceller


def _order(shop: Shop, order_id: str) -> OrderRecord:
    with reading(shop.sessions) as session:
        order = orders.get(session, order_id)
    assert order is not None
    return order


def _statuses(order: OrderRecord) -> list[str]:
    return [ticket.status for ticket in order.tickets]


def _work(shop: Shop, event_id: str) -> None:
    """What the worker does within a second."""
    shop.drain().run(event_id)
    reconcile(shop.sale_keeper, shop.canceller, shop.returns, shop.waves)


def _confirm(shop: Shop, held: Decided | Refusal, member: int, method: str = "free") -> str:
    assert isinstance(held, Decided)
    number = shop.keyring.order_number(held.hold.id)
    assert isinstance(shop.keeper.confirm(held.hold.event_id, held.hold.id, member, method, number), Decided)
    return held.hold.id


def test_every_order_is_void_and_every_payment_settled(shop: Shop) -> None:
    event = shop.sale_of_priced(500)
    due, paid, half = (shop.buy_at_desk(event, member, (1, 2)) for member in (1, 2, 3))
    shop.drain().run(event)
    for order_id, codes in ((paid, None), (half, [_order(shop, half).tickets[0].code])):
        shop.desk.pick_up(shop.clerk, order_id, order_id, codes, "desk 1", "cash")
    late = shop.buy_at_desk(event, 4, (1, 1))  # on its way to SQL
    shop.catalogue.cancel(shop.street, event, "the cinema is flooded")
    _work(shop, event)

    found = {
        name: _order(shop, order_id) for name, order_id in zip("dphl", (due, paid, half, late), strict=True)
    }
    assert {name: _statuses(order) for name, order in found.items()} == {
        "d": ["void", "void"],
        "p": ["collected", "collected"],
        "h": ["collected", "void"],
        "l": ["void"],
    }
    assert [found[name].payment_status for name in "dphl"] == [
        "not_needed",
        "refund_due",
        "refund_due",
        "not_needed",
    ]
    assert [found[name].status for name in "dphl"] == ["cancelled", "confirmed", "confirmed", "cancelled"]
    assert (shop.counts(event).sold, shop.counts(event).available) == (3, 17)
    assert shop.event(event).voided_at is not None
    assert violations(shop) == []
    story = shop.story()
    assert ("event.cancel", f"event:{event}") in story
    assert ("order.cancel", f"event:{event}") in story


def test_it_ends_the_sale_and_is_said_once(shop: Shop) -> None:
    event = shop.sale(5)
    shop.catalogue.cancel(shop.street, event)
    refused = shop.hold(event, 1, (1, 1))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SALE_CLOSED
    version = shop.event(event).version
    assert shop.catalogue.cancel(shop.street, event).version == version
    for verb in ("pause", "resume", "close"):
        with pytest.raises(Refusal) as again:
            getattr(shop.catalogue, verb)(shop.street, event)
        assert again.value.code is Code.SALE_CLOSED


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (claims("district.street-10"), Code.NOT_FOUND),
        (claims("district.street-1", role="clerk"), Code.FORBIDDEN),
    ],
)
def test_others_call_nothing_off(shop: Shop, who: object, code: Code) -> None:
    event = shop.sale(5)
    with pytest.raises(Refusal) as refused:
        shop.catalogue.cancel(who, event)  # type: ignore[arg-type]
    assert refused.value.code is code
    draft = shop.catalogue.create_event(shop.street, shop.draft(5))
    with pytest.raises(Refusal) as unseen:
        shop.catalogue.cancel(shop.street, draft)
    assert unseen.value.code is Code.SALE_NOT_OPEN


def _confirmed_after(shop: Shop) -> str:
    """An order whose hold was there before the event was called off."""
    event = shop.sale(5)
    held = shop.hold(event, 1, (1, 2))
    shop.catalogue.cancel(shop.street, event)
    _work(shop, event)
    order_id = _confirm(shop, held, 1)
    for _ in range(2):
        _work(shop, event)
    return order_id


def test_an_order_confirmed_after_it_does_not_stand(shop: Shop) -> None:
    order = _order(shop, _confirmed_after(shop))
    assert (order.status, _statuses(order)) == ("cancelled", ["void", "void"])
    assert shop.event(order.event_id).voided_at is not None
    assert shop.counts(order.event_id).sold == 0
    assert violations(shop) == []


def test_control_done_before_the_last_hold_ended_leaves_an_order_standing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventCanceller, "_is_complete", lambda *_: True)
    assert _order(shop, _confirmed_after(shop)).status == "confirmed"


def test_a_rebuild_has_the_orders_looked_at_again(shop: Shop) -> None:
    event = shop.sale(5)
    shop.catalogue.cancel(shop.street, event)
    _work(shop, event)
    assert shop.event(event).voided_at is not None
    rebuilds(shop).rebuild(event)
    assert shop.event(event).voided_at is None
    _work(shop, event)
    assert shop.event(event).voided_at is not None


def test_it_goes_on_where_it_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "ORDERS_MAX", 2)
    monkeypatch.setattr(cancelling, "PIECES_PER_RUN", 1)
    event = shop.sale(30)
    sold = [shop.buy(event, member, (1, 2)) for member in range(1, 6)]
    shop.drain().run(event)
    shop.catalogue.cancel(shop.street, event)
    assert [shop.canceller.finish() for _ in range(4)] == [2, 2, 1, 0]
    assert {_order(shop, order_id).status for order_id in sold} == {"cancelled"}
    assert shop.returns.give_back() == 10
    assert shop.counts(event).available == 30


def test_a_hand_over_and_a_cancel_at_once_settle_each_ticket_once(shop: Shop) -> None:
    for member in range(1, 6):
        event = shop.sale_of_priced(500)
        order_id = shop.buy_at_desk(event, member, (1, 1))
        shop.drain().run(event)
        shop.catalogue.cancel(shop.street, event)
        with ThreadPoolExecutor(2) as pool:
            handed = pool.submit(shop.desk.pick_up, shop.clerk, order_id, order_id, None, "desk 1", "cash")
            pool.submit(shop.canceller.finish).result()
            refused = handed.exception()
        assert refused is None or isinstance(refused, Refusal)
        _work(shop, event)
        order = _order(shop, order_id)
        assert (_statuses(order), order.payment_status) in (
            (["collected"], "refund_due"),
            (["void"], "not_needed"),
        )
    assert violations(shop) == []


def test_a_hand_over_that_is_undone_afterwards_leaves_no_ticket_either(shop: Shop) -> None:
    event = shop.sale_of_priced(500)
    order_id = shop.buy_at_desk(event, 1, (1, 2))
    shop.drain().run(event)
    handed = shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1", "cash")
    shop.catalogue.cancel(shop.street, event)
    _work(shop, event)
    assert shop.event(event).voided_at is not None
    assert shop.desk.undo(shop.clerk, handed.id, "wrong card").given_back_amount is None
    _work(shop, event)
    order = _order(shop, order_id)
    assert (order.status, _statuses(order), order.payment_status) == (
        "cancelled",
        ["void", "void"],
        "refund_due",
    )
    assert shop.event(event).voided_at is not None
    assert violations(shop) == []


def _cancelled_while_a_clerk_hands_one_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What becomes of the other tickets: the piece is two orders, and a clerk has just taken one of them."""
    monkeypatch.setattr(cancelling, "ORDERS_MAX", 2)
    event = shop.sale(30)
    first, *others = sorted(shop.buy(event, member, (1, 1)) for member in range(1, 6))
    shop.catalogue.cancel(shop.street, event)
    shop.drain().run(event)
    with ThreadPoolExecutor(1) as pool:
        with shop.sessions.begin() as clerk:
            orders.get(clerk, first, lock=True)
            clerk.execute(update(Ticket).where(Ticket.order_id == first).values(status=COLLECTED))
            work = pool.submit(shop.canceller.finish)
            until_somebody_waits(shop.sessions)
        work.result()
    assert _statuses(_order(shop, first)) == ["collected"]
    assert shop.event(event).voided_at is not None
    return {status for order_id in others for status in _statuses(_order(shop, order_id))}


def test_a_ticket_handed_out_while_its_piece_was_chosen_leaves_nobody_behind(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _cancelled_while_a_clerk_hands_one_out(shop, monkeypatch) == {"void"}


def test_control_a_piece_that_counts_what_it_voided_ends_too_early(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a piece is chosen when the clerk is done, so nothing comes between."""

    def counted(voided: list[Voided], _is_last: bool) -> Piece:
        return Piece(voided, len(voided) < cancelling.ORDERS_MAX)

    monkeypatch.setattr(voiding, "Piece", counted)
    monkeypatch.setattr(voiding, "is_left", lambda *_: False)  # nor does anybody look once more at the end
    left = _cancelled_while_a_clerk_hands_one_out(shop, monkeypatch)
    assert ("issued" in left) is looks_before_it_waits(shop.sessions)
