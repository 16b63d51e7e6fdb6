"""Goal: what is left of the desk's share goes to the web when its time has come, once, and stays where it does not.

Method: the real servers; events whose showings begin soon, the worker's duty run at every state of a sale, after a
move, and dying before and after each command and commit. The control gives the act an id of chance.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.disasters import Crossings, Died, rebuilds, violations
from tests.support.refusals import faulty
from tests.support.shop import Shop, card_number
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.model import EventChanges, QuotaChanges, QuotaDraft
from ticketing.database import reading
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.staff.tables import AuditEntry

HOUR_MS = 3_600_000


def sale(shop: Shop, minutes: int | None = 120, *, starts_in: int = HOUR_MS, **changes: Any) -> str:
    """Five tickets, three of them kept for the desk."""
    quota = QuotaDraft(name="Seats", capacity=5, withheld=3)
    return shop.sale(quotas=(quota,), starts_at=shop.now + starts_in, share_back_minutes=minutes, **changes)


def given(shop: Shop, event: str) -> list[dict[str, Any]]:
    """What the trail says of it, by the system alone."""
    with reading(shop.sessions) as session:
        mine = (AuditEntry.action == "quota.give_back_share", AuditEntry.subject == f"quota:{event}-1")
        rows = session.scalars(select(AuditEntry).where(*mine)).all()
        assert {row.actor for row in rows} <= {"system"}
        return [row.detail for row in rows]


def test_what_is_left_is_the_webs_when_its_time_has_come(shop: Shop) -> None:
    event = sale(shop)
    items = [(f"{event}-1", 1)]
    shop.desk.sell(shop.clerk, "sale", card_number(1), event, items, "free", "desk 1")
    assert shop.share_rule.finish() == 1
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=1)
    assert isinstance(shop.hold(event, 2, (1, 4)), Decided)
    shop.drain().run(event)
    assert shop.event(event).quotas[0].withheld == 0
    [detail] = given(shop, event)
    assert (detail["kept"], detail["minutes"]) == (2, 120)
    assert shop.share_rule.finish() == 0
    assert violations(shop) == []


def test_what_is_kept_afterwards_is_kept_on_purpose_until_the_time_moves(shop: Shop) -> None:
    event = sale(shop)
    shop.share_rule.finish()
    shop.quotas.change(shop.street, event, f"{event}-1", QuotaChanges(withheld=2), "for the band")
    assert shop.share_rule.finish() == 0
    assert shop.counts(event).withheld == 2
    moved = EventChanges(starts_at=shop.now + HOUR_MS + 60_000)
    shop.catalogue.patch_event(shop.street, event, moved, "a minute later")
    assert shop.share_rule.finish() == 1
    assert shop.counts(event).withheld == 0


def test_each_showing_has_its_own_time(shop: Shop) -> None:
    quotas = tuple(
        QuotaDraft(name=f"Showing {hour}", capacity=5, withheld=3, starts_at=shop.now + hour * HOUR_MS)
        for hour in (1, 5)
    )
    event = shop.sale(quotas=quotas, share_back_minutes=120)
    assert shop.share_rule.finish() == 1
    assert [shop.counts(event, quota).withheld for quota in (1, 2)] == [0, 3]


def _pause(shop: Shop, event: str) -> None:
    shop.catalogue.pause(shop.street, event)


def _close(shop: Shop, event: str) -> None:
    shop.catalogue.close(shop.street, event)


def _cancel(shop: Shop, event: str) -> None:
    shop.catalogue.cancel(shop.street, event)


def _fence(shop: Shop, event: str) -> None:
    shop.keeper.suspend(event, "gap")


@pytest.mark.parametrize(
    ("state", "withheld"),
    [(_pause, 0), (_close, 3), (_cancel, 3), (_fence, 3)],
    ids=["paused", "closed", "cancelled", "recovering"],
)
def test_a_sale_that_is_over_or_recovering_keeps_what_it_has(
    shop: Shop, state: Callable[[Shop, str], None], withheld: int
) -> None:
    event = sale(shop)
    state(shop, event)
    assert shop.share_rule.finish() == (1 if withheld == 0 else 0)
    assert shop.counts(event).withheld == withheld


def test_after_a_rebuild_it_is_done(shop: Shop) -> None:
    event = sale(shop)
    shop.keeper.suspend(event, "gap")
    assert shop.share_rule.finish() == 0
    rebuilds(shop).rebuild(event)
    assert shop.share_rule.finish() == 1
    assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=0)


@pytest.mark.parametrize(("minutes", "starts_in"), [(None, HOUR_MS), (120, 3 * HOUR_MS), (0, HOUR_MS)])
def test_before_its_time_or_without_the_rule_nothing_happens(
    shop: Shop, minutes: int | None, starts_in: int
) -> None:
    event = sale(shop, minutes, starts_in=starts_in)
    assert shop.share_rule.finish() == 0
    assert shop.counts(event).withheld == 3
    changed = shop.catalogue.patch_event(shop.street, event, EventChanges(share_back_minutes=1_000), "why")
    assert (changed.share_back_minutes, shop.share_rule.finish()) == (1_000, 1)


def test_the_rule_has_bounds(shop: Shop) -> None:
    for wrong in (-1, 10_081):
        draft = shop.draft(5, share_back_minutes=wrong)
        assert faulty(shop.catalogue.create_event, shop.street, draft) == ["share_back_minutes"]


def kept_again_after_a_death(shop: Shop) -> QuotaCounts:
    """It dies before it is noted; staff keep some for the desk anew, and the worker goes on."""
    event = sale(shop)
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr(catalogue, "mark_share_back", lambda *_: 1 / 0)
        with suppress(ZeroDivisionError):
            shop.share_rule.finish()
    shop.quotas.change(shop.street, event, f"{event}-1", QuotaChanges(withheld=2), "for the band")
    shop.share_rule.finish()
    assert shop.share_rule.finish() == 0
    return shop.counts(event)


def test_what_died_before_its_note_is_not_done_twice(shop: Shop) -> None:
    assert kept_again_after_a_death(shop).withheld == 2


def test_control_with_an_act_of_chance_it_takes_what_staff_kept_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    resize, acts = shop.sale_keeper.resize, iter(range(9))

    def by_chance(*quota: Any, act_id: str, force: bool = False) -> QuotaCounts:
        return resize(*quota, act_id=f"{act_id}{next(acts)}", force=force)

    monkeypatch.setattr(shop.sale_keeper, "resize", by_chance)
    assert kept_again_after_a_death(shop).withheld == 0


def test_wherever_it_dies_it_is_done_in_the_end(shop: Shop) -> None:
    event = sale(shop)
    with Crossings(shop) as whole:
        shop.share_rule.finish()
    for dies_at in range(whole.passed):
        shop.quotas.change(shop.street, event, f"{event}-1", QuotaChanges(withheld=3), "again")
        another = EventChanges(share_back_minutes=200 + dies_at)
        shop.catalogue.patch_event(shop.street, event, another, "another time")
        with suppress(Died), Crossings(shop, dies_at):
            shop.share_rule.finish()
        shop.share_rule.finish()
        assert shop.share_rule.finish() == 0
        assert shop.counts(event) == QuotaCounts(capacity=5, withheld=0, held=0, sold=0), dies_at
        assert len({detail["act"] for detail in given(shop, event)}) == 2 + dies_at
    assert violations(shop) == []
