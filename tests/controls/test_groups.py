"""Goal: groups are mended, kept and ended each for itself, at places in the log that never come again.

Method: each is shown with all guards, then with one taken out.
"""

from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.disasters import Story, rebuild, wipe
from tests.support.fuses import Fuse, PowerCut
from tests.support.shop import Shop
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.model import EventChanges
from ticketing.catalogue.tables import AllowanceGroup
from ticketing.errors import Code, Refusal
from ticketing.inventory import keys
from ticketing.inventory.model import Decided
from ticketing.inventory.restore import Restore
from ticketing.orders import repository as orders
from ticketing.services import catalogue as cataloguing
from ticketing.services.archive import ArchiveService
from ticketing.services.orders import OrderService

WITH_AND_WITHOUT = pytest.mark.parametrize("guarded", [True, False])


def code(answer: object) -> Code | None:
    return answer.code if isinstance(answer, Refusal) else None


# Each for itself


@WITH_AND_WITHOUT
def test_control_with_one_epoch_and_fence_for_all_a_sale_that_is_mended_stops_every_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    def of_all(group_id: str) -> keys.GroupKeys:
        return keys.group_keys(group_id)._replace(meta="ticketing:meta")

    if not guarded:
        for module in ("client", "keeper"):
            monkeypatch.setattr(f"ticketing.inventory.{module}.group_keys", of_all)
        monkeypatch.setattr("ticketing.services.keeper.secrets.token_hex", lambda _: "same")
    mended, other = shop.sale(9), shop.sale(9)
    shop.keeper.suspend(mended, "gap")
    assert code(shop.hold(mended, 1, (1, 1))) is Code.RECOVERING
    assert code(shop.hold(other, 1, (1, 1))) is (None if guarded else Code.RECOVERING)


@WITH_AND_WITHOUT
def test_control_without_fixed_groups_a_member_starts_anew_in_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(cataloguing, "fixed_faults", lambda *_: iter(()))
    series = shop.catalogue.create_group(shop.street, "Films", 1)
    event = shop.sale(9, allowance_group=series)
    assert isinstance(shop.hold(event, 1, (1, 1), key="first"), Decided)
    changes = EventChanges(allowance_group=None)
    if guarded:
        with pytest.raises(Refusal, match=Code.INVALID):
            shop.catalogue.patch_event(shop.street, event, changes)
    else:
        shop.catalogue.patch_event(shop.street, event, changes)
    second = shop.hold(event, 1, (1, 1), key="second")
    assert code(second) is (Code.CARD_LIMIT_EXCEEDED if guarded else None)


# Places in the log


@WITH_AND_WITHOUT
def test_control_with_a_log_that_starts_again_a_rebuilt_sale_waits_for_the_next_rebuild(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    open_at = Restore.open

    def at_the_beginning(restore: Restore, _: int, limit: int | None, void: Any) -> bool:
        return open_at(restore, 0, limit, void)

    if not guarded:
        monkeypatch.setattr(Restore, "open", at_the_beginning)
    story = Story(shop)
    wipe(story)
    rebuild(story)
    assert code(shop.hold(story.event, 9, (1, 1))) is (None if guarded else Code.RECOVERING)


# The end


def archived(shop: Shop, event: str) -> bool:
    return ArchiveService(shop.sessions, shop.keeper, shop.clock).archive(event)


@WITH_AND_WITHOUT
def test_control_without_looking_at_the_window_a_sale_ends_in_its_middle(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    event = shop.sale(9)
    shop.buy(event, 1, (1, 1))
    shop.drain().run(event)
    if not guarded:
        monkeypatch.setattr(catalogue, "ended_groups", lambda *_: [event])
    assert archived(shop, event) is not guarded
    assert isinstance(shop.hold(event, 2, (1, 1)), Decided) is guarded


@WITH_AND_WITHOUT
def test_control_without_the_mark_in_sql_a_later_act_waits_for_a_group_that_is_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    event = shop.sale(9)
    monkeypatch.setattr(catalogue, "ended_groups", lambda *_: [event])
    shop.drain().run(event)
    assert archived(shop, event)
    if not guarded:
        with shop.sessions.begin() as session:
            session.execute(update(AllowanceGroup).values(archived_at=None))
    waits = nullcontext() if guarded else pytest.raises(Refusal, match=Code.RECOVERING)
    with waits:
        shop.sale_keeper.apply(event)


# The way back


def after_a_cancel_that_died(shop: Shop, crossing: int) -> tuple[int, int]:
    """How many of two cancelled seats SQL has as issued, and Redis as sold, once the worker has come by.

    Whoever cancels dies before its commit (1) or right after it (2).
    """
    event, fuse = shop.sale(9), Fuse(crossing)
    order = shop.buy(event, 1, (1, 2))
    shop.drain().run(event)
    dying = OrderService(fuse.sessions(shop.sessions), shop.keeper, shop.clock, shop.returns)
    with pytest.raises(PowerCut):
        dying.cancel(1, order)
    shop.returns.give_back()
    return len(shop.orders.get(1, order).to_collect), shop.counts(event).sold


@WITH_AND_WITHOUT
def test_control_with_seats_that_come_back_before_sql_has_committed_they_are_sold_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    void = orders.void_tickets

    def at_once(session: Any, order: Any, codes: Any, reason: str, at: int) -> int:
        event = order.event_id
        epoch = str(shop.event(event).group.epoch)
        shop.keeper.restock(event, epoch, [(order.id, 0b11, "web")])
        return void(session, order, codes, reason, at)

    if not guarded:
        monkeypatch.setattr(orders, "void_tickets", at_once)
    assert after_a_cancel_that_died(shop, 1) == (2, 2 if guarded else 0)
    assert after_a_cancel_that_died(shop, 2) == (0, 0)
