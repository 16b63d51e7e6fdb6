"""More tickets at set times: each wave is on sale once, never early, whatever stops on the way.

Goal: nobody, neither the web nor the desk, sells of a wave before its time; it is released exactly once by any number
of processes, after a crash at every step, a rebuild, and a server that forgot. Method: the service over both
databases and the real Redis; a wave's time comes by moving it in SQL. Controls take a guard away and see it twice.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any, cast

import pytest
from sqlalchemy import update

from tests.support.disasters import Crossings, Died, rebuilds, violations
from tests.support.interleaving import Between
from tests.support.office import HOUR_MS, claims
from tests.support.refusals import faulty, refusal
from tests.support.shop import Shop
from ticketing.catalogue import waves
from ticketing.catalogue.tables import Wave
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, HoldRequest, QuotaCounts
from ticketing.services.rebuild import _Rebuild
from ticketing.services.waves import WavePlan, WaveService


def plan(shop: Shop, event_id: str, now: int, *later: int, key: str = "key") -> list[str]:
    """Raise the first quota by `now` and by waves an hour apart; the waves' ids that are still to come."""
    known = {wave.id for wave in of_event(shop, event_id)}
    plans = [WavePlan(shop.now + n * HOUR_MS, quantity) for n, quantity in enumerate(later, start=1)]
    shop.waves.raise_quota(shop.street, key, f"{event_id}-1", now, plans, "demand")
    new = [wave for wave in of_event(shop, event_id) if wave.id not in known]
    return [wave.id for wave in new if wave.state == waves.WAITING]


def of_event(shop: Shop, event_id: str) -> list[Wave]:
    return list(shop.waves.of_event(shop.street, event_id))


def states(shop: Shop, event_id: str) -> list[str]:
    return [wave.state for wave in of_event(shop, event_id)]


def comes(shop: Shop, *wave_ids: str) -> None:
    """Their time has come."""
    with shop.sessions.begin() as session:
        session.execute(update(Wave).where(Wave.id.in_(wave_ids)).values(at=shop.now - 1))


def capacities(shop: Shop, event_id: str) -> tuple[int, int]:
    """The first quota's capacity in Redis, and in SQL once it has the log."""
    shop.drain().run(shop.event(event_id).group_id)
    return shop.counts(event_id).capacity, shop.event(event_id).quotas[0].capacity


def forget(shop: Shop, event_id: str) -> None:
    """Redis forgets the group."""
    for key in shop.redis.scan_iter(f"ticketing:{{{event_id}}}:*"):
        shop.redis.delete(key)


def test_some_now_and_some_later_and_nobody_sells_early(shop: Shop) -> None:
    event_id = shop.sale(2)
    [noon, evening] = plan(shop, event_id, 3, 600, 100)
    assert shop.counts(event_id) == QuotaCounts(5, 0, 0, 0)
    assert isinstance(shop.hold(event_id, 1, (1, 5)), Decided)
    for channel in ("web", "desk"):
        hold_id = shop.keyring.hold_id(event_id, 2, channel, "early")
        wish = HoldRequest(hold_id, event_id, 2, "district.street-1", ((1, 1),), channel)
        early = shop.keeper.hold(event_id, wish)
        assert isinstance(early, Refusal)
        assert early.code is Code.SOLD_OUT, channel
    shop.drain().run(event_id)
    assert shop.waves.release_due() == 0
    comes(shop, noon)
    assert shop.waves.release_due() == 1
    assert isinstance(shop.hold(event_id, 2, (1, 1)), Decided)
    assert capacities(shop, event_id) == (605, 605)
    assert states(shop, event_id) == ["released", "released", "waiting"]
    assert [wave.id for wave in shop.event(event_id).waiting_waves] == [evening]
    assert violations(shop) == []
    assert ("quota.raise", f"quota:{event_id}-1") in shop.story()
    assert ("wave.release", f"quota:{event_id}-1") in shop.story()


def test_a_wave_comes_on_top_of_what_changed_since(shop: Shop) -> None:
    event_id = shop.sale(10)
    [wave] = plan(shop, event_id, 0, 5)
    shop.sale_keeper.resize(event_id, 1, 7, 2, act_id="lowered")
    comes(shop, wave)
    shop.waves.release_due()
    assert shop.counts(event_id) == QuotaCounts(12, 2, 0, 0)


def release_dying_everywhere(shop: Shop, event_id: str) -> int:
    """Release a wave of one ticket for each step at which the process may die, and die there; how many waves."""
    for step in count():
        [wave] = plan(shop, event_id, 0, 1, key=f"step {step}")
        comes(shop, wave)
        with Crossings(shop, dies_at=step) as crossings:
            try:
                shop.waves.release_due()
            except Died:
                crossings.passed = -1
        shop.drain().run(event_id)
        while shop.waves.release_due():
            shop.drain().run(event_id)
        if crossings.passed >= 0:
            return step + 1
    raise AssertionError


def test_a_process_that_dies_at_any_step_releases_once(shop: Shop) -> None:
    event_id = shop.sale(1)
    released = release_dying_everywhere(shop, event_id)
    assert released > 10
    assert capacities(shop, event_id) == (1 + released, 1 + released)
    assert set(states(shop, event_id)) == {"released"}
    assert violations(shop) == []


def test_control_without_the_act_s_id_a_crash_releases_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id, once = shop.sale(1), waves.act_of
    numbers = count()
    monkeypatch.setattr(waves, "act_of", lambda wave_id: f"{once(wave_id)}:{next(numbers)}")
    monkeypatch.setattr(waves, "wave_of", lambda act: act.removeprefix("wave.").partition(":")[0])
    [wave] = plan(shop, event_id, 0, 1)
    comes(shop, wave)
    shop.waves.release_due()
    shop.waves.release_due()
    assert capacities(shop, event_id)[0] == 3


def test_many_processes_release_once(shop: Shop) -> None:
    event_id = shop.sale(1)
    due = plan(shop, event_id, 0, 10, 20, 30)
    comes(shop, *due)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: shop.waves.release_due(), range(12)))
    assert capacities(shop, event_id) == (61, 61)


@pytest.mark.parametrize("drained", [False, True])
def test_a_rebuild_neither_loses_nor_repeats_a_wave(shop: Shop, drained: bool) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    comes(shop, wave)
    shop.waves.release_due()
    if drained:
        shop.drain().run(event_id)
    rebuilds(shop).rebuild(event_id)
    assert capacities(shop, event_id) == (6, 6)
    forget(shop, event_id)  # what Redis knew of acts is gone with it
    rebuilds(shop).rebuild(event_id)
    assert shop.waves.release_due() == 0
    assert capacities(shop, event_id) == (6, 6)
    assert states(shop, event_id) == ["released"]


def test_control_a_rebuild_that_does_not_look_at_acts_repeats_a_wave(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Rebuild, "_follow_waves", lambda *_: None)
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    comes(shop, wave)
    shop.waves.release_due()
    rebuilds(shop).rebuild(event_id)
    forget(shop, event_id)
    rebuilds(shop).rebuild(event_id)
    shop.waves.release_due()
    assert capacities(shop, event_id)[0] == 11


def test_a_wave_that_redis_never_got_is_released_after_the_rebuild(shop: Shop) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    comes(shop, wave)
    assert shop.waves._mark(wave) == event_id, "and then the process died, and Redis forgot"
    forget(shop, event_id)
    assert shop.waves.release_due() == 0, "while it is recovering"
    rebuilds(shop).rebuild(event_id)
    assert shop.waves.release_due() == 1
    assert capacities(shop, event_id) == (6, 6)


def late_process(shop: Shop, event_id: str, keeper: Callable[[Keeper], Any]) -> WaveService:
    """A process that is about to release a wave, and sleeps until it was released, recorded and rebuilt."""

    def meanwhile() -> None:
        shop.waves.release_due()
        shop.drain().run(event_id)
        forget(shop, event_id)
        rebuilds(shop).rebuild(event_id)

    asleep = cast("Keeper", Between(keeper(shop.keeper), "resize", meanwhile))
    return WaveService(shop.sessions, shop.sale_keeper, asleep, shop.clock)


def test_a_late_process_does_not_release_into_a_group_made_anew(shop: Shop) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    comes(shop, wave)
    assert late_process(shop, event_id, lambda keeper: keeper).release_due() == 0
    assert capacities(shop, event_id) == (6, 6)


class AnyEpoch:
    """A keeper that takes the epoch of the moment for the one it was told."""

    def __init__(self, shop: Shop, keeper: Keeper) -> None:
        self._shop, self._keeper = shop, keeper

    def resize(self, group_id: str, _epoch: str, *arguments: Any, **options: Any) -> Any:
        epoch = self._shop.event(group_id).group.epoch
        assert epoch is not None
        return self._keeper.resize(group_id, epoch, *arguments, **options)


def test_control_without_the_epoch_of_that_moment_it_does(shop: Shop) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    comes(shop, wave)
    late_process(shop, event_id, partial(AnyEpoch, shop)).release_due()
    assert capacities(shop, event_id)[0] == 11


def test_a_wave_is_called_off_until_its_time(shop: Shop) -> None:
    event_id = shop.sale(1)
    [noon, evening] = plan(shop, event_id, 0, 5, 7)
    shop.waves.cancel(shop.street, event_id, evening, "the hall is closed")
    shop.waves.cancel(shop.street, event_id, evening, "again")
    comes(shop, noon, evening)
    assert shop.waves.release_due() == 1
    assert refusal(lambda: shop.waves.cancel(shop.street, event_id, noon, "")).code is Code.NOT_CANCELLABLE
    assert capacities(shop, event_id) == (6, 6)
    assert sorted(states(shop, event_id)) == ["cancelled", "released"]
    other = shop.sale(1)
    assert refusal(lambda: shop.waves.cancel(shop.street, other, noon, "")).code is Code.NOT_FOUND


def test_a_closed_sale_gets_no_wave(shop: Shop) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    shop.catalogue.close(shop.street, event_id)
    comes(shop, wave)
    assert shop.waves.release_due() == 0
    assert (states(shop, event_id), shop.counts(event_id).capacity) == (["cancelled"], 1)
    raise_it = partial(shop.waves.raise_quota, shop.street, "late", f"{event_id}-1", 1, [], "")
    assert refusal(raise_it).code is Code.SALE_CLOSED


def test_a_draft_s_waves_wait_for_publishing(shop: Shop) -> None:
    event_id = shop.catalogue.create_event(shop.street, shop.draft(4))
    [wave] = plan(shop, event_id, 2, 5)
    assert shop.event(event_id).quotas[0].capacity == 6
    comes(shop, wave)
    assert shop.waves.release_due() == 0
    shop.catalogue.publish(shop.street, event_id)
    assert shop.waves.release_due() == 1
    assert capacities(shop, event_id) == (11, 11)


def test_the_same_key_is_one_act(shop: Shop) -> None:
    event_id = shop.sale(1)
    assert len(plan(shop, event_id, 3, 5)) == 1
    assert plan(shop, event_id, 3, 5) == []
    assert shop.counts(event_id).capacity == 4
    for other in ((4, 5), (3, 6), (3,), (3, 5, 5), (0, 3, 5)):
        assert refusal(lambda o=other: plan(shop, event_id, *o)).code is Code.IDEMPOTENCY_KEY_REUSED
    assert len(of_event(shop, event_id)) == 2


def test_what_is_no_plan_is_named(shop: Shop) -> None:
    event_id = shop.sale(1)
    raise_it = partial(shop.waves.raise_quota, shop.street, "key", f"{event_id}-1")
    past, after = WavePlan(shop.now - 1, 5), WavePlan(shop.event(event_id).closes_at, 0)
    assert faulty(lambda: raise_it(0, [], "")) == ["now"]
    wrong = ["waves[0].at", "waves[1].quantity", "waves[1].at"]
    assert faulty(lambda: raise_it(0, [past, after], "")) == wrong
    assert faulty(lambda: raise_it(1_000_000, [], "")) == ["now"]
    assert faulty(lambda: raise_it(1, [], "a bell \a")) == ["reason"]
    assert of_event(shop, event_id) == []


def test_who_may_raise(shop: Shop) -> None:
    event_id = shop.sale(1)
    [wave] = plan(shop, event_id, 0, 5)
    for staff, code in (
        (claims("district.street-10"), Code.NOT_FOUND),
        (claims("district", "clerk"), Code.FORBIDDEN),
    ):
        wish = partial(shop.waves.raise_quota, staff, "key", f"{event_id}-1", 1, [], "")
        assert refusal(wish).code is code
        assert refusal(partial(shop.waves.cancel, staff, event_id, wave, "")).code is code
    assert (
        refusal(partial(shop.waves.of_event, claims("district.street-10"), event_id)).code is Code.NOT_FOUND
    )


def test_the_audit_names_a_wave_that_is_early_and_one_that_is_late(shop: Shop) -> None:
    event_id = shop.sale(1)
    [noon, evening] = plan(shop, event_id, 0, 5, 7)
    assert violations(shop) == []
    epoch = shop.event(event_id).group.epoch
    assert epoch is not None
    shop.keeper.resize(event_id, epoch, waves.act_of(noon), event_id, 1, None, None, force=False, more=5)
    with shop.sessions.begin() as session:
        session.execute(update(Wave).where(Wave.id == evening).values(at=shop.now - 61_000))
    found = violations(shop)
    assert [f"wave {noon} is on sale, and SQL has it as waiting" in text for text in found] == [True, False]
    assert "is a worker running?" in found[1]
