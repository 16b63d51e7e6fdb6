"""Goal: staff set up a second factor, sign in with it and see and end their logins, over the API and on the pages.

Method: a whole API process over both databases; codes are those of an authenticator that read the QR code.
"""

import re
from typing import Any

import httpx2
import pyotp
import pytest

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House
from tests.support.passwords import quick_passwords  # noqa: F401 - a fixture of these tests
from ticketing.settings import Settings

SESSIONS = "/api/v1/staff/sessions"
FACTOR = "/api/v1/staff/second-factor"
ACCOUNTS = "/api/v1/staff/accounts"
PASSWORD = "correct horse battery"
PHONE = {"user-agent": "Mozilla/5.0 (Linux; Android 10) Chrome/120"}


async def sign_in(house: House, **more: Any) -> httpx2.Response:
    wish = {"username": "clara", "password": PASSWORD} | more
    return await house.client.post(SESSIONS, json=wish, headers=PHONE)


def bearer(answer: httpx2.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def enrol(house: House, session: dict[str, str]) -> tuple[pyotp.TOTP, Any]:
    """An authenticator and what its confirmation answered."""
    made = await house.client.post(FACTOR, headers=session, json={"password": PASSWORD})
    assert made.status_code == 201, made.text
    totp = pyotp.parse_uri(made.json()["uri"])
    assert isinstance(totp, pyotp.TOTP)
    assert totp.secret == made.json()["secret"]
    code = totp.at(house.services.clock.now_ms() // 1000 - 30)
    confirmed = await house.client.post(f"{FACTOR}/confirm", headers=session, json={"code": code})
    assert confirmed.status_code == 200, confirmed.text
    return totp, confirmed.json()


def now(house: House, totp: pyotp.TOTP, seconds: int = 0) -> str:
    return totp.at(house.services.clock.now_ms() // 1000 + seconds)


async def test_a_sign_in_over_the_api_needs_the_code(house: House) -> None:
    house.services.staff.add_staff("clara", "clerk", "east", PASSWORD)
    first = await sign_in(house)
    assert (first.status_code, first.json()["must_enrol"]) == (201, False)
    totp, told = await enrol(house, bearer(first))
    assert len(told["recovery_codes"]) == 10
    without = await sign_in(house)
    assert (without.status_code, without.json()["code"]) == (401, "second_factor_needed")
    assert (await sign_in(house, password="wrong")).json()["code"] == "bad_credentials"
    assert (await sign_in(house, code="123")).json()["code"] == "bad_credentials"
    second = await sign_in(house, code=now(house, totp))
    assert second.status_code == 201
    assert (await sign_in(house, code=now(house, totp))).json()["code"] == "bad_credentials"
    state = (await house.client.get(FACTOR, headers=bearer(second))).json()
    assert (state["recovery_codes_left"], state["required"]) == (10, False)
    removal = {"password": PASSWORD, "code": told["recovery_codes"][0]}
    gone = await house.client.post(f"{FACTOR}/remove", headers=bearer(second), json=removal)
    assert gone.status_code == 204
    assert (await sign_in(house)).status_code == 201


@pytest.fixture
def strict(settings: Settings) -> Settings:
    return settings.model_copy(update={"staff_second_factor": "required"})


async def test_where_it_is_required_nothing_else_comes_first(strict: Settings) -> None:
    async with House.open(strict) as house:
        house.services.staff.add_staff("clara", "manager", "east", PASSWORD)
        first = await sign_in(house)
        assert first.json()["must_enrol"]
        for method, path in (
            ("GET", "/api/v1/staff/events"),
            ("POST", "/api/v1/staff/events"),
            ("GET", SESSIONS),
        ):
            answer = await house.client.request(method, path, headers=bearer(first), json={"title": "x"})
            assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_needed"), path
        cookie = {"cookie": f"staff_session={first.json()['token']}"}
        for path in ("/staff/events", "/desk", "/staff/look"):
            page = await house.client.get(path, headers=cookie)
            assert (page.status_code, page.headers["location"]) == (303, "/staff/account"), path
        assert "Set yours up" in (await house.client.get("/staff/account", headers=cookie | ENGLISH)).text
        _, told = await enrol(house, bearer(first))
        session = {"authorization": f"Bearer {told['session']['token']}"}
        assert (await house.client.get("/api/v1/staff/events", headers=session)).status_code == 200
        still = await house.client.get("/api/v1/staff/events", headers=bearer(first))
        assert still.status_code == 401  # the token from before stays what it was


async def test_logins_are_seen_and_ended(house: House) -> None:
    for name in ("clara", "david"):
        house.services.staff.add_staff(name, "clerk", "east", PASSWORD)
    mine, other, third = [bearer(await sign_in(house)) for _ in range(3)]
    stranger = bearer(await sign_in(house, username="david"))
    listed = (await house.client.get(SESSIONS, headers=mine)).json()["sessions"]
    assert [(row["device"], row["address"]) for row in listed] == [("Android · Chrome", "203.0.113.9")] * 3
    [here] = [row["id"] for row in listed if row["current"]]
    [of_stranger] = (await house.client.get(SESSIONS, headers=stranger)).json()["sessions"]
    for login_id, status in ((of_stranger["id"], 404), (here, 204)):
        ended = await house.client.delete(f"{SESSIONS}/{login_id}", headers=other)
        assert ended.status_code == status
    assert await statuses(house, mine, other, stranger) == [401, 200, 200]
    assert (await house.client.delete("/api/v1/staff/other-sessions", headers=other)).status_code == 204
    assert await statuses(house, third, other, stranger) == [401, 200, 200]


async def statuses(house: House, *sessions: dict[str, str]) -> list[int]:
    """What each session gets a moment later."""
    house.services.revocations.refresh()
    return [(await house.client.get(SESSIONS, headers=each)).status_code for each in sessions]


async def test_an_admin_ends_sessions_and_resets_within_reach(house: House) -> None:
    house.services.staff.add_staff("clara", "clerk", "east", PASSWORD)
    clara = bearer(await sign_in(house))
    for role, path, status in (
        ("manager", "district", 403),
        ("admin", "district.west", 404),
        ("admin", "district.east", 204),
    ):
        admin = house.staff(role, path)
        ended = await house.client.post(f"{ACCOUNTS}/clara/end-sessions", headers=admin)
        reset = await house.client.post(f"{ACCOUNTS}/clara/reset-second-factor", headers=admin)
        unlinked = await house.client.post(f"{ACCOUNTS}/clara/unlink-provider", headers=admin)
        assert [answer.status_code for answer in (ended, reset, unlinked)] == [status] * 3
        assert await statuses(house, clara) == [401 if status == 204 else 200]


async def test_the_pages_lead_through_all_of_it(house: House) -> None:
    """Without JavaScript: the password, the QR code, a mistyped code, the recovery codes, the next sign-in."""
    house.services.staff.add_staff("clara", "clerk", "east", PASSWORD)
    post = _Forms(house)
    entered = await post("/staff/login", username="clara", password=PASSWORD, next="/desk/till")
    assert entered.headers["location"] == "/desk/till"
    assert "An unknown device" in (await post.get("/staff/account")).text
    assert (await post("/staff/account/second-factor", password="wrong")).status_code == 401
    shown = await post("/staff/account/second-factor", password=PASSWORD)
    assert 'src="data:image/svg+xml' in shown.text
    [secret] = re.findall(r'class="code secret">([A-Z2-7 ]+)<', shown.text)
    totp = pyotp.TOTP(secret.replace(" ", ""))
    mistyped = await post("/staff/account/second-factor/confirm", code="12345")
    assert (mistyped.status_code, secret in mistyped.text) == (401, True)
    done = await post("/staff/account/second-factor/confirm", code=now(house, totp, -30))
    codes = re.findall(r'<li class="code">([0-9A-Z-]{14})</li>', done.text)
    assert len(codes) == 10
    assert codes[0] not in (await post.get("/staff/account")).text

    house.client.cookies.clear()
    asked = await post("/staff/login", username="clara", password=PASSWORD, next="/desk/till")
    assert (asked.status_code, "set-cookie" in asked.headers) == (200, False)
    [step] = re.findall(r'name="step" value="([^"]+)"', asked.text)
    wrong = await post("/staff/login/code", step=step, code="000000", next="/desk/till")
    assert (wrong.status_code, step in wrong.text) == (401, True)
    inside = await post("/staff/login/code", step=step, code=now(house, totp), next="/desk/till")
    assert inside.headers["location"] == "/desk/till"
    forged = await post("/staff/login/code", step=f"{step}x", code=now(house, totp, 30), next="")
    assert forged.status_code == 401
    others = await post("/staff/account/logins")
    assert others.headers["location"] == "/staff/account?done=login"
    out = await post("/staff/account/second-factor/remove", password=PASSWORD, code=codes[1])
    assert out.headers["location"] == "/staff/login"
    assert (await post.get("/staff/account")).status_code == 303


class _Forms:
    """A browser that keeps cookies and sends forms from our own pages."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, path: str, **fields: str) -> httpx2.Response:
        headers = OWN | ENGLISH | {"content-type": "application/x-www-form-urlencoded"}
        return await self._house.client.post(path, data=fields, headers=headers)

    async def get(self, path: str) -> httpx2.Response:
        self._house.services.revocations.refresh()
        return await self._house.client.get(path, headers=ENGLISH)
