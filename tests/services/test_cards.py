"""What staff do with a card: block it, replace it, give it a one-time PIN.

Goal: only for members of their own organisation or below, with a reason and a row in the trail; allowances follow
the member. Method: the service over both databases, and what members and sessions see afterwards.
"""

from collections.abc import Callable
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.people import CARD, OTHER_CARD, OTHER_PIN, PIN, Union
from tests.support.refusals import faulty, refusal
from ticketing.database import Sessions
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.members.tables import ACTIVE, BLOCKED, LATE_COMMIT_MS, REPLACED
from ticketing.services import trail
from ticketing.services.tokens import Claims

NEW_CARD = "0062220009"
Act = Callable[[Union, Claims, str, str], object]
ACTS: dict[str, Act] = {
    "block": lambda union, staff, card, reason: union.cards.block(staff, card, reason),
    "replace": lambda union, staff, card, reason: union.cards.replace(staff, card, NEW_CARD, reason),
    "reset_pin": lambda union, staff, card, reason: union.cards.reset_pin(staff, card, reason),
}


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


def test_blocking(union: Union) -> None:
    claims = union.sign_in()
    for _ in range(2):  # twice is no error
        union.cards.block(union.claims("district.east"), CARD, "lost")
    assert union.card().status == BLOCKED
    assert union.verdict(claims) is Code.CARD_BLOCKED
    assert union.acts() == ["card.block", "card.block"]


def test_replacing_keeps_the_member_and_their_pin(union: Union) -> None:
    """Allowances are counted by the member, so what was used stays used."""
    claims = union.sign_in()
    union.cards.block(union.claims(), CARD, "lost")
    union.cards.replace(union.claims(), CARD, NEW_CARD, "lost")
    old, new = union.card(CARD), union.card(NEW_CARD)
    assert (old.status, new.status, new.member_id) == (REPLACED, ACTIVE, old.member_id)
    assert new.pin_salt == old.pin_salt
    assert union.verdict(claims) is Code.UNAUTHENTICATED  # the old card opened it
    fresh = union.sign_in(NEW_CARD, PIN)
    assert fresh.id == claims.id
    assert union.verdict(fresh) is None  # and the block went with the old card


def test_a_new_number_must_be_new(union: Union) -> None:
    for number in (OTHER_CARD, CARD, "12"):
        assert faulty(union.cards.replace, union.claims(), CARD, number, "lost") == ["new_card_number"]
    assert union.card().status == ACTIVE


@pytest.mark.parametrize("margin_ms", [LATE_COMMIT_MS, 0])
def test_a_login_just_before_the_commit_ends_too(
    union: Union, monkeypatch: pytest.MonkeyPatch, margin_ms: int
) -> None:
    """The old PIN still opens a session while the new one is being written; without the margin it stays."""
    monkeypatch.setattr("ticketing.members.repository.LATE_COMMIT_MS", margin_ms)
    early: list[Claims] = []
    record = trail.record

    def slowly(*arguments: Any) -> None:
        sleep(0.005)
        early.append(union.sign_in())
        record(*arguments)

    monkeypatch.setattr(trail, "record", slowly)
    pin = union.cards.reset_pin(union.claims(), CARD, "forgotten")
    assert union.verdict(early[0]) is (Code.UNAUTHENTICATED if margin_ms else None)
    assert union.verdict(union.sign_in(CARD, pin)) is None


def test_a_one_time_pin_must_be_changed(union: Union) -> None:
    claims = union.sign_in()
    pin = union.cards.reset_pin(union.claims(), CARD, "forgotten")
    assert union.verdict(claims) is Code.UNAUTHENTICATED
    assert refusal(union.sign_in, CARD, PIN).code is Code.BAD_CREDENTIALS
    fresh = union.sign_in(CARD, pin)
    assert fresh.pin_must_change
    union.accounts.change_pin(fresh, pin, "97531")
    assert not union.sign_in(CARD, "97531").pin_must_change


@pytest.mark.parametrize(("name", "may"), [("reset_pin", True), ("block", False), ("replace", False)])
def test_a_clerk_gives_a_pin_and_does_nothing_else(union: Union, name: str, may: bool) -> None:
    act, clerk = ACTS[name], union.claims("district.east", "clerk")
    if may:
        act(union, clerk, CARD, "forgotten")
    else:
        assert refusal(act, union, clerk, CARD, "a reason").code is Code.FORBIDDEN
    assert union.acts() == (["card.reset_pin"] if may else [])


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
class TestEveryAct:
    """What holds for each of them."""

    @pytest.mark.parametrize(("path", "role"), [("district.east", "manager"), ("district", "admin")])
    def test_who_may(self, union: Union, act: Act, path: str, role: str) -> None:
        act(union, union.claims(path, role), CARD, "a reason")
        assert len(union.acts()) == 1

    def test_who_may_not(self, union: Union, act: Act) -> None:
        for path, role, code in (
            ("district.west", "manager", Code.NOT_FOUND),
            ("district.west", "admin", Code.NOT_FOUND),
            ("district.east.mill", "manager", Code.NOT_FOUND),
            ("district.west", "clerk", Code.NOT_FOUND if act is ACTS["reset_pin"] else Code.FORBIDDEN),
            ("district", "auditor", Code.FORBIDDEN),
        ):
            assert refusal(act, union, union.claims(path, role), CARD, "a reason").code is code
        assert refusal(act, union, union.sign_in(), CARD, "a reason").code is Code.FORBIDDEN
        assert union.acts() == []

    def test_what_is_refused(self, union: Union, act: Act) -> None:
        for reason in ("", "  ", "x" * 501):
            assert faulty(act, union, union.claims(), CARD, reason) == ["reason"]
        for card in ("0062229999", "not a number"):
            assert refusal(act, union, union.claims(), card, "a reason").code is Code.NOT_FOUND
        union.cards.replace(union.claims(), CARD, "0062220008", "worn out")
        assert refusal(act, union, union.claims(), CARD, "a reason").code is Code.NOT_FOUND

    def test_others_are_left_alone(self, union: Union, act: Act) -> None:
        other = union.sign_in(OTHER_CARD, OTHER_PIN)
        act(union, union.claims(), CARD, "a reason")
        assert union.verdict(other) is None

    def test_when_it_cannot_be_recorded_it_did_not_happen(self, union: Union, act: Act) -> None:
        with union.sessions.begin() as session:
            session.execute(text("ALTER TABLE audit_trail RENAME TO audit_trail_away"))
        with pytest.raises(Exception, match="audit_trail"):
            act(union, union.claims(), CARD, "a reason")
        assert union.sign_in().id == union.member
