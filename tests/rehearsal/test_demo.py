"""Goal: the demo's data are what `demo.json` says, after the first start and after another.

Method: load them over real servers on both databases, without starting the API; look at Redis for what is
sold, and sign in with what the file holds.
"""

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ticketing.errors import Misconfigured
from ticketing.rehearsal import demo, population
from ticketing.rehearsal.demo import OPEN, SCHEDULED, SOLD_OUT, Demo, DemoEvent
from ticketing.services.staff import StaffService

if TYPE_CHECKING:
    from ticketing.bootstrap import Services

BASE_URL = "http://127.0.0.1:8000"


def event(loaded: Demo, status: str) -> DemoEvent:
    (found,) = [each for each in loaded.events if each.status == status]
    return found


def seconds_to_opening(services: "Services", event_id: str) -> float:
    group_id = services.keeper.directory()[event_id]
    state = services.keeper.state(group_id)
    assert state is not None
    return (state.events[event_id].rules.opens_at - services.keeper.now_ms()) / 1000


def test_the_campaigns_are_as_they_say(services: "Services") -> None:
    loaded = demo._load(services, BASE_URL)
    assert sum(quota.available for quota in event(loaded, OPEN).quotas) == 20_000
    assert seconds_to_opening(services, event(loaded, OPEN).id) < 0
    assert 30 < seconds_to_opening(services, event(loaded, SCHEDULED).id) <= 60
    sold_out = event(loaded, SOLD_OUT)
    assert {quota.available for quota in sold_out.quotas} == {0}
    state = services.keeper.state(services.keeper.directory()[sold_out.id])
    assert state is not None
    assert sum(counts.sold for counts in state.events[sold_out.id].counts.values()) == 990
    assert state.position >= 990


def test_everybody_in_the_file_gets_in(services: "Services") -> None:
    loaded = demo._load(services, BASE_URL)
    assert len(loaded.cards) == 1_000
    for card in (loaded.cards[0], loaded.cards[-1]):
        _, claims = services.accounts.login_member(card.card_number, card.pin, "127.0.0.1")
        assert claims.organisation_id == card.organisation
    assert {account.role for account in loaded.staff} == {"admin", "manager", "clerk", "auditor"}
    for account in loaded.staff:
        _, claims = services.accounts.login_staff(account.username, account.password, "127.0.0.1")
        assert claims.role == account.role


def test_the_file_is_for_its_owner_only(services: "Services", tmp_path: Path) -> None:
    loaded = demo._load(services, BASE_URL)
    file = tmp_path / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert loaded.base_url == BASE_URL


def test_another_start_keeps_people_and_puts_fresh_campaigns_on_sale(services: "Services") -> None:
    first = demo._load(services, BASE_URL)
    second = demo._load(services, "http://127.0.0.1:9000")
    assert (second.cards, second.staff) == (first.cards, first.staff)
    assert second.base_url == "http://127.0.0.1:9000"
    assert {each.status for each in second.events} == {OPEN, SCHEDULED, SOLD_OUT}
    for old in first.events:
        state = services.keeper.state(services.keeper.directory()[old.id])
        assert state is not None
        assert state.events[old.id].rules.state == "closed"
    staff, _ = population.sign_staff(services.signer, services.keeper.now_ms())
    [budget] = services.budgets.all(staff)
    assert {line.event_id for line in budget.events} == {each.id for each in second.events}
    assert not budget.plan_exceeds


def test_an_instance_with_data_of_its_own_is_left_alone(services: "Services", tmp_path: Path) -> None:
    StaffService(services.sessions, services.clock).add_root("district", "真实的区总工会")
    with pytest.raises(Misconfigured, match="no demo"):
        demo._load(services, BASE_URL)
    assert not (tmp_path / "demo.json").exists()
