"""Goal: the scenarios are the published campaigns, and a faulty file says what is wrong with it.

Method: the figures of the campaigns, written out here once more; files with one fault each.
"""

from pathlib import Path

import pytest

from ticketing.errors import Misconfigured
from ticketing.rehearsal import scenarios
from ticketing.rehearsal.scenarios import CARD_HOLDERS

PUBLISHED = {
    # scenario: stock, stock after the raise, tickets a card, price, face price, quotas
    "five-yuan-cinema": (20_000, 20_000, 3, 500, 4_000, 20),
    "ice-snow-carnival": (4_000, 4_000, 2, 0, 12_000, 4),
    "children-theatre": (2_400, 2_400, 2, 0, 8_000, 3),
    "art-exhibition": (2_400, 2_400, 2, 0, 6_000, 4),
    "children-theatre-may": (2_400, 3_000, 2, 0, 8_000, 3),
    "evening-classes": (990, 990, 1, 0, 30_000, 30),
}


def test_every_campaign_has_a_scenario() -> None:
    assert set(scenarios.names()) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str) -> None:
    scenario = scenarios.load(name)
    quotas = list(scenario.each_quota())
    assert (
        scenario.first_stock,
        scenario.last_stock,
        scenario.per_card_limit,
        scenario.price,
        scenario.face_price,
        len(quotas),
    ) == PUBLISHED[name]
    assert len({quota for quota, _ in quotas}) == len(quotas)
    assert scenario.payment_method == ("desk" if scenario.price else "free")


@pytest.mark.parametrize("name", PUBLISHED)
def test_demand_is_above_supply(name: str) -> None:
    scenario = scenarios.load(name)
    weights = scenario.crowd.wants
    wanted = sum(tickets * weight for tickets, weight in weights.items()) / sum(weights.values())
    buyers = scenario.cards * (1 - scenario.crowd.looks_only)
    assert buyers * min(wanted, scenario.per_card_limit) > 1.2 * scenario.last_stock


def test_the_limit_of_classes_is_the_groups() -> None:
    assert scenarios.load("evening-classes").limit_scope == "group"


def test_the_population_keeps_the_campaigns_share() -> None:
    scenario = scenarios.load("art-exhibition")
    assert scenario.cards == 18_285
    assert scenario.population(scenario.cards) == CARD_HOLDERS
    assert scenario.population(100) == 1_000
    assert scenario.population(CARD_HOLDERS) == CARD_HOLDERS


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(Misconfigured, match="art-exhibition, children-theatre"):
        scenarios.load("../art-exhibition")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "small.toml"),
        ('title = "x"', "missing required field"),
        ('colour = "red"', "unknown field `colour`"),
    ],
)
def test_a_faulty_file_says_so(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "small.toml").write_text(text)
    monkeypatch.setattr(scenarios, "package_files", lambda _: tmp_path)
    with pytest.raises(Misconfigured, match=said):
        scenarios.load("small")
