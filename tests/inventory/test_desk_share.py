"""Goal: a desk's hold that ends unsold gives the desk's share back what it took of it, once, as far as it is free.

Method: holds of the desk end in each way there is on the real server; the counts, the log that SQL follows, and the
note of what each took are read back. What staff change meanwhile is tried at its bounds.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.sale import EPOCH, EVENT, GROUP, Sale
from ticketing.errors import Code, StoreUnavailable
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided, Hold, QuotaCounts, QuotaRules

KEYS = group_keys(GROUP)


def by_expire(sale: Sale, hold: Hold) -> None:
    assert sale.at(hold.expires_at).keeper.expire(GROUP, EPOCH) == 1


def by_the_next_hold(sale: Sale, hold: Hold) -> None:
    """Refused itself, it still ends what is over."""
    assert sale.at(hold.expires_at).hold(9, (1, 4)).code is Code.SOLD_OUT


def by_release(sale: Sale, hold: Hold) -> None:
    assert sale.keeper.release(GROUP, hold.id, hold.member) is None


def by_late_release(sale: Sale, hold: Hold) -> None:
    assert sale.at(hold.expires_at).keeper.release(GROUP, hold.id, hold.member) is None


WAYS = (by_expire, by_the_next_hold, by_release, by_late_release)


def open_with_a_share(sale: Sale) -> None:
    """Five tickets in each of two quotas; two of the first are the desk's."""
    sale.open(quotas=(QuotaRules(1, 0, None, 5, 2), QuotaRules(2, 0, None, 5)))


def desk_hold(sale: Sale, member: int, *items: tuple[int, int]) -> Hold:
    hold_id = sale.keyring.hold_id(EVENT, member, "desk.1", "key")
    answer = sale.keeper.hold(GROUP, sale.request(member, *items, id=hold_id, channel="desk"))
    assert isinstance(answer, Decided)
    return answer.hold


def counts(sale: Sale) -> QuotaCounts:
    state = sale.keeper.state(GROUP)
    assert state is not None
    return state.events[EVENT].counts[1]


def resizes(sale: Sale) -> list[Any]:
    """What SQL is told of the first quota: by which act, and how many are withheld now."""
    entries = [entry for entry in sale.keeper.read_log(GROUP, 0, 100) if entry.kind == "resize"]
    assert {entry.facts["quota"] for entry in entries} <= {1}
    return [(entry.facts["act_id"], entry.facts["withheld"]) for entry in entries]


@pytest.mark.parametrize("ends", WAYS)
def test_what_a_desks_hold_took_of_the_share_goes_back_once(
    sale: Sale, ends: Callable[[Sale, Hold], None]
) -> None:
    """Three of a quota of which two were kept, and one of another: the third, and the other, are the web's."""
    open_with_a_share(sale)
    hold = desk_hold(sale, 7, (1, 3), (2, 1))
    assert counts(sale) == QuotaCounts(capacity=5, withheld=0, held=3, sold=0)
    ends(sale, hold)
    for _ in range(2):
        assert counts(sale) == QuotaCounts(capacity=5, withheld=2, held=0, sold=0)
        assert sale.counts(2) == (5, 0, 0)
        assert resizes(sale) == [(hold.id, 0), (hold.id, 2)]
        assert sale.redis.hkeys(KEYS.acts) == [], "nothing is noted of a hold that gave everything back"
        by_late_release(sale, hold)


def test_what_is_sold_is_not_given_back_and_stays_noted(sale: Sale) -> None:
    open_with_a_share(sale)
    hold = desk_hold(sale, 7, (1, 3))
    assert isinstance(sale.confirm(7, hold.id), Decided)
    assert sale.at(hold.expires_at).keeper.expire(GROUP, EPOCH) == 0
    assert counts(sale) == QuotaCounts(capacity=5, withheld=0, held=0, sold=3)
    assert sale.redis.hkeys(KEYS.acts) == [hold.id.encode()], "for an undo"


@pytest.mark.parametrize(
    ("capacity", "withheld", "kept"),
    [
        (None, 0, 2),  # given to the web meanwhile: that was of the others
        (None, 1, 3),
        (3, None, 2),
        (2, None, 1),  # one was sold on the web
        (0, None, 0),
        (2, 2, 2),  # by force: as many as staff said, though one of them is sold
        (9, 8, 8),
        (10, 8, 9),
    ],
)
def test_it_comes_on_top_of_what_staff_keep_by_then_and_no_more_than_is_free(
    sale: Sale, capacity: int | None, withheld: int | None, kept: int
) -> None:
    open_with_a_share(sale)
    sold = sale.hold(8, (1, 1)).hold
    sale.confirm(8, sold.id)
    hold = desk_hold(sale, 7, (1, 3))
    sale.keeper.resize(GROUP, EPOCH, "act", EVENT, 1, capacity, withheld, True)
    by_expire(sale, hold)
    now = counts(sale)
    assert (now.withheld, now.held, now.sold) == (kept, 0, 1)
    assert sale.redis.hkeys(KEYS.acts) == [b"act"], "also when there was no room for it"


def test_holds_of_the_web_read_nothing_of_this(sale: Sale, without: Callable[..., None]) -> None:  # noqa: F811
    """With scripts that die when they look for such a note they go their ways; a desk's hold is the control."""
    for verb in ("hold", "confirm", "release", "expire"):
        without(verb, "acts.get(id)", "error('looked')")
    open_with_a_share(sale)
    sold, let_go, left = (sale.hold(member, (1, 1)).hold for member in (1, 2, 3))
    assert isinstance(sale.confirm(1, sold.id), Decided)
    by_release(sale, let_go)
    by_expire(sale, left)
    hold = desk_hold(sale, 7, (1, 1))
    with pytest.raises(StoreUnavailable) as failure:
        by_release(sale, hold)
    assert "looked" in str(failure.value.__cause__)
