"""Goal: whatever SQL decided reaches Redis, however much of it waits, and what cannot keeps nothing else back.

Method: the real servers, with more returns than one batch takes and an event that Redis has not heard of.
"""

from typing import Any

import pytest
from sqlalchemy import update

from tests.support.shop import Shop
from ticketing.catalogue.tables import Event
from ticketing.database import reading
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.orders import repository as orders
from ticketing.queue.reconcile import reconcile
from ticketing.services import returns as subject


def away(*_: Any) -> None:
    raise StoreUnavailable("Redis did not answer")


def test_all_returns_go_back_in_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BATCH_MAX", 3)
    event_id = shop.sale(50)
    sold = {member: shop.buy(event_id, member, (1, 2)) for member in range(1, 9)}
    with monkeypatch.context() as outage:
        outage.setattr(Keeper, "restock", away)
        for member, order_id in sold.items():
            shop.orders.cancel(member, order_id)
        with pytest.raises(StoreUnavailable):
            reconcile(shop.sale_keeper, shop.canceller, shop.returns, shop.waves)
    assert shop.counts(event_id).sold == 16
    assert reconcile(shop.sale_keeper, shop.canceller, shop.returns, shop.waves) == 16
    assert (shop.counts(event_id).sold, shop.counts(event_id).available) == (0, 50)
    with reading(shop.sessions) as session:
        assert orders.pending_returns(session, 1) == []
    assert reconcile(shop.sale_keeper, shop.canceller, shop.returns, shop.waves) == 0


def test_an_event_that_redis_has_not_heard_of_is_applied(shop: Shop) -> None:
    event_id = shop.sale(50)
    with shop.sessions.begin() as session:
        session.execute(
            update(Event).where(Event.id == event_id).values(state="paused", version=Event.version + 1)
        )
    assert reconcile(shop.sale_keeper, shop.canceller, shop.returns, shop.waves) == 1
    state = shop.in_redis(event_id)
    assert state is not None
    assert state.rules.state == "paused"
