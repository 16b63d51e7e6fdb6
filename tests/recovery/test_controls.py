"""Goal: each guard of a rebuild is there for a reason: without it the same disaster loses, doubles or misleads.

Method: negative controls; one guard is taken out, the disaster of the positive tests comes, and what members
were told is broken in the way that the guard prevents.
"""

from typing import Any

import pytest
from msgspec import structs

from tests.support.disasters import (
    Crossings,
    Died,
    Story,
    rebuild,
    sql_forgets_a_cancel,
    sql_goes_back,
    violations,
    wipe,
)
from tests.support.shop import Shop
from ticketing.inventory.restore import Restore
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.services import rebuild as subject
from ticketing.services.keeper import rules_of
from ticketing.services.survivors import Survivors


@pytest.fixture
def story(shop: Shop) -> Story:
    return Story(shop)


def test_control_without_bringing_orders_back_they_are_only_in_redis(
    shop: Shop, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql_goes_back(story)
    monkeypatch.setattr(Survivors, "bring_back", lambda _: None)
    rebuild(story)
    assert shop.recorded() == {}
    assert len([text for text in violations(shop) if "neither in SQL nor in the log" in text]) == 3


def test_control_without_bringing_cancels_back_a_seat_is_lost(
    shop: Shop, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql_forgets_a_cancel(story)
    monkeypatch.setattr(Survivors, "_void_what_came_back", lambda *_: None)
    rebuild(story)
    assert shop.counts(story.event, 2).sold == story.expected[2].sold + 1


def test_control_without_the_capacity_of_redis_an_act_of_staff_is_undone(
    shop: Shop, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql_goes_back(story)
    capacities = subject._capacities
    monkeypatch.setattr(subject, "_capacities", lambda events, _: capacities(events, {}))
    rebuild(story)
    assert shop.counts(story.event).capacity == 10


def test_control_without_the_time_a_hold_would_have_expired_its_first_answer_changes(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [answer.hold for answer in story.replays()]
    wipe(story)
    plain = subject.hold_from_order
    monkeypatch.setattr(
        subject, "hold_from_order", lambda order: structs.replace(plain(order), expires_at=order.confirmed_at)
    )
    rebuild(story)
    assert [answer.hold for answer in story.replays()] != before


def test_control_without_the_keys_another_servers_sales_come_in(
    shop: Shop, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    wipe(story)
    keyring, shop.keyring = shop.keyring, Keyring.derive("another instance's secret, and not ours")
    epoch = str(shop.event(story.event).group.epoch)
    shop.keeper._watermarks._known.clear()
    shop.keeper.open_group(story.event, epoch, None)
    shop.keeper.configure(story.event, epoch, rules_of(shop.event(story.event)))
    foreign = shop.buy(story.event, 30, (1, 1))
    shop.keyring = keyring
    monkeypatch.setattr(Survivors, "_is_ours", lambda *_: True)
    rebuild(story)
    assert foreign in shop.recorded()


def test_control_without_asking_who_was_told_members_are_told_twice(
    shop: Shop, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = members.add_notices_once

    def add_again(session: Any, wanted: Any, at: int) -> int:
        return add(session, [one._replace(since=at + 1) for one in wanted], at)

    monkeypatch.setattr(members, "add_notices_once", add_again)
    with monkeypatch.context() as dying:
        dying.setattr(Restore, "open", _die)
        with pytest.raises(Died):
            rebuild(story)
    rebuild(story)
    assert len(story.books()[3]) == 2


def test_control_without_a_place_beside_the_old_one_an_interruption_loses_orders(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan before: delete, write anew in place, and commit SQL at the end."""
    story = Story(shop, drained=False)

    def in_place(self: Restore, holds: Any) -> int:
        self._redis.delete(*self._keys[1:7])
        raise Died

    monkeypatch.setattr(Survivors, "bring_back", lambda _: None)
    with monkeypatch.context() as dying:
        dying.setattr(Restore, "add", in_place)
        with pytest.raises(Died):
            rebuild(story)
    assert rebuild(story).orders == 2, "the undrained one is gone"


def test_with_all_guards_an_interruption_at_the_same_place_loses_nothing(shop: Shop) -> None:
    story = Story(shop, drained=False)
    with Crossings(shop, dies_at=20), pytest.raises(Died):
        rebuild(story)
    assert rebuild(story).orders == 3
    assert violations(shop) == []


def _die(*_: Any) -> None:
    raise Died
