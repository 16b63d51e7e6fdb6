"""Drafts are refused for what is wrong with them, field by field, and for nothing else.

Goal: every bound of the catalogue holds at its edge and names its field. Method: one good draft, changed in one
place at a time, on both sides of each bound.
"""

from typing import Any

import pytest
from msgspec import structs

from ticketing.catalogue.model import EventDraft, QuotaDraft, needed_methods
from ticketing.catalogue.tables import CLOSED, DRAFT, PUBLISHED
from ticketing.catalogue.validation import (
    AT_MS_MAX,
    Fault,
    event_faults,
    fixed_faults,
    fixed_quota_faults,
    group_faults,
    publishing_faults,
    quota_faults,
    reason_faults,
    refuse_if,
    tidied,
)
from ticketing.errors import Code, Refusal

QUOTA = QuotaDraft(name="Saturday", capacity=100)
PRICED = QuotaDraft(name="Sunday", capacity=100, price=500, face_price=4_000)
EVENT = EventDraft(title="Films", starts_at=5_000, opens_at=1_000, closes_at=4_000, quotas=(QUOTA,))


def fields(faults: Any) -> list[str]:
    return [field for field, _ in faults]


def faults_of(**changes: Any) -> list[str]:
    return fields(event_faults(structs.replace(EVENT, **changes)))


def quota_faults_of(**changes: Any) -> list[str]:
    return fields(quota_faults(structs.replace(PRICED, **changes)))


def test_a_good_draft_has_no_faults() -> None:
    assert faults_of() == []
    assert faults_of(quotas=()) == []
    assert quota_faults_of() == []


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("title", "t" * 200, "t" * 201),
        ("title", "早", ""),
        ("venue", "v" * 200, "v" * 201),
        ("description", "d" * 5_000, "d" * 5_001),
        ("pickup", "p" * 2_000, "p" * 2_001),
        ("notice", "n" * 1_000, "n" * 1_001),
        ("kind", "cinema", "opera"),
        ("kind", None, ""),
        ("description", "two\nlines\tand a tab", "a bell\a"),
        ("title", "emoji 👩\u200d👩", "two\nlines"),
        ("title", "5 < 6 & more", "reads backwards \u202e"),
        ("title", "plain", "a lone surrogate \ud800"),
        ("venue", "plain", "a line \u2028 separator"),
        ("venue", "plain", "a null \0"),
        ("starts_at", AT_MS_MAX, AT_MS_MAX + 1),
        ("starts_at", 0, -1),
        ("closes_at", 1_001, 1_000),
        ("cancellable_until", 1_001, 1_000),
        ("collect_until", 1_001, 1_000),
        ("per_card_limit", 1, 0),
        ("per_card_limit", 1_000, 1_001),
        ("per_card_limit", None, -1),
        ("hold_seconds", 1, 0),
        ("hold_seconds", 3_600, 3_601),
        ("eligible_organisations", ("one",), ()),
        ("eligible_organisations", None, ("one", "one")),
        ("eligible_organisations", tuple(map(str, range(200))), tuple(map(str, range(201)))),
        ("payment_methods", ("free", "desk"), ("free", "free")),
        ("payment_methods", None, ("free", "barter")),
    ],
)
def test_each_bound_of_an_event(field: str, good: object, bad: object) -> None:
    assert faults_of(**{field: good}) == []
    assert set(faults_of(**{field: bad})) == {field}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", "n" * 200, "n" * 201),
        ("name", "n", ""),
        ("capacity", 0, -1),
        ("capacity", 1_000_000, 1_000_001),
        ("withheld", 100, 101),
        ("withheld", 0, -1),
        ("starts_at", None, -1),
        ("price", 0, -1),
        ("face_price", 500, 499),
        ("face_price", None, 100_000_001),
        ("per_card_limit", None, 0),
        ("currency", "CNY", "cny"),
        ("currency", "EUR", "YUAN"),
    ],
)
def test_each_bound_of_a_quota(field: str, good: object, bad: object) -> None:
    withheld = {"withheld": 0} if field == "capacity" else {}
    assert quota_faults_of(**{field: good}, **withheld) == []
    assert field in quota_faults_of(**{field: bad}, **withheld)


def test_cancelling_ends_before_collecting_does() -> None:
    assert faults_of(cancellable_until=3_000, collect_until=3_000) == []
    assert faults_of(cancellable_until=3_001, collect_until=3_000) == ["cancellable_until"]


def test_every_fault_is_named_at_once() -> None:
    bad = structs.replace(QUOTA, name="", capacity=-1)
    found = faults_of(title="", closes_at=0, quotas=(QUOTA, bad))
    assert found == ["title", "closes_at", "quotas[1].name", "quotas[1].capacity", "quotas[1].withheld"]


@pytest.mark.parametrize(
    ("quotas", "methods", "fault"),
    [
        ((QUOTA,), ("desk",), "free"),
        ((PRICED,), ("free",), "desk"),
        ((QUOTA, PRICED), ("desk",), "free"),
        ((QUOTA, PRICED), ("free", "desk"), None),
        ((PRICED,), ("desk",), None),
        ((QUOTA,), ("free",), None),
        ((), ("desk",), None),
    ],
)
def test_every_ticket_can_be_had_by_some_method(
    quotas: tuple[QuotaDraft, ...], methods: tuple[str, ...], fault: str | None
) -> None:
    plan = structs.replace(EVENT, quotas=quotas, payment_methods=methods)
    reasons = [reason for field, reason in event_faults(plan) if field == "payment_methods"]
    assert len(reasons) == (fault is not None)
    assert all(f"must contain {fault}:" in reason for reason in reasons)


def test_methods_that_prices_need() -> None:
    assert needed_methods(()) == ("free",)
    assert needed_methods((QUOTA,)) == ("free",)
    assert needed_methods((PRICED,)) == ("desk",)
    assert needed_methods((PRICED, QUOTA)) == ("free", "desk")


def test_one_currency_per_event() -> None:
    euros = structs.replace(PRICED, currency="EUR")
    assert faults_of(quotas=(QUOTA, euros)) == ["quotas[1].currency"]


def test_no_two_quotas_alike_but_the_same_showing_on_another_day() -> None:
    assert faults_of(quotas=(QUOTA, QUOTA)) == ["quotas[1].name"]
    assert faults_of(quotas=(QUOTA, structs.replace(QUOTA, starts_at=9))) == []


def test_too_many_quotas() -> None:
    quotas = tuple(structs.replace(QUOTA, name=str(n)) for n in range(201))
    assert faults_of(quotas=quotas) == ["quotas"]
    assert faults_of(quotas=quotas[:200]) == []


def test_groups_and_reasons() -> None:
    assert fields(group_faults("Films", 3)) == []
    assert fields(group_faults("Films", None)) == []
    assert fields(group_faults("", 0)) == ["name", "per_card_limit"]
    assert fields(reason_faults("")) == []
    assert fields(reason_faults("x" * 501)) == ["reason"]


def test_publishing_needs_a_quota_and_time_to_sell() -> None:
    assert fields(publishing_faults(EVENT, 3_999)) == []
    assert fields(publishing_faults(structs.replace(EVENT, quotas=()), 4_000)) == ["quotas", "closes_at"]


@pytest.mark.parametrize(
    ("state", "now", "changes", "fixed"),
    [
        (DRAFT, 9_000, {"opens_at": 2_000, "allowance_group": "other"}, []),
        (PUBLISHED, 999, {"opens_at": 2_000, "title": "Other"}, []),
        (PUBLISHED, 1_000, {"opens_at": 2_000, "closes_at": 8_000}, ["opens_at"]),
        (PUBLISHED, 999, {"allowance_group": "other", "per_card_limit": 1}, ["allowance_group"]),
        (CLOSED, 9_000, {"title": "Other", "notice": "New", "collect_until": 9_999, "kind": "other"}, []),
        (CLOSED, 9_000, {"closes_at": 9_999, "per_card_limit": 1}, ["closes_at", "per_card_limit"]),
    ],
)
def test_what_may_still_change(state: str, now: int, changes: dict[str, Any], fixed: list[str]) -> None:
    assert fields(fixed_faults(state, EVENT, structs.replace(EVENT, **changes), now)) == fixed


def test_price_and_currency_are_fixed_once_published() -> None:
    changed = structs.replace(PRICED, price=600, currency="EUR", name="Other", per_card_limit=1)
    assert fields(fixed_quota_faults(DRAFT, PRICED, changed)) == []
    assert fields(fixed_quota_faults(PUBLISHED, PRICED, changed)) == ["price", "currency"]


def test_texts_are_kept_tidy() -> None:
    quota = structs.replace(QUOTA, name=" Saturday\t")
    plan = structs.replace(EVENT, title="  Films ", notice="one\r\ntwo\r\n", quotas=(quota,))
    assert tidied(plan) == structs.replace(EVENT, notice="one\ntwo")


def test_the_refusal_names_fields_and_reasons() -> None:
    faults: list[Fault] = [("title", "is required")]
    with pytest.raises(Refusal) as refused:
        refuse_if(faults)
    assert refused.value.code is Code.INVALID
    assert refused.value.facts == {"errors": [{"field": "title", "reason": "is required"}]}
    refuse_if([])
