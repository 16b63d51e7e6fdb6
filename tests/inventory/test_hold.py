"""Goal: `hold` says yes or no exactly as the contract's order has it, and takes all or nothing.

Method: one request at a time against the real server; every test ends on conservation.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.sale import BOUNDS, EVENT, GROUP, HOLD_MS, Sale
from ticketing.clock import ServerClock
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, HoldStatus, Item, QuotaRules
from ticketing.inventory.watermarks import Watermarks


def refusal(answer: object) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def test_a_hold_takes_tickets_for_a_while(sale: Sale) -> None:
    sale.open(5)
    decided = sale.hold(7, (1, 2))
    assert not decided.replayed
    assert decided.hold.status is HoldStatus.HELD
    assert decided.hold.items == (Item(1, 2, 0),)
    assert decided.hold.expires_at - decided.hold.created_at == HOLD_MS
    assert sale.counts() == (3, 2, 0)


def test_several_quotas_are_held_together_or_not_at_all(sale: Sale) -> None:
    sale.open(5, 1)
    refused = refusal(sale.hold(7, (1, 2), (2, 2)))
    assert (refused.code, refused.facts) == (Code.SOLD_OUT, {"quota": 2, "available": 1})
    assert (sale.counts(1), sale.counts(2)) == ((5, 0, 0), (1, 0, 0))
    assert isinstance(sale.hold(7, (2, 1), (1, 2)), Decided)
    assert (sale.counts(1), sale.counts(2)) == ((3, 2, 0), (0, 1, 0))


def test_the_same_key_answers_the_same_and_takes_once(sale: Sale) -> None:
    sale.open(5, 5)
    first, again = sale.hold(7, (1, 1), (2, 1)), sale.hold(7, (2, 1), (1, 1))
    assert again.replayed
    assert again.hold == first.hold
    assert refusal(sale.hold(7, (1, 2))).code is Code.IDEMPOTENCY_KEY_REUSED
    assert sale.counts(1) == (4, 1, 0)


def test_a_refusal_stores_nothing_so_the_key_may_try_again(sale: Sale) -> None:
    sale.open(1)
    winner = sale.hold(7, (1, 1))
    assert refusal(sale.hold(8, (1, 1))).code is Code.SOLD_OUT
    assert sale.keeper.release(GROUP, winner.hold.id, 7) is None
    assert isinstance(sale.hold(8, (1, 1)), Decided)
    assert sale.counts() == (0, 1, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "closed"}, Code.SALE_CLOSED),
        ({"state": "cancelled"}, Code.SALE_CLOSED),
        ({"state": "paused"}, Code.SALE_PAUSED),
        ({"eligible_organisations": ("elsewhere",)}, Code.NOT_ELIGIBLE),
        ({"eligible_organisations": ()}, Code.NOT_ELIGIBLE),
    ],
)
def test_the_sale_refuses(sale: Sale, changes: dict[str, object], code: Code) -> None:
    sale.open(5, **changes)
    assert refusal(sale.hold(7, (1, 1))).code is code
    assert sale.counts() == (5, 0, 0)


def test_the_window_is_judged_by_the_servers_time(sale: Sale) -> None:
    rules = sale.open(5, opens_at=sale.now + 5_000, closes_at=sale.now + 9_000)
    early = refusal(sale.at(rules.opens_at - 1).hold(7, (1, 1)))
    assert (early.code, early.facts) == (Code.SALE_NOT_OPEN, {"opens_at": rules.opens_at})
    assert isinstance(sale.at(rules.opens_at).hold(7, (1, 1)), Decided)
    assert refusal(sale.at(rules.closes_at).hold(8, (1, 1))).code is Code.SALE_CLOSED
    assert sale.counts() == (4, 1, 0)


def test_members_of_an_organisation_below_are_eligible(sale: Sale) -> None:
    sale.open(5, eligible_organisations=("city",))
    assert isinstance(sale.hold(7, (1, 1)), Decided)


def test_limits_answer_from_the_narrowest_to_the_widest(sale: Sale) -> None:
    quotas = (QuotaRules(1, 0, 1, 9), QuotaRules(2, 0, None, 9))
    sale.keeper.open_group(GROUP, "first", 3)
    sale.keeper.configure(GROUP, "first", sale.rules(9, 9, per_card_limit=2, quotas=quotas))
    assert refusal(sale.hold(7, (1, 2))).facts == {"scope": "quota", "limit": 1, "used": 0}
    assert isinstance(sale.hold(7, (1, 1)), Decided)
    assert refusal(sale.hold(7, (2, 2), key="b")).facts == {"scope": "event", "limit": 2, "used": 1}
    assert (sale.counts(1), sale.counts(2)) == ((8, 1, 0), (9, 0, 0))


def test_a_group_limit_counts_over_its_events(sale: Sale) -> None:
    sale.keeper.open_group(GROUP, "first", 1)
    sale.keeper.configure(GROUP, "first", sale.rules(9))
    sale.keeper.configure(GROUP, "first", sale.rules(9, event_id="other"))
    assert isinstance(sale.hold(7, (1, 1)), Decided)
    request = sale.request(7, (1, 1), event_id="other", id=sale.keyring.hold_id("other", 7, "web", "key"))
    assert refusal(sale.keeper.hold(GROUP, request)).facts == {"scope": "group", "limit": 1, "used": 1}


def test_unknown_events_and_quotas_are_not_found(sale: Sale) -> None:
    sale.open(5)
    assert refusal(sale.hold(7, (2, 1))).code is Code.NOT_FOUND
    assert refusal(sale.keeper.hold(GROUP, sale.request(7, (1, 1), event_id="other"))).code is Code.NOT_FOUND


def test_a_group_of_another_epoch_is_recovering_but_replays(sale: Sale) -> None:
    sale.open(5)
    decided = sale.hold(7, (1, 1))
    sale.keeper._watermarks.expect(GROUP, "second")
    assert refusal(sale.hold(8, (1, 1))).code is Code.RECOVERING
    assert sale.hold(7, (1, 1)).hold == decided.hold


def test_a_log_that_ends_too_early_is_recovering(sale: Sale) -> None:
    """What a restored snapshot looks like: right epoch, but positions that somebody saw are gone."""
    sale.open(5)
    sale.keeper._watermarks.expect(GROUP, "first", position=99)
    assert refusal(sale.hold(8, (1, 1))).code is Code.RECOVERING
    assert sale.counts() == (5, 0, 0)


def test_control_without_the_position_check_an_old_copy_sells(
    sale: Sale, without: Callable[..., None]
) -> None:
    without("hold", "epoch == expected_epoch and position < position_min", "false")
    sale.open(5)
    sale.keeper._watermarks.expect(GROUP, "first", position=99)
    assert isinstance(sale.hold(8, (1, 1)), Decided)


def test_what_one_process_has_seen_stops_those_who_remember_less(sale: Sale) -> None:
    """Redis was restored from an old copy while a process started anew: alone it would sell on."""
    sale.open(5)
    newcomer = replace(sale, keeper=Keeper(sale.redis, ServerClock(), BOUNDS, Watermarks()))
    sale.keeper._watermarks.expect(GROUP, "first", position=99)
    assert isinstance(newcomer.hold(7, (1, 1)), Decided)
    assert refusal(sale.hold(8, (1, 1))).code is Code.RECOVERING
    assert refusal(newcomer.hold(9, (1, 1))).code is Code.RECOVERING


def test_control_without_the_fence_the_others_sell_on(sale: Sale, without: Callable[..., None]) -> None:
    without("hold", "if behind then redis.call('HSETNX', META, 'fence', 'behind') end", "")
    sale.open(5)
    newcomer = replace(sale, keeper=Keeper(sale.redis, ServerClock(), BOUNDS, Watermarks()))
    sale.keeper._watermarks.expect(GROUP, "first", position=99)
    assert refusal(sale.hold(8, (1, 1))).code is Code.RECOVERING
    assert isinstance(newcomer.hold(9, (1, 1)), Decided)


def test_a_full_backlog_refuses_new_holds(sale: Sale) -> None:
    sale.open(5)
    assert refusal(sale.bounded(backlog_max=1).hold(7, (1, 1))).code is Code.BACKLOG_FULL
    assert isinstance(sale.bounded(backlog_max=2).hold(7, (1, 1)), Decided)


def test_due_holds_expire_before_the_next_decision(sale: Sale) -> None:
    sale.open(1)
    sale.hold(7, (1, 1))
    later = sale.at(sale.now + HOLD_MS + 60_000)
    assert isinstance(later.hold(8, (1, 1)), Decided)
    assert sale.counts() == (0, 1, 0)


def test_a_clock_that_steps_back_revives_nothing(sale: Sale) -> None:
    sale.open(1)
    first = sale.hold(7, (1, 1)).hold
    assert sale.at(first.expires_at).keeper.expire(GROUP, "first") == 1
    assert refusal(sale.at(first.created_at + 1).confirm(7, first.id)).code is Code.HOLD_EXPIRED
    assert sale.counts() == (1, 0, 0)


def test_a_refused_batch_writes_nothing(sale: Sale) -> None:
    """A sold-out rush must not cost a disk write: the server counts none."""
    sale.open(0)
    before = sale.redis.info("persistence")["rdb_changes_since_last_save"]
    for member in range(20):
        assert refusal(sale.hold(member, (1, 1))).code is Code.SOLD_OUT
    assert sale.redis.info("persistence")["rdb_changes_since_last_save"] == before


def test_too_many_live_holds_and_too_many_let_go_wait(sale: Sale) -> None:
    sale.open(50)
    pause_ms = 60_000
    hasty = sale.bounded(now_ms=sale.now + 1_000, live_holds_max=2, abandoned_max=2, pause_ms=pause_ms)
    first, second = hasty.hold(7, (1, 1), key="a").hold, hasty.hold(7, (1, 1), key="b").hold
    assert refusal(hasty.hold(7, (1, 1), key="c")).code is Code.RATE_LIMITED
    for hold in (first, second):
        assert hasty.keeper.release(GROUP, hold.id, 7) is None
    waiting = refusal(hasty.hold(7, (1, 1), key="d"))
    assert (waiting.code, waiting.facts) == (Code.RATE_LIMITED, {"retry_after_ms": pause_ms})
    assert isinstance(sale.at(sale.now + 1_000 + pause_ms).hold(7, (1, 1), key="d"), Decided)
    assert sale.counts() == (49, 1, 0)


def test_an_id_of_another_member_or_event_never_meets_this_one(sale: Sale) -> None:
    ids = {
        sale.keyring.hold_id(event, member, channel, key)
        for event in (EVENT, "other")
        for member in (1, 11)
        for channel in ("web", "desk")
        for key in ("k", "1k")
    }
    assert len(ids) == 16
    assert all(sale.keyring.owns_hold(i, 1) != sale.keyring.owns_hold(i, 11) for i in ids)


def test_a_hold_has_no_more_tickets_than_a_return_has_bits(sale: Sale) -> None:
    sale.open(100, 100)
    with pytest.raises(Refusal, match=Code.INVALID):
        sale.hold(7, (1, 16), (2, 15))
    assert isinstance(sale.hold(7, (1, 15), (2, 15)), Decided)
    assert sale.counts(1) == (85, 15, 0)
