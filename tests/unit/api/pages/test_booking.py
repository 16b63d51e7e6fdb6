"""Goal: the booking form offers exactly what the engine would grant: nothing above a limit, nothing sold out.

Method: every kind of limit, alone and together, against `plan`; the engine's own answers are in tests/inventory.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from ticketing.api import schemas
from ticketing.api.pages.booking import CHOICE_MAX, STRANGER, Own, methods, plan

AT = datetime(2026, 5, 1, tzinfo=UTC)


def _quota(number: int, available: int) -> schemas.Quota:
    return schemas.Quota(
        id=f"ev-{number}",
        name=f"Quota {number}",
        starts_at=None,
        price=500,
        face_price=4_000,
        currency="CNY",
        capacity=100,
        available=available,
        per_card_limit=None,
    )


def _event(*available: int, status: Any = "open", methods: tuple[str, ...] = ("desk",)) -> schemas.Event:
    return schemas.Event(
        id="ev",
        title="五元看大片",
        description="",
        venue="",
        organisation="district",
        organisation_name="",
        starts_at=AT,
        status=status,
        opens_at=AT,
        closes_at=AT,
        per_card_limit=None,
        allowance_group="ev",
        eligible_organisations=None,
        hold_seconds=300,
        payment_methods=list(methods),
        cancellable_until=None,
        collect_until=None,
        uncollected="keep",
        pickup="",
        notice="",
        kind=None,
        quotas=[_quota(number, count) for number, count in enumerate(available, start=1)],
    )


def _allowance(scope: Any, limit: int, held: int = 0, bought: int = 0, **where: str) -> schemas.Allowance:
    return schemas.Allowance("ev", scope, limit, held, bought, **where)


def _most(event: schemas.Event, *allowances: schemas.Allowance) -> list[int]:
    offered = plan(event, Own(True, allowances, None), {})
    return [choice.most for choice in offered.choices.values()]


@pytest.mark.parametrize(
    ("allowances", "expected"),
    [
        ((), [CHOICE_MAX, 2, 0]),
        ((_allowance("event", 3),), [3, 2, 0]),
        ((_allowance("event", 3, held=1, bought=1),), [1, 1, 0]),
        ((_allowance("event", 3, bought=3),), [0, 0, 0]),
        ((_allowance("event", 3, bought=5),), [0, 0, 0]),  # a limit lowered since
        ((_allowance("quota", 1, quota_id="ev-2"),), [CHOICE_MAX, 1, 0]),
        ((_allowance("group", 2, bought=1), _allowance("event", 9)), [1, 1, 0]),
    ],
)
def test_the_tightest_limit_counts(allowances: tuple[schemas.Allowance, ...], expected: list[int]) -> None:
    assert _most(_event(50, 2, 0), *allowances) == expected


def test_a_choice_survives_a_refusal_within_what_is_left() -> None:
    event = _event(50, 2)
    offered = plan(event, Own(True, (), None), {"ev-1": 4, "ev-2": 4})
    assert [choice.chosen for choice in offered.choices.values()] == [4, 2]


def test_a_single_quota_begins_at_one() -> None:
    event = _event(50)
    assert plan(event, Own(True, (), None), {}).choices["ev-1"].chosen == 1


@pytest.mark.parametrize(
    ("status", "own", "can_book"),
    [
        ("open", Own(True, (), None), True),
        ("open", Own(False, (), None), False),
        ("open", STRANGER, False),
        ("paused", Own(True, (), None), False),
        ("scheduled", Own(True, (), None), False),
        ("sold_out", Own(True, (), None), False),
    ],
)
def test_who_may_book_when(status: str, own: Own, can_book: bool) -> None:
    event = _event(50, status=status)
    assert plan(event, own, {}).can_book is can_book


def _hold(amount: int) -> schemas.Hold:
    return schemas.Hold("ev.x", "ev", "held", [], amount, "CNY", AT, AT)


@pytest.mark.parametrize(
    ("offered", "amount", "expected"),
    [
        (("desk",), 500, ["desk"]),
        (("free", "desk"), 500, ["desk"]),
        (("free", "desk"), 0, ["free"]),
        (("free",), 0, ["free"]),
        (("elsewhere", "desk"), 500, ["desk"]),
    ],
)
def test_a_hold_is_confirmed_in_the_ways_that_fit(
    offered: tuple[str, ...], amount: int, expected: list[str]
) -> None:
    assert methods(_event(1, methods=offered), _hold(amount)) == expected
