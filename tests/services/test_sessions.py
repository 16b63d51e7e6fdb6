"""Members and staff sign in; whoever guesses learns nothing and is soon told to wait.

Goal: an unknown card, a wrong PIN and a blocked card cannot be told apart by answer, work or time; attempts are
limited per card and per address, never for good; a logout, a new PIN and a block end what they should.
Method: the service over both databases, with the counters in memory, and once in the real Redis.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest
import redis
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from msgspec.structs import replace
from sqlalchemy import event

from tests.support.people import ADDRESS, CARD, OTHER_CARD, OTHER_PIN, PASSWORD, PIN, Union
from tests.support.refusals import faulty, refusal
from ticketing.clock import ServerClock
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.keyring import Keyring
from ticketing.services import passwords, pins
from ticketing.services.sessions import SessionService
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff_repository

MODULE = SessionService.__module__
UNKNOWN_CARD = "0062229999"
ABSENT = [("unknown", UNKNOWN_CARD, PIN), ("wrong PIN", CARD, "000000"), ("blocked", OTHER_CARD, OTHER_PIN)]


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


def code_of(act: Callable[..., object], *arguments: object) -> Code | None:
    try:
        act(*arguments)
    except Refusal as refused:
        return refused.code
    return None


# Members signing in


def test_a_member_signs_in(union: Union) -> None:
    token, claims = union.accounts.login_member(CARD, PIN, ADDRESS)
    assert union.signer.verify(token, union.clock.now_ms()) == claims
    assert (claims.kind, claims.id, claims.name, claims.card_last_four) == (
        "member",
        union.member,
        "王小明",
        "0001",
    )
    assert (claims.organisation_id, claims.organisation_path) == ("east", "district.east")
    assert claims.expires_at - claims.issued_at == union.settings.member_session_minutes * 60_000
    assert union.verdict(claims) is None


def test_a_card_number_may_be_typed_with_spaces(union: Union) -> None:
    for typed in ("0062 2200 01", "00-6222-0001", " 0062220001\n", "００６２２２０００１"):
        assert union.sign_in(typed).id == union.member


def test_leading_zeros_count(union: Union) -> None:
    assert code_of(union.sign_in, CARD.lstrip("0")) is Code.BAD_CREDENTIALS


def test_every_login_is_a_session_of_its_own(union: Union) -> None:
    assert union.sign_in().session_id != union.sign_in().session_id


def test_who_cannot_sign_in_gets_the_same_answer(union: Union) -> None:
    union.cards.block(union.claims(), OTHER_CARD, "lost")
    for case, card, pin in ABSENT:
        refused = refusal(union.accounts.login_member, card, pin, ADDRESS)
        assert (refused.code, refused.facts) == (Code.BAD_CREDENTIALS, {}), case


def test_a_replaced_card_signs_nobody_in(union: Union) -> None:
    union.cards.replace(union.claims(), CARD, "0062220009", "worn out")
    assert code_of(union.sign_in) is Code.BAD_CREDENTIALS
    assert union.sign_in("0062220009").id == union.member


def test_who_cannot_sign_in_costs_the_same_work(union: Union, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statements, the same counters and the same HMACs, in the same order."""
    union.cards.block(union.claims(), OTHER_CARD, "lost")
    work = _watched(union, monkeypatch)
    traces = [work(card, pin) for _, card, pin in ABSENT]
    assert traces[0] == traces[1] == traces[2]
    assert [kind for kind, *_ in traces[0]].count("pin") == 1
    assert work(CARD, PIN) != traces[0]  # the watch sees a difference where there is one


def _watched(union: Union, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[tuple[str, ...]]]:
    """A login that reports what it did."""
    trace: list[tuple[str, ...]] = []
    with union.sessions() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *args: trace.append(("sql", args[2])))
    for name in ("hit", "test", "clear"):
        done = getattr(union.limiter, name)

        def noted(item: Any, kind: str, *rest: str, _name: str = name, _done: Any = done) -> Any:
            trace.append((_name, kind))
            return _done(item, kind, *rest)

        monkeypatch.setattr(union.limiter, name, noted)
    pin_digest = Keyring.pin_digest

    def digest(self: Keyring, salt: bytes, pin: str) -> bytes:
        trace.append(("pin",))
        return pin_digest(self, salt, pin)

    monkeypatch.setattr(Keyring, "pin_digest", digest)

    def login(card: str, pin: str) -> list[tuple[str, ...]]:
        trace.clear()
        code_of(union.accounts.login_member, card, pin, ADDRESS)
        return list(trace)

    return login


# Guessing


@pytest.mark.parametrize("card", [CARD, UNKNOWN_CARD])
def test_guessing_at_a_card_is_soon_refused(union: Union, card: str) -> None:
    codes = [code_of(union.sign_in, card, f"{guess:06}") for guess in range(7)]
    assert codes == [Code.BAD_CREDENTIALS] * 5 + [Code.RATE_LIMITED] * 2
    refused = refusal(union.sign_in, card, PIN)  # even the right one waits
    assert refused.code is Code.RATE_LIMITED
    assert 0 < refused.facts["retry_after_ms"] <= 5 * 60_000


def test_guesses_at_once_are_no_way_around(union: Union) -> None:
    assert _judged_of_many(union) == 5


def test_control_counting_after_judging_lets_a_crowd_in(
    union: Union, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(union.limiter, "hit", union.limiter.test)
    assert _judged_of_many(union) > 5


def _judged_of_many(union: Union) -> int:
    with ThreadPoolExecutor(16) as threads:
        codes = list(threads.map(lambda guess: code_of(union.sign_in, CARD, f"{guess:06}"), range(40)))
    return codes.count(Code.BAD_CREDENTIALS)


def test_no_card_is_locked_for_good(sessions: Sessions, keyring: Keyring) -> None:
    union = Union(sessions, keyring, login_failures_per_card="2 per 1 second")
    for _ in range(6):
        code_of(union.sign_in, CARD, "000000")
    sleep(refusal(union.sign_in).facts["retry_after_ms"] / 1000 + 0.05)
    assert union.sign_in().id == union.member


def test_only_failures_count(union: Union) -> None:
    for _ in range(20):
        union.sign_in()
    codes = [code_of(union.sign_in, CARD, "000000") for _ in range(5)]
    assert codes == [Code.BAD_CREDENTIALS] * 5


def test_an_address_is_limited_by_its_failures(sessions: Sessions, keyring: Keyring) -> None:
    """A whole office signs in from one address; somebody trying many cards from it is stopped, and only there."""
    union = Union(sessions, keyring, login_failures_per_address="3 per 5 minutes")
    for _ in range(10):
        union.sign_in()
    for guess in range(3):
        assert code_of(union.sign_in, f"00622288{guess:02}", "000000") is Code.BAD_CREDENTIALS
    assert code_of(union.sign_in, OTHER_CARD, OTHER_PIN) is Code.RATE_LIMITED
    assert union.accounts.login_member(OTHER_CARD, OTHER_PIN, "198.51.100.1")[1].id == union.other_member


def test_processes_share_counters_that_hold_no_card_number(
    sessions: Sessions, keyring: Keyring, redis_url: str
) -> None:
    client = redis.Redis.from_url(redis_url)
    storage = RedisStorage("redis://", connection_pool=client.connection_pool)
    union = Union(sessions, keyring, storage)
    for _ in range(5):
        assert code_of(union.sign_in, CARD, "000000") is Code.BAD_CREDENTIALS
    assert code_of(_other_process(union).login_member, CARD, PIN, ADDRESS) is Code.RATE_LIMITED
    keys = list(client.scan_iter())
    assert keys != []
    assert not any(CARD.encode() in key for key in keys)
    client.close()


def test_without_counters_nobody_signs_in(sessions: Sessions, keyring: Keyring, redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url("redis://127.0.0.1:1/0")
    union = Union(sessions, keyring, RedisStorage("redis://", connection_pool=pool))
    with pytest.raises(StoreUnavailable) as failed:
        union.sign_in()
    assert failed.value.__cause__ is not None


def _other_process(union: Union, clock: ServerClock | None = None) -> SessionService:
    limiter = FixedWindowRateLimiter(union.limiter.storage)
    return SessionService(
        union.sessions, union.keyring, union.signer, limiter, clock or union.clock, union.settings
    )


# What ends a session


def test_a_logout_ends_this_session_alone(union: Union) -> None:
    mine, other = union.sign_in(), union.sign_in()
    union.accounts.logout(mine)
    assert (union.verdict(mine), union.verdict(other)) == (Code.UNAUTHENTICATED, None)


def test_a_logout_everywhere_ends_them_all_and_a_new_login_starts(union: Union) -> None:
    mine, other = union.sign_in(), union.sign_in()
    union.accounts.logout(mine, everywhere=True)
    assert (union.verdict(mine), union.verdict(other)) == (Code.UNAUTHENTICATED, Code.UNAUTHENTICATED)
    assert union.verdict(union.sign_in()) is None


def test_a_login_in_a_process_whose_clock_lags_is_not_ended_by_what_came_before(union: Union) -> None:
    union.accounts.logout(union.sign_in(), everywhere=True)
    lagging = ServerClock()
    lagging.observe(union.clock.now_ms() - 5_000)
    _, claims = _other_process(union, lagging).login_member(CARD, PIN, ADDRESS)
    assert union.verdict(claims) is None


def test_a_block_stops_buying_and_logging_in(union: Union) -> None:
    claims = union.sign_in()
    union.cards.block(union.claims(), CARD, "lost")
    assert union.verdict(claims) is Code.CARD_BLOCKED
    assert code_of(union.sign_in) is Code.BAD_CREDENTIALS


def test_a_new_pin_ends_the_other_sessions(union: Union) -> None:
    mine, other = union.sign_in(), union.sign_in()
    token, changed = union.accounts.change_pin(mine, PIN, "97531")
    assert union.signer.verify(token, union.clock.now_ms()) == changed
    assert (changed.session_id, changed.expires_at) == (mine.session_id, mine.expires_at)
    assert [union.verdict(claims) for claims in (mine, changed, other)] == [None, None, Code.UNAUTHENTICATED]
    assert code_of(union.sign_in) is Code.BAD_CREDENTIALS
    assert union.sign_in(CARD, "97531").id == union.member
    assert union.acts() == ["card.change_pin"]


def test_pins_that_may_not_be_changed(union: Union) -> None:
    mine, other = union.sign_in(), union.sign_in()
    assert code_of(union.accounts.change_pin, mine, "000000", "97531") is Code.BAD_CREDENTIALS
    for new in (PIN, "123", "abcdef", "1" * 13):
        assert faulty(union.accounts.change_pin, mine, PIN, new) == ["new_pin"]
    assert union.verdict(other) is None
    assert union.sign_in().id == union.member


def test_guessing_the_pin_from_a_stolen_session_is_limited(union: Union) -> None:
    claims = union.sign_in()
    codes = [code_of(union.accounts.change_pin, claims, f"{guess:06}", "97531") for guess in range(6)]
    assert codes == [Code.BAD_CREDENTIALS] * 5 + [Code.RATE_LIMITED]


def test_staff_and_blocked_members_have_no_pin_to_change(union: Union) -> None:
    claims = union.sign_in()
    assert code_of(union.accounts.change_pin, union.claims(), PIN, "97531") is Code.BAD_CREDENTIALS
    union.cards.block(union.claims(), CARD, "lost")
    assert code_of(union.accounts.change_pin, claims, PIN, "97531") is Code.CARD_BLOCKED


def test_a_login_that_overlaps_a_new_pin_does_not_outlive_it(
    union: Union, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old PIN is found right, the PIN changes, and only then is the token signed, if at all."""
    owner = union.sign_in()
    judge = pins.is_right_pin
    changed: list[bool] = []

    def slowly(*arguments: Any) -> bool:
        right = judge(*arguments)
        if not changed:
            changed.append(True)
            sleep(0.002)
            union.accounts.change_pin(owner, PIN, "97531")
        return right

    monkeypatch.setattr(f"{MODULE}.is_right_pin", slowly)
    late: list[Claims] = []
    refused = code_of(lambda: late.append(union.sign_in()))
    assert changed == [True]
    assert refused is Code.BAD_CREDENTIALS or union.verdict(late[0]) is Code.UNAUTHENTICATED


def test_a_browsers_session_ends_when_idle_and_never_outlives_itself(union: Union) -> None:
    claims = union.sign_in()
    now = union.clock.now_ms()
    idle_ms = union.settings.member_idle_minutes * 60_000
    renewed = union.signer.verify(union.accounts.renew(claims), now)
    assert renewed is not None
    assert now + idle_ms <= renewed.idle_at <= now + idle_ms + 5_000
    assert replace(renewed, idle_at=claims.idle_at) == claims
    last = union.signer.verify(union.accounts.renew(replace(claims, expires_at=now + 1_000)), now)
    assert last is not None
    assert last.idle_at == now + 1_000


# Staff


def test_staff_sign_in(union: Union) -> None:
    union.staff.add_staff("Wang.Fang", "clerk", "east", PASSWORD)
    token, claims = union.accounts.login_staff(" wang.fang ", PASSWORD, ADDRESS)
    assert union.signer.verify(token, union.clock.now_ms()) == claims
    assert (claims.kind, claims.name, claims.role) == ("staff", "wang.fang", "clerk")
    assert claims.organisation_path == "district.east"
    assert union.verdict(claims) is None
    union.accounts.logout(claims)
    assert union.verdict(claims) is Code.UNAUTHENTICATED


def test_staff_who_cannot_sign_in_cost_the_same(union: Union, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong password, no such account, disabled account: one argon2id each, and the same answer."""
    for name in ("wang", "gone"):
        union.staff.add_staff(name, "clerk", "east", PASSWORD)
    with union.sessions.begin() as session:
        account = staff_repository.account(session, "gone")
        assert account is not None
        account.disabled = True
    hashes: list[str] = []
    is_password = passwords.is_password

    def noted(password: str, password_hash: str) -> bool:
        hashes.append(password_hash[:31])
        return is_password(password, password_hash)

    monkeypatch.setattr(f"{MODULE}.is_password", noted)
    for name, password in (("wang", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)):
        assert code_of(union.accounts.login_staff, name, password, ADDRESS) is Code.BAD_CREDENTIALS
    assert len(hashes) == 3
    assert len(set(hashes)) == 1  # the same algorithm at the same cost
    assert hashes[0].startswith("$argon2id$")


def test_guessing_at_an_account_is_soon_refused(union: Union) -> None:
    union.staff.add_staff("wang", "clerk", "east", PASSWORD)
    codes = [code_of(union.accounts.login_staff, "wang", f"wrong {guess}", ADDRESS) for guess in range(6)]
    assert codes == [Code.BAD_CREDENTIALS] * 5 + [Code.RATE_LIMITED]
    assert code_of(union.accounts.login_staff, "wang", PASSWORD, ADDRESS) is Code.RATE_LIMITED
    assert code_of(union.accounts.login_staff, "li", PASSWORD, ADDRESS) is Code.BAD_CREDENTIALS
