"""Goal: whatever Redis or SQL forgot, a rebuild brings the sale back to what members were told, and to nothing else.

Method: one sale in which everything has happened once, each disaster, and a comparison of counts, ledgers,
orders, tickets and first answers. Then the rebuild dies before and after each command and commit, and is
repeated: the end must be the same.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update

from tests.support.disasters import (
    HOLDER,
    WAVERER,
    Crossings,
    Died,
    Story,
    acts_of,
    rebuild,
    rebuilds,
    redis_goes_back,
    sql_forgets_a_cancel,
    sql_goes_back,
    violations,
    wipe,
)
from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.shop import Shop
from ticketing.catalogue.tables import AllowanceGroup, Event
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, HoldStatus
from ticketing.inventory.restore import Restore
from ticketing.keyring import Keyring
from ticketing.orders import repository as orders
from ticketing.orders.model import Poison
from ticketing.orders.tables import Cursor, Order
from ticketing.services.keeper import rules_of
from ticketing.services.recovery import Recovery
from ticketing.services.survivors import Survivors


def nothing(story: Story) -> None:
    """A healthy group."""


DISASTERS: dict[str, Callable[[Story], None]] = {
    "healthy": nothing,
    "redis wiped": wipe,
    "sql went back": sql_goes_back,
    "sql forgot a cancel": sql_forgets_a_cancel,
}


@pytest.mark.parametrize("disaster", DISASTERS)
def test_after_a_rebuild_the_sale_is_what_members_were_told(shop: Shop, disaster: str) -> None:
    story = Story(shop)
    before = story.replays()
    DISASTERS[disaster](story)

    rebuilt = rebuild(story)

    assert (rebuilt.orders, rebuilt.tickets, rebuilt.problems) == (3, 5, ())
    state = shop.in_redis(story.event)
    assert state is not None
    assert state.counts == story.expected
    assert [answer.hold for answer in story.replays()] == [answer.hold for answer in before]
    assert all(answer.replayed for answer in story.replays())
    assert violations(shop) == []
    over = shop.hold(story.event, 1, (1, 2), key="more")
    assert isinstance(over, Refusal)
    assert over.facts == {"scope": "event", "limit": 4, "used": 3}


def test_orders_that_sql_lacks_are_brought_back_from_redis(shop: Shop) -> None:
    story = Story(shop)
    sql_goes_back(story)
    assert rebuild(story).brought_back == 3
    assert shop.recorded().keys() == set(story.bought)
    assert shop.tickets("void") == 1
    quotas = shop.event(story.event).quotas
    assert [(quota.capacity, quota.withheld) for quota in quotas] == [(12, 3), (10, 0)]


def test_the_log_goes_on_above_everything_and_drains(shop: Shop) -> None:
    story = Story(shop)
    last = shop.keeper.last_position(story.event)
    wipe(story)
    rebuild(story)
    order = shop.buy(story.event, 20, (1, 1))
    hold = shop.keeper.look_up(story.event, order)
    assert hold is not None
    assert last is not None
    assert hold.position == last + 1
    assert shop.drain().run(story.event) == 1
    assert order in shop.recorded()
    assert violations(shop) == []


def test_what_was_undrained_is_recorded(shop: Shop) -> None:
    story = Story(shop, drained=False)
    assert story.bought[2] not in shop.recorded()
    assert rebuild(story).brought_back == 1
    assert story.bought[2] in shop.recorded()
    assert violations(shop) == []


def test_an_old_copy_of_redis_is_brought_to_where_sql_is(shop: Shop) -> None:
    story = Story(shop)
    with redis_goes_back(story):
        later = shop.buy(story.event, 21, (1, 2))
        confirmed = shop.keeper.confirm(
            story.event, story.held.id, HOLDER, "free", shop.keyring.order_number(story.held.id)
        )
        assert isinstance(confirmed, Decided)
        shop.sale_keeper.resize(story.event, 2, 20, 0, act_id="in between")
        shop.drain().run(story.event)
    assert shop.hold(story.event, 22, (1, 1)) is not None
    rebuilt = rebuild(story)
    assert (rebuilt.orders, rebuilt.voided_holds, rebuilt.problems) == (5, 0, ())
    assert shop.counts(story.event, 1).sold == 6
    assert shop.counts(story.event, 2).capacity == 20
    again = shop.hold(story.event, 21, (1, 2))
    assert isinstance(again, Decided)
    assert (again.replayed, again.hold.id) == (True, later)
    assert violations(shop) == []


def test_holds_that_were_live_are_void_and_their_members_told_once(shop: Shop) -> None:
    story = Story(shop)
    for expected in (1, 0):
        assert rebuild(story).voided_holds == expected
    notices = story.books()[3]
    assert notices == [(HOLDER, "hold_void")]
    again = shop.hold(story.event, HOLDER, (1, 1))
    assert isinstance(again, Decided)
    assert (again.replayed, again.hold.created_at) == (True, story.held.created_at)
    refused = shop.keeper.confirm(story.event, story.held.id, HOLDER, "free", "number")
    assert isinstance(refused, Refusal)
    assert refused.code is Code.HOLD_EXPIRED
    wavered = shop.keeper.look_up(story.event, story.wavered.id)
    assert wavered is not None
    assert (wavered.member, wavered.status) == (WAVERER, HoldStatus.RELEASED)


@pytest.mark.parametrize("disaster", ["redis wiped", "healthy"])
def test_a_cancel_still_on_its_way_counts_once(
    shop: Shop, disaster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(shop)
    sold = shop.counts(story.event, 1).sold
    with monkeypatch.context() as away:
        away.setattr(shop.returns, "give_back", lambda _order_id=None: 0)
        shop.orders.cancel(1, story.bought[0], [f"{shop.keyring.order_number(story.bought[0])}-1"])
    DISASTERS[disaster](story)
    rebuild(story)
    assert shop.counts(story.event, 1).sold == sold - 1
    shop.returns.give_back()
    assert shop.counts(story.event, 1).sold == sold - 1
    assert violations(shop) == []


def test_a_cancel_that_commits_while_the_orders_are_read_still_counts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(shop)
    complete = Restore.complete

    def cancelled_meanwhile(self: Restore, *arguments: object) -> None:
        shop.orders.cancel(1, story.bought[0], [f"{shop.keyring.order_number(story.bought[0])}-1"])
        complete(self, *arguments)  # type: ignore[arg-type]

    sold = shop.counts(story.event, 1).sold
    monkeypatch.setattr(Restore, "complete", cancelled_meanwhile)
    rebuild(story)
    assert shop.counts(story.event, 1).sold == sold
    shop.returns.give_back()
    assert shop.counts(story.event, 1).sold == sold - 1
    assert violations(shop) == []


def test_a_foreign_servers_holds_are_named_and_left_out(shop: Shop) -> None:
    story = Story(shop)
    wipe(story)
    keyring, shop.keyring = shop.keyring, Keyring.derive("another instance's secret, and not ours")
    shop.keeper.open_group(story.event, str(shop.event(story.event).group.epoch), None)
    shop.keeper._watermarks._known.clear()
    epoch = str(shop.event(story.event).group.epoch)
    shop.keeper.configure(story.event, epoch, rules_of(shop.event(story.event)))
    foreign = shop.buy(story.event, 30, (1, 1))
    shop.keyring = keyring
    rebuilt = rebuild(story)
    assert [foreign in problem for problem in rebuilt.problems] == [True]
    assert foreign not in shop.recorded()
    assert shop.counts(story.event).sold == 3


def test_sql_that_went_back_to_before_the_sale_is_brought_up_to_it(shop: Shop) -> None:
    story = Story(shop)
    sql_goes_back(story)
    group = AllowanceGroup.id == story.event
    with shop.sessions.begin() as session:
        session.execute(delete(Cursor).where(Cursor.group_id == story.event))
        session.execute(update(AllowanceGroup).where(group).values(epoch=None, opened_at=None))
        session.execute(update(Event).where(Event.id == story.event).values(state="draft", applied_version=0))
    with pytest.raises(Refusal, match="not_found") as refused:
        rebuild(story)
    assert "publish it, then run this again" in str(refused.value.facts)
    with pytest.raises(Refusal, match="recovering"):
        shop.catalogue.publish(shop.district, story.event)
    rebuilt = rebuild(story)
    assert (rebuilt.brought_back, rebuilt.problems) == (3, ())
    state = shop.in_redis(story.event)
    assert state is not None
    assert state.counts == story.expected
    assert violations(shop) == []


def test_an_event_that_sql_has_as_a_draft_takes_no_orders_of_its_group_with_it(shop: Shop) -> None:
    story = Story(shop)
    with shop.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == story.event).values(state="draft"))
    with pytest.raises(Refusal, match="not_found"):
        rebuild(story)
    assert len(list(shop.keeper.all_holds(story.event))) == 5, "all is still there"
    with shop.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == story.event).values(state="published"))
    assert rebuild(story).orders == 3
    assert violations(shop) == []


def test_an_order_that_sql_does_not_take_keeps_its_seat_and_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(shop)
    sql_goes_back(story)
    refused, record = story.bought[1], orders.record_orders

    def choosy(session: object, records: object, at_ms: int) -> int:
        if any(order.id == refused for order in records):  # type: ignore[attr-defined]
            raise Poison("its member is unknown")
        return record(session, records, at_ms)  # type: ignore[arg-type]

    with monkeypatch.context() as poison:
        poison.setattr(orders, "record_orders", choosy)
        for _ in range(2):
            (problem,) = rebuild(story).problems
            assert refused in problem
            assert shop.recorded().keys() == set(story.bought) - {refused}
            assert shop.counts(story.event, 2).sold == 2
            assert len([text for text in violations(shop) if "set aside" in text]) == 1
    wipe(story)
    assert rebuild(story).problems == ()
    assert shop.recorded().keys() == set(story.bought), "mended: taken from what was set aside"
    assert violations(shop) == []


def test_orders_that_differ_are_named_and_sqls_word_stands(shop: Shop) -> None:
    story = Story(shop)
    with shop.sessions.begin() as session:
        session.execute(update(Order).where(Order.id == story.bought[0]).values(created_at=1))
    (problem,) = rebuild(story).problems
    assert story.bought[0] in problem
    hold = shop.keeper.look_up(story.event, story.bought[0])
    assert hold is not None
    assert hold.created_at == 1


# Interrupted


@pytest.mark.slow
@pytest.mark.parametrize("disaster", ["redis wiped", "sql went back"])
def test_a_rebuild_that_dies_anywhere_and_is_repeated_comes_to_the_same_end(
    shop: Shop, disaster: str
) -> None:
    untouched = Story(shop)
    DISASTERS[disaster](untouched)
    with Crossings(shop) as crossings:
        rebuild(untouched)
    shape = [len(part) for part in untouched.books()[:6]]
    for crossing in range(crossings.passed):
        story = Story(shop)
        before = [answer.hold for answer in story.replays()]
        DISASTERS[disaster](story)
        with Crossings(shop, dies_at=crossing), pytest.raises(Died):
            rebuild(story)
        sells = isinstance(shop.hold(story.event, 40, (1, 1), key="probe"), Decided)
        rebuild(story)
        state = shop.in_redis(story.event)
        assert state is not None
        assert state.counts == story.expected, f"crossing {crossing}"
        assert [answer.hold for answer in story.replays()] == before, f"crossing {crossing}"
        if not sells:  # otherwise it had ended, and the probe is one hold more
            assert [len(part) for part in story.books()[:6]] == shape, f"crossing {crossing}"
    assert violations(shop) == []
    assert crossings.passed > 30


def test_of_two_rebuilds_at_once_one_is_told_and_the_end_is_sound(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, other = Story(shop), rebuilds(shop)
    bring_back = Survivors.bring_back

    def overtaken(self: Survivors) -> None:
        monkeypatch.setattr(Survivors, "bring_back", bring_back)
        other.rebuild(story.event)
        bring_back(self)

    monkeypatch.setattr(Survivors, "bring_back", overtaken)
    with pytest.raises(Refusal, match="recovering"):
        rebuild(story)
    assert shop.counts(story.event) == story.expected[1]
    assert acts_of(shop, "group.rebuild") == 1
    assert Recovery(shop.sessions, shop.keeper, shop.keeper._watermarks).reason(story.event) is None
    assert violations(shop) == []


def test_a_drain_that_read_before_the_rebuild_records_nothing_twice(shop: Shop) -> None:
    story = Story(shop, drained=False)
    slow = shop.drain()
    at = slow._cursor(story.event)
    assert at is not None
    entries = shop.keeper.read_log(story.event, at.position, 100)
    rebuild(story)
    assert slow._commit(at, entries) is False
    assert violations(shop) == []


def test_nothing_is_rebuilt_that_was_never_on_sale(shop: Shop) -> None:
    event = shop.drafted(5)
    with pytest.raises(Refusal) as refused:
        rebuilds(shop).rebuild(event)
    assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Refusal):
        rebuilds(shop).group_of("nothing")
