"""Goal: a member sees where they are signed in, and ends what they do not know; nobody ends a stranger's login.

Method: real logins over both databases, with the revocations that every API process listens to.
"""

import pytest
from msgspec.structs import replace

from tests.support.people import ADDRESS, CARD, OTHER_CARD, OTHER_PIN, PIN, Union
from tests.support.refusals import refusal
from ticketing.database import Sessions
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.services.logins import LoginService
from ticketing.services.tokens import Claims


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


@pytest.fixture
def logins(union: Union) -> LoginService:
    return LoginService(union.sessions, union.revocations, union.clock)


def _sign_in(union: Union, logins: LoginService, device: str, card: str = CARD, pin: str = PIN) -> Claims:
    _, claims = union.accounts.login_member(card, pin, ADDRESS)
    logins.begun(claims, device)
    return claims


def _devices(union: Union, logins: LoginService, claims: Claims) -> list[str]:
    union.revocations.refresh()
    return sorted(login.device for login in logins.of_member(claims))


def test_a_member_sees_their_own_logins_and_ends_one(union: Union, logins: LoginService) -> None:
    phone, tablet = (_sign_in(union, logins, device) for device in ("phone", "tablet"))
    stranger = _sign_in(union, logins, "stranger's", OTHER_CARD, OTHER_PIN)
    assert _devices(union, logins, phone) == ["phone", "tablet"]
    assert refusal(logins.end, phone, stranger.session_id).code is Code.NOT_FOUND
    assert _devices(union, logins, stranger) == ["stranger's"]

    logins.end(phone, tablet.session_id)
    assert _devices(union, logins, phone) == ["phone"]
    assert union.revocations.check(tablet) is Code.UNAUTHENTICATED
    assert union.revocations.check(phone) is None
    assert refusal(logins.end, phone, tablet.session_id).code is Code.NOT_FOUND  # once


def test_all_others_end_also_those_that_no_list_has(union: Union, logins: LoginService) -> None:
    phone = _sign_in(union, logins, "phone")
    _sign_in(union, logins, "tablet")
    _, unlisted = union.accounts.login_member(CARD, PIN, ADDRESS)
    logins.end_others(phone)
    assert _devices(union, logins, phone) == ["phone"]
    assert union.revocations.check(unlisted) is Code.UNAUTHENTICATED


def test_what_ended_otherwise_is_not_listed(union: Union, logins: LoginService) -> None:
    phone, tablet = (_sign_in(union, logins, device) for device in ("phone", "tablet"))
    logins.hand_over()
    union.accounts.logout(tablet)
    assert _devices(union, logins, phone) == ["phone"]
    past = replace(tablet, session_id="past", issued_at=1, expires_at=2)
    logins.begun(past, "past")
    assert _devices(union, logins, phone) == ["phone"]


def test_this_login_is_always_there(union: Union, logins: LoginService) -> None:
    _, claims = union.accounts.login_member(CARD, PIN, ADDRESS)
    assert [login.id for login in logins.of_member(claims)] == [claims.session_id]


def test_nothing_is_lost_when_it_cannot_be_written(union: Union, logins: LoginService) -> None:
    phone = _sign_in(union, logins, "phone")
    sessions = logins._sessions
    logins._sessions = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        logins.hand_over()
    logins._sessions = sessions
    logins.begun(phone, "phone")  # and twice is once
    logins.hand_over()
    logins.begun(phone, "phone")
    assert _devices(union, logins, phone) == ["phone"]


def test_a_language_is_kept_for_the_next_phone(union: Union, logins: LoginService) -> None:
    claims = _sign_in(union, logins, "phone")
    assert logins.language(claims.id) is None
    logins.prefers(claims.id, "en")
    logins.hand_over()
    assert logins.language(claims.id) == "en"
