"""Redis ends up with what SQL says of an event, whatever happens on the way.

Goal: an interrupted, late or repeated `apply` does no harm, and a group that Redis forgot is never opened
again in silence. Method: the real servers. `apply` is stopped before and after each of its writes and then
repeated; another process is let in between two of its steps; Redis is wiped. Each guard is then taken out,
to see the harm.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from msgspec import structs
from sqlalchemy import update

from tests.support.fuses import Fuse, PowerCut
from tests.support.interleaving import Between
from tests.support.office import Office, keeper_on
from ticketing.catalogue import repository
from ticketing.catalogue.model import EventChanges
from ticketing.catalogue.tables import AllowanceGroup, Event
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import EventRules, QuotaCounts
from ticketing.orders import repository as orders
from ticketing.services.keeper import SaleKeeper, epoch_of, rules_of


def publish_in_sql(office: Office, event_id: str) -> None:
    with office.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == event_id).values(state="published", version=2))


def fused(office: Office, at: int, kind: type[SaleKeeper] = SaleKeeper) -> SaleKeeper:
    fuse = Fuse(at)
    return kind(fuse.sessions(office.sessions), fuse.keeper(office.keeper), office.clock)


def assert_applied(office: Office, event_id: str) -> None:
    """What an undisturbed `apply` of a fresh event leaves behind, in full."""
    event = office.event(event_id)
    with reading(office.sessions) as session:
        cursor = orders.cursor(session, event.group_id)
    group = office.keeper.state(event.group_id)
    assert group is not None
    assert group.epoch == event.group.epoch
    assert group.per_card_limit == event.group.per_card_limit
    assert event.group.opened_at is not None
    assert cursor is not None
    assert (cursor.epoch, cursor.position) == (event.group.epoch, 0)
    assert group.events[event_id].rules == rules_of(event)
    assert group.events[event_id].counts == {1: QuotaCounts(7, 0, 0, 0), 2: QuotaCounts(3, 0, 0, 0)}
    assert [entry.kind for entry in office.keeper.read_log(event.group_id, 0, 10)] == ["configure"]
    assert event.applied_version == event.version
    assert office.keeper.directory()[event_id] == event.group_id


def crash_everywhere(office: Office, kind: type[SaleKeeper]) -> int:
    """Stop the `n`-th event's first `apply` at its `n`-th crossing and apply it again; how many crossings."""
    for crossing in range(1, 100):
        event_id = office.drafted(7, 3, per_card_limit=2, eligible_organisations=("street-1",))
        publish_in_sql(office, event_id)
        try:
            fused(office, crossing, kind).apply(event_id)
        except PowerCut:
            SaleKeeper(office.sessions, keeper_on(office.redis, office.clock), office.clock).apply(event_id)
            assert_applied(office, event_id)
        else:
            assert_applied(office, event_id)
            return crossing - 1
    raise AssertionError("apply never got through")


def test_a_crash_at_any_step_is_mended_by_the_next_apply(office: Office) -> None:
    # Two crossings for each of: ping, epoch, opening (a transaction around a call), configure, applied version.
    assert crash_everywhere(office, SaleKeeper) == 12


class MarksBeforeOpening(SaleKeeper):
    """Without the order of the steps: SQL says "opened" before Redis is asked."""

    def _open(self, group_id: str) -> None:
        with self._sessions.begin() as session:
            repository.set_epoch(session, group_id, "early")
            opened = update(AllowanceGroup).where(AllowanceGroup.id == group_id)
            session.execute(opened.values(opened_at=1))
        self._keeper.open_group(group_id, "early", None)


def test_control_another_order_of_the_steps_leaves_a_group_that_cannot_be_opened(office: Office) -> None:
    with pytest.raises(Refusal) as refused:
        crash_everywhere(office, MarksBeforeOpening)
    assert refused.value.code is Code.RECOVERING


def test_applying_again_changes_nothing(office: Office) -> None:
    event_id = office.published(7, 3)
    for _ in range(3):
        office.sale_keeper.apply(event_id)
    assert_applied(office, event_id)


def test_a_draft_stays_unknown_to_redis(office: Office) -> None:
    event_id = office.drafted(1)
    office.sale_keeper.apply(event_id)
    assert office.in_redis(event_id) is None
    assert office.event(event_id).group.epoch is None


def test_an_unknown_event_is_refused(office: Office) -> None:
    with pytest.raises(Refusal) as refused:
        office.sale_keeper.apply("nothing")
    assert refused.value.code is Code.NOT_FOUND


# Versions out of order


def apply_late(office: Office, event_id: str, keeper: Any) -> None:
    """A process reads the event, is overtaken by a change and its `apply`, and then goes on."""

    def overtake() -> None:
        office.catalogue.patch_event(office.district, event_id, EventChanges(per_card_limit=9))

    late = Between(keeper, "configure", overtake)
    SaleKeeper(office.sessions, cast("Keeper", late), office.clock).apply(event_id)


def limit_in_redis(office: Office, event_id: str) -> int | None:
    state = office.in_redis(event_id)
    assert state is not None
    return state.rules.per_card_limit


def test_a_late_process_does_not_undo_a_newer_version(office: Office) -> None:
    event_id = office.published(5, per_card_limit=2)
    apply_late(office, event_id, office.keeper)
    event = office.event(event_id)
    assert limit_in_redis(office, event_id) == 9
    assert event.applied_version == event.version == 3


def test_control_without_versions_the_late_process_wins(office: Office) -> None:
    class Unversioned(Keeper):
        def configure(self, group_id: str, epoch: str, rules: EventRules) -> bool:
            return super().configure(group_id, epoch, structs.replace(rules, version=rules.version + 100))

    event_id = office.published(5, per_card_limit=2)
    keeper = Unversioned(office.redis, office.clock, office.keeper._bounds, office.keeper._watermarks)
    apply_late(office, event_id, keeper)
    assert limit_in_redis(office, event_id) == 2, "the older wish came last and stands"


def test_versions_in_any_order_end_with_the_highest(office: Office) -> None:
    event_id = office.published(5)
    event = office.event(event_id)
    rules = [structs.replace(rules_of(event), version=v, per_card_limit=v) for v in (5, 3, 6, 4, 6)]
    applied = [office.keeper.configure(event.group_id, epoch_of(event.group), each) for each in rules]
    assert applied == [True, False, True, False, False]
    assert limit_in_redis(office, event_id) == 6


# Forgotten is not "never opened"


def test_a_forgotten_group_is_never_opened_again_in_silence(office: Office) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 2))
    office.redis.flushall()
    for keeper in (office.keeper, keeper_on(office.redis, office.clock)):
        with pytest.raises(Refusal) as refused:
            SaleKeeper(office.sessions, keeper, office.clock).apply(event_id)
        assert refused.value.code is Code.RECOVERING
        assert keeper.state(event_id) is None


def test_control_without_the_mark_a_forgotten_group_is_opened_and_sells_its_seats_again(
    office: Office,
) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 5))
    office.redis.flushall()
    with office.sessions.begin() as session:
        session.execute(update(AllowanceGroup).values(opened_at=None))
    keeper = keeper_on(office.redis, office.clock)
    SaleKeeper(office.sessions, keeper, office.clock).apply(event_id)
    group = keeper.state(event_id)
    assert group is not None
    assert group.events[event_id].counts[1].available == 5, "all five are for sale a second time"


def forget_in_between(office: Office, kind: type[SaleKeeper]) -> str:
    """A process reads "never opened"; the group is opened, sold and forgotten; then the process goes on."""
    event_id = office.drafted(5)
    publish_in_sql(office, event_id)

    def others() -> None:
        office.sale_keeper.apply(event_id)
        office.buy(event_id, 1, (1, 5))
        office.redis.flushall()

    sessions = cast("Sessions", Between(office.sessions, "begin", others))
    keeper = keeper_on(office.redis, office.clock)
    kind(sessions, keeper, office.clock).apply(event_id)
    return event_id


def test_a_process_that_slept_before_opening_does_not_open_what_was_forgotten_since(office: Office) -> None:
    with pytest.raises(Refusal) as refused:
        forget_in_between(office, SaleKeeper)
    assert refused.value.code is Code.RECOVERING


class OpensUnlooked(SaleKeeper):
    """Without the second look under the lock."""

    def _open(self, group_id: str) -> None:
        with self._sessions.begin() as session:
            group = repository.get_group(session, group_id)
            assert group is not None
            self._keeper.open_group(group.id, epoch_of(group), group.per_card_limit)


def test_control_without_the_second_look_it_opens_it(office: Office) -> None:
    event_id = forget_in_between(office, OpensUnlooked)
    group = keeper_on(office.redis, office.clock).state(event_id)
    assert group is not None
    assert group.events[event_id].counts[1].available == 5, "all five are for sale a second time"


def test_sql_from_before_the_opening_does_not_take_over_a_group_that_redis_knows(office: Office) -> None:
    event_id = office.published(5)
    with office.sessions.begin() as session:
        session.execute(update(AllowanceGroup).values(opened_at=None, epoch=None))
    with pytest.raises(Refusal) as refused:
        office.sale_keeper.apply(event_id)
    assert refused.value.code is Code.RECOVERING


# Several at once


def test_processes_that_open_a_group_at_once_agree(office: Office) -> None:
    group_id = office.catalogue.create_group(office.district, "May Day films", 3)
    event_ids = [office.drafted(7, 3, allowance_group=group_id) for _ in range(4)]
    for event_id in event_ids:
        publish_in_sql(office, event_id)
    keepers = [
        SaleKeeper(office.sessions, keeper_on(office.redis, office.clock), office.clock) for _ in range(8)
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: keepers[n].apply(event_ids[n % 4]), range(8)))
    group = office.keeper.state(group_id)
    assert group is not None
    assert set(group.events) == set(event_ids)
    assert group.per_card_limit == 3
    assert group.epoch == office.event(event_ids[0]).group.epoch


def test_apply_all_takes_what_is_pending_and_is_not_held_up_by_one(office: Office) -> None:
    lost = office.published(5)
    office.redis.flushall()
    with office.sessions.begin() as session:
        session.execute(update(Event).values(version=Event.version + 1))
    fresh = office.drafted(7, 3)
    draft = office.drafted(1)
    publish_in_sql(office, fresh)
    assert office.sale_keeper.apply_all() == 1
    assert_applied(office, fresh)
    assert office.event(draft).applied_version == 0
    with reading(office.sessions) as session:
        assert repository.pending(session) == [lost]


# Resizing


def test_resize_is_decided_by_redis_once_per_act(office: Office) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 2))
    keeper = office.sale_keeper
    assert keeper.resize(event_id, 1, 8, 1, act_id="up") == QuotaCounts(8, 1, 0, 2)
    assert keeper.resize(event_id, 1, 4, 0, act_id="down") == QuotaCounts(4, 0, 0, 2)
    assert keeper.resize(event_id, 1, 8, 1, act_id="up") == QuotaCounts(8, 1, 0, 2), "the first answer again"
    state = office.in_redis(event_id)
    assert state is not None
    assert state.counts[1] == QuotaCounts(4, 0, 0, 2)
    assert office.event(event_id).quotas[0].capacity == 5, "SQL waits for the log"


def test_resize_below_what_is_sold_needs_force(office: Office) -> None:
    event_id = office.published(5)
    office.buy(event_id, 1, (1, 3))
    with pytest.raises(Refusal) as refused:
        office.sale_keeper.resize(event_id, 1, 2, 0, act_id="low")
    assert (refused.value.code, refused.value.facts) == (Code.CAPACITY_IN_USE, {"in_use": 3})
    forced = office.sale_keeper.resize(event_id, 1, 2, 0, act_id="lower", force=True)
    assert (forced.available, forced.sold) == (0, 3)
    assert isinstance(office.hold(event_id, 2, (1, 1)), Refusal)
