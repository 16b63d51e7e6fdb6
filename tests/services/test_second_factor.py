"""Goal: a password alone opens no account that has a second factor, and no code opens anything twice.

Method: the service over both databases, with codes as an authenticator makes them and a clock that the test moves; each
guard has a control that takes it away.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import select

from tests.support.passwords import quick_passwords  # noqa: F401 - a fixture of these tests
from tests.support.people import ADDRESS, PASSWORD, Union
from tests.support.refusals import faulty, refusal
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Misconfigured, Refusal
from ticketing.keyring import Keyring
from ticketing.services.second_factor import STEP_MS
from ticketing.services.staff_logins import StaffHelp
from ticketing.services.tokens import Claims
from ticketing.services.vault import Vault
from ticketing.staff import factors as rows
from ticketing.staff.tables import RecoveryCode, SecondFactor


class SteppedClock(ServerClock):
    """A clock that moves when it is told to."""

    at = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.at


class Door:
    """An account with an authenticator, and the ways in."""

    def __init__(self, sessions: Sessions, keyring: Keyring, **settings: str) -> None:
        self.union = Union(sessions, keyring, None, **settings)
        self.clock = SteppedClock()
        self.union.clock = self.union.accounts._clock = self.union.accounts.factors._clock = self.clock
        self.factors = self.union.accounts.factors
        self.union.staff.add_staff("wang", "clerk", "east", PASSWORD)

    def enter(self, code: str | None = None) -> Claims:
        return self.union.accounts.login_staff("wang", PASSWORD, ADDRESS, code)[1]

    def enrol(self) -> tuple[pyotp.TOTP, list[str], Claims]:
        """An authenticator, the recovery codes, and the session that set it up."""
        claims = self.enter()
        totp = pyotp.TOTP(self.factors.begin(claims, PASSWORD).secret)
        codes = self.factors.confirm(claims, self.code(totp))
        self.clock.at += STEP_MS
        return totp, codes, claims

    def code(self, totp: pyotp.TOTP, steps: int = 0) -> str:
        return totp.generate_otp(self.clock.at // STEP_MS + steps)


@pytest.fixture
def door(sessions: Sessions, keyring: Keyring) -> Door:
    return Door(sessions, keyring)


def outcome(act: Callable[..., object], *arguments: object) -> str:
    try:
        act(*arguments)
    except Refusal as refused:
        return refused.code
    return "in"


def test_it_counts_once_a_code_confirmed_it(door: Door) -> None:
    claims = door.enter()
    totp = pyotp.TOTP(door.factors.begin(claims, PASSWORD).secret)
    assert outcome(door.enter) == "in"
    other = door.enter()
    assert faulty(door.factors.confirm, claims, door.code(totp, 5)) == ["code"]
    pending = door.factors.pending(claims)
    assert pending is not None
    assert pending.secret == totp.secret
    door.factors.confirm(claims, door.code(totp))
    assert outcome(door.enter) == Code.SECOND_FACTOR_NEEDED
    assert (door.union.verdict(claims), door.union.verdict(other)) == (None, Code.UNAUTHENTICATED)
    assert faulty(door.factors.begin, claims, PASSWORD) == ["second_factor"]
    assert door.factors.pending(claims) is None
    assert door.union.acts()[-1] == "staff.enrol_second_factor"


def test_only_the_password_begins_and_only_both_end_it(door: Door) -> None:
    claims = door.enter()
    assert refusal(door.factors.begin, claims, "not the password").code is Code.BAD_CREDENTIALS
    totp, _, claims = door.enrol()
    assert outcome(door.factors.turn_off, claims, "not it", door.code(totp), ADDRESS) == Code.BAD_CREDENTIALS
    assert outcome(door.factors.turn_off, claims, PASSWORD, "000000", ADDRESS) == Code.BAD_CREDENTIALS
    door.factors.turn_off(claims, PASSWORD, door.code(totp), ADDRESS)
    assert door.union.verdict(claims) is Code.UNAUTHENTICATED
    assert outcome(door.enter) == "in"


def test_a_clock_may_be_one_step_off_and_no_more(door: Door) -> None:
    totp, _, _ = door.enrol()
    door.clock.at += 10 * STEP_MS
    assert outcome(door.enter, door.code(totp, -2)) == Code.BAD_CREDENTIALS
    assert outcome(door.enter, door.code(totp, 2)) == Code.BAD_CREDENTIALS
    assert outcome(door.enter, door.code(totp, -1)) == "in"
    assert outcome(door.enter, door.code(totp, 1)) == "in"


def test_a_code_opens_once(door: Door) -> None:
    totp, _, _ = door.enrol()
    assert outcome(door.enter, door.code(totp)) == "in"
    assert outcome(door.enter, door.code(totp)) == Code.BAD_CREDENTIALS
    assert outcome(door.enter, door.code(totp, -1)) == Code.BAD_CREDENTIALS  # nor one before it
    assert _in_at_once(door, door.code(totp, 1)) == 1


def test_control_without_the_memory_of_steps_a_code_opens_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    totp, _, _ = door.enrol()
    monkeypatch.setattr(rows, "take_step", lambda session, staff_id, step: True)
    assert [outcome(door.enter, door.code(totp)) for _ in range(2)] == ["in", "in"]


def test_a_recovery_code_opens_once_however_it_is_typed(door: Door) -> None:
    _, codes, claims = door.enrol()
    assert len(set(codes)) == 10
    assert outcome(door.enter, f" {codes[0].lower().replace('-', ' ')}") == "in"
    assert outcome(door.enter, codes[0]) == Code.BAD_CREDENTIALS
    assert _in_at_once(door, codes[1]) == 1
    assert door.factors.state(claims).recovery_codes_left == 8
    assert outcome(door.enter, "0000-0000-0000") == Code.BAD_CREDENTIALS


def _in_at_once(door: Door, code: str) -> int:
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda _: outcome(door.enter, code), range(4))).count("in")


def test_guessing_codes_is_limited_whatever_the_password_does(door: Door) -> None:
    """A right password in between must not give the guesser five codes more."""
    totp, _, _ = door.enrol()
    codes = [outcome(door.enter, f"{guess:06}") for guess in range(6)]
    assert codes == [Code.BAD_CREDENTIALS] * 5 + [Code.RATE_LIMITED]
    assert outcome(door.enter) == Code.SECOND_FACTOR_NEEDED
    assert outcome(door.enter, door.code(totp)) == Code.RATE_LIMITED


def test_nothing_of_it_is_kept_in_clear(door: Door, keyring: Keyring) -> None:
    totp, codes, claims = door.enrol()
    with reading(door.union.sessions) as session:
        known = session.scalars(select(SecondFactor)).one()
        digests = session.scalars(select(RecoveryCode.digest)).all()
    assert totp.secret.encode() not in known.sealed_secret
    assert not any(code.encode() in digest for code in codes for digest in digests)
    purpose = f"second factor of staff {claims.id}"
    assert Vault(keyring.vault).open(purpose, known.sealed_secret) == totp.secret.encode()
    for vault, what in ((keyring.vault, "second factor of staff 99"), (bytes(32), purpose)):
        with pytest.raises(Misconfigured, match="TICKETING_SECRET_KEY"):
            Vault(vault).open(what, known.sealed_secret)


def test_the_page_asks_after_the_password(door: Door) -> None:
    accounts = door.union.accounts
    assert accounts.login_staff_first_step("wang", PASSWORD, ADDRESS)[1] is None
    totp, _, _ = door.enrol()
    _, step = accounts.login_staff_first_step("wang", PASSWORD, ADDRESS)
    assert step is not None
    assert door.union.signer.verify(step, door.clock.at) is None  # it is no session
    assert outcome(accounts.login_staff_second_step, step, "000000", ADDRESS) == Code.BAD_CREDENTIALS
    claims = accounts.login_staff_second_step(step, door.code(totp), ADDRESS)
    assert (claims.idle_at, claims.must_enrol) == (claims.expires_at, False)
    door.clock.at += 5 * 60_000
    assert outcome(accounts.login_staff_second_step, step, door.code(totp), ADDRESS) == Code.UNAUTHENTICATED
    session = accounts.sign(claims)
    assert (
        outcome(accounts.login_staff_second_step, session, door.code(totp), ADDRESS) == Code.UNAUTHENTICATED
    )


def test_where_it_is_required_who_has_none_must_enrol(sessions: Sessions, keyring: Keyring) -> None:
    door = Door(sessions, keyring, staff_second_factor="required")
    assert door.enter().must_enrol
    totp, _, claims = door.enrol()
    assert claims.must_enrol
    assert not door.enter(door.code(totp)).must_enrol


def test_an_admin_resets_it_within_their_reach(door: Door) -> None:
    union = door.union
    helper = StaffHelp(union.sessions, door.clock, door.factors)
    for claims, code in (
        (union.claims("district.west", "admin"), Code.NOT_FOUND),
        (union.claims("district", "manager"), Code.FORBIDDEN),
    ):
        assert outcome(helper.reset_second_factor, claims, "wang") == code
        assert outcome(helper.end_sessions, claims, "wang") == code
    _, _, session = door.enrol()
    assert helper.reset_second_factor(union.claims("district", "admin"), "wang")
    assert union.verdict(session) is Code.UNAUTHENTICATED
    again = door.enter()
    assert not helper.reset_second_factor(None, "wang")
    assert union.verdict(again) is Code.UNAUTHENTICATED
    assert faulty(helper.reset_second_factor, None, "nobody") == ["username"]
    assert union.acts()[-2:] == ["staff.reset_second_factor"] * 2
    last = door.enter()
    helper.end_sessions(union.claims("district.east", "admin"), "wang")
    assert union.verdict(last) is Code.UNAUTHENTICATED
