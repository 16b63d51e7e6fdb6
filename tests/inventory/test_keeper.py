"""Goal: the keeper's verbs are repeatable, keep to their epoch, and leave a log without gaps.

Method: each verb sent twice, late, and under another epoch, against the real server.
"""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.sale import BOUNDS, EPOCH, EVENT, GROUP, Sale
from ticketing.clock import ServerClock
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, Ledger, QuotaCounts, QuotaRules, Use
from ticketing.inventory.watermarks import Watermarks


def test_open_is_repeatable_and_keeps_to_its_epoch(sale: Sale) -> None:
    sale.open(5)
    sale.keeper.open_group(GROUP, EPOCH, None)
    with pytest.raises(Refusal, match=Code.RECOVERING):
        sale.keeper.open_group(GROUP, "second", None)


def test_a_group_that_was_never_opened_is_nothing(sale: Sale) -> None:
    assert sale.keeper.state(GROUP) is None
    assert sale.keeper.last_position(GROUP) is None
    with pytest.raises(Refusal, match=Code.RECOVERING):
        sale.keeper.configure(GROUP, EPOCH, sale.rules(5))


def test_ledgers_of_several_groups_come_in_one_trip_also_from_a_restarted_server(sale: Sale) -> None:
    sale.open(5)
    sale.hold(7, (1, 2))
    for _ in range(2):
        ledgers = sale.keeper.ledgers([GROUP, "unknown"], 7)
        assert ledgers[GROUP] == (sale.keeper.last_position(GROUP), sale.keeper.ledger(GROUP, 7))
        assert ledgers[GROUP][1].uses == (Use(EVENT, 1, held=2, bought=0),)
        assert ledgers["unknown"][1] == Ledger()
        sale.redis.script_flush()
    assert sale.keeper.ledgers([], 7) == {}


def test_a_log_goes_on_above_the_position_it_is_opened_at(sale: Sale) -> None:
    sale.keeper.open_group(GROUP, EPOCH, None, position=41)
    sale.keeper.configure(GROUP, EPOCH, sale.rules(5))
    assert [entry.position for entry in sale.keeper.read_log(GROUP, 0, 10)] == [42]


def test_wishes_apply_by_version(sale: Sale) -> None:
    sale.open(5)
    assert sale.keeper.configure(GROUP, EPOCH, sale.rules(5, version=3, state="paused"))
    assert not sale.keeper.configure(GROUP, EPOCH, sale.rules(5, version=2))
    state = sale.keeper.state(GROUP)
    assert state is not None
    assert state.events[EVENT].rules == sale.rules(5, version=3, state="paused")
    assert sale.keeper.directory() == {EVENT: GROUP}


def test_a_new_quota_gets_its_stock_and_an_old_one_keeps_it(sale: Sale) -> None:
    sale.open(5)
    sale.hold(7, (1, 2))
    quotas = (QuotaRules(1, 0, None, 99), QuotaRules(2, 0, None, 3))
    sale.keeper.configure(GROUP, EPOCH, sale.rules(version=2, quotas=quotas))
    assert (sale.counts(1), sale.counts(2)) == ((3, 2, 0), (3, 0, 0))


def test_quota_numbers_have_no_gap(sale: Sale) -> None:
    with pytest.raises(ValueError, match="gap"):
        sale.open(quotas=(QuotaRules(2, 0, None, 5),))


def test_resize_up_and_down_in_mid_sale(sale: Sale) -> None:
    sale.open(2)
    sale.hold(7, (1, 2))
    resize = (GROUP, EPOCH, "raise", EVENT, 1, 3, 0, False)
    assert sale.keeper.resize(*resize) == sale.keeper.resize(*resize) == QuotaCounts(3, 0, 2, 0)
    assert isinstance(sale.hold(8, (1, 1)), Decided)
    refused = sale.keeper.resize(GROUP, EPOCH, "lower", EVENT, 1, 2, 0, False)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.CAPACITY_IN_USE, {"in_use": 3})
    sale.keeper.resize(GROUP, EPOCH, "force", EVENT, 1, 2, 0, True)
    assert sale.counts() == (0, 3, 0)
    assert [entry.kind for entry in sale.keeper.read_log(GROUP, 0, 10)] == ["configure", "resize", "resize"]


@pytest.mark.parametrize("sizes", [(5, 6), (2, None), (None, 6)])
def test_more_than_there_is_cannot_be_withheld_even_by_force(
    sale: Sale, sizes: tuple[int | None, int | None]
) -> None:
    sale.open(5)
    sale.keeper.resize(GROUP, EPOCH, "keep", EVENT, 1, 5, 3, False)
    refused = sale.keeper.resize(GROUP, EPOCH, "more", EVENT, 1, *sizes, True)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID
    assert [entry.kind for entry in sale.keeper.read_log(GROUP, 0, 10)] == ["configure", "resize"]


def test_withheld_tickets_are_not_on_sale(sale: Sale) -> None:
    sale.open(5)
    sale.keeper.resize(GROUP, EPOCH, "keep", EVENT, 1, 5, 4, False)
    assert sale.hold(7, (1, 2)).facts == {"quota": 1, "available": 1}


def test_what_is_not_given_stays_as_it_is_in_redis(sale: Sale) -> None:
    sale.open(5)
    sale.hold(7, (1, 2))
    resize = sale.keeper.resize
    assert resize(GROUP, EPOCH, "raise", EVENT, 1, 8, None, False) == QuotaCounts(8, 0, 2, 0)
    assert resize(GROUP, EPOCH, "withhold", EVENT, 1, None, 3, False) == QuotaCounts(8, 3, 2, 0)
    assert resize(GROUP, EPOCH, "raise again", EVENT, 1, 9, None, False) == QuotaCounts(9, 3, 2, 0)
    assert resize(GROUP, EPOCH, "free", EVENT, 1, None, 0, False) == QuotaCounts(9, 0, 2, 0)
    assert resize(GROUP, EPOCH, "down", EVENT, 1, 0, None, True) == QuotaCounts(0, 0, 2, 0)
    assert resize(GROUP, EPOCH, "nothing", EVENT, 1, None, None, False) == QuotaCounts(0, 0, 2, 0)
    logged = [entry.facts for entry in sale.keeper.read_log(GROUP, 1, 10)]
    assert [(facts["capacity"], facts["withheld"]) for facts in logged] == [
        (8, 0),
        (8, 3),
        (9, 3),
        (9, 0),
        (0, 0),
        (0, 0),
    ], "SQL follows both"


def test_trim_drops_what_is_recorded_under_its_epoch_only(sale: Sale) -> None:
    sale.open(5)
    sale.confirm(7, sale.hold(7, (1, 1)).hold.id)
    with pytest.raises(Refusal, match=Code.RECOVERING):
        sale.keeper.trim(GROUP, "second", 2)
    sale.keeper.trim(GROUP, EPOCH, 1)
    assert [entry.position for entry in sale.keeper.read_log(GROUP, 0, 10)] == [2]
    assert sale.keeper.last_position(GROUP) == 2


def test_everything_can_be_read_in_pieces(sale: Sale) -> None:
    sale.open(500)
    for member in range(200):
        sale.hold(member, (1, 1))
    assert {hold.member for hold in sale.keeper.all_holds(GROUP)} == set(range(200))
    assert {member for member, uses in sale.keeper.all_uses(GROUP) if uses[0].held == 1} == set(range(200))


def test_a_server_that_is_away_is_a_failure_with_its_cause() -> None:
    nobody = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    with pytest.raises(StoreUnavailable) as failure:
        Keeper(nobody, ServerClock(), BOUNDS, Watermarks()).ping()
    assert failure.value.__cause__ is not None
