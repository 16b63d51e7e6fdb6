"""Goal: staff sign in by a provider of their own (OpenID Connect), and nobody gets in by it whom it does not prove.

Method: a whole API process and a real provider on a port of its own, which lies in one thing at a time. Each
refusal has its control in the same test: the same way, honest, leads in.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from structlog.testing import capture_logs

from tests.api.pages.test_pages import says
from tests.support.house import House
from tests.support.passwords import quick_passwords  # noqa: F401 - a fixture of these tests
from tests.support.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    by_another,
    by_nobody,
    by_public_key,
    by_rs256,
    running_provider,
)
from tests.support.sign_on import BACK, ENGLISH, LEAVE, LINK, OWN, PASSWORD, Door, opened
from ticketing.bootstrap import patient_of
from ticketing.members import repository as members
from ticketing.services.doctor import Doctor
from ticketing.services.open_id import KEPT_MS, PAUSE_MS
from ticketing.services.single_sign_on import WAY_MINUTES
from ticketing.settings import Settings

LOST, NOT_PROVEN = "Begin it once more", "could not be verified"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.back = f"http://test{BACK}"
        yield running


async def test_staff_link_their_account_and_sign_in(settings: Settings, provider: Provider) -> None:
    """Unlinked, linked, in, with the second factor, and unlinked again, on both databases."""
    async with opened(settings, provider) as door:
        assert "Sign in with Union ID" in (await door.get("/staff/login?next=/desk/till")).text
        says(await door.enter(), 401, "no account here is linked")
        linked = await door.link()
        assert linked.headers["location"] == "/staff/account?done=linked"
        entered = await door.enter("/desk/till?x=1")
        assert entered.headers["location"] == "/desk/till?x=1"
        page = await door.get("/staff/account?done=linked")
        assert "Your account is linked" in page.text
        assert "Linked since" in page.text
        assert page.text.count("An unknown device") == 2  # the login that linked, and this one
        totp = await enrol(door)
        door.forget()
        asked = await door.enter("/desk/till")
        assert (asked.status_code, "staff_session" in asked.headers.get("set-cookie", "")) == (200, False)
        step = asked.text.split('name="step" value="')[1].split('"')[0]
        inside = await door.post("/staff/login/code", step=step, code=now(door, totp), next="/desk/till")
        assert inside.headers["location"] == "/desk/till"
        assert (await door.post(f"{LINK}/remove", password="wrong")).status_code == 401
        gone = await door.post(f"{LINK}/remove", password=PASSWORD)
        assert gone.headers["location"] == "/staff/account?done=unlinked"
        door.forget()
        says(await door.enter(), 401, "no account here is linked")


async def enrol(door: Door) -> pyotp.TOTP:
    shown = await door.post("/staff/account/second-factor", password=PASSWORD)
    totp = pyotp.TOTP(shown.text.split('class="code secret">')[1].split("<")[0].replace(" ", ""))
    done = await door.post("/staff/account/second-factor/confirm", code=now(door, totp, -30))
    assert done.status_code == 200
    return totp


def now(door: Door, totp: pyotp.TOTP, seconds: int = 0) -> str:
    return totp.at(door.house.services.clock.now_ms() // 1000 + seconds)


async def test_an_id_token_that_is_wrong_in_one_thing_opens_nothing(
    quick_settings: Settings, provider: Provider
) -> None:
    lies: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"exp": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ]
    async with opened(quick_settings, provider) as door:
        await door.link()
        for changes in lies:
            provider.changes = changes
            says(await door.enter(), 401, NOT_PROVEN)
        provider.changes = {}
        door.provider.now = lambda: int(time.time()) - 600
        says(await door.enter(), 401, NOT_PROVEN)  # expired
        door.provider.now = lambda: int(time.time())
        for sign in (by_nobody, by_public_key, by_another):
            provider.sign = sign
            says(await door.enter(), 401, NOT_PROVEN)
            assert (await door.get("/staff/account")).status_code == 303
        provider.sign = by_rs256
        await door.leads_in()
        provider.changes = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
        await door.leads_in()


async def test_only_the_browser_that_left_comes_back_and_once(
    quick_settings: Settings, provider: Provider
) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        back = await door.leave()
        cookie = door.house.client.cookies["staff_way"]
        state = parse_qs(urlsplit(back).query)["state"][0]
        says(await door.get(back.replace(state, state[::-1])), 401, LOST)
        other = await door.leave()  # another browser, with the code that it took from the first: PKCE
        code = parse_qs(urlsplit(back).query)["code"][0]
        says(await door.get(other.replace(other.split("code=")[1], code)), 401, LOST)
        back = await door.leave()
        cookie = door.house.client.cookies["staff_way"]
        says(await door.get(back.replace("state=", "state=x")), 401, LOST)
        assert "staff_way" not in door.house.client.cookies  # who came back wrongly begins anew
        for kept in ("", "x", cookie[:-4], cookie[::-1], "%00"):
            said = ENGLISH | {"cookie": f"staff_way={kept}"}
            says(await door.house.client.get(back, headers=said), 401, LOST)
        with_it = ENGLISH | {"cookie": f"staff_way={cookie}"}
        entered = await door.house.client.get(back, headers=with_it)
        assert entered.headers["location"] == "/desk"
        door.forget()
        again = await door.house.client.get(back, headers=with_it)
        says(again, 401, LOST)  # the provider takes a code once
        back = await door.leave()
        door.later(WAY_MINUTES * 60_000)
        says(await door.get(back), 401, LOST)
        await door.leads_in()


async def test_a_new_key_of_the_provider_is_fetched_once(
    quick_settings: Settings, provider: Provider
) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        await door.leads_in()
        assert provider.asked.count("/keys") == 1
        provider.rotate()
        await door.leads_in()
        await door.leads_in()
        assert provider.asked.count("/keys") == 2
        door.later(KEPT_MS)
        await door.leads_in()
        assert provider.asked.count("/keys") == 3


async def test_who_may_work_here_is_ours_to_say(
    quick_settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disabled accounts stay out, also when they are disabled this very moment; an unlinked one as well."""
    async with opened(quick_settings, provider) as door:
        services = door.house.services
        await door.link()
        services.staff.disable("clara")
        says(await door.enter(), 401, "Your account here is disabled")
        services.staff.enable("clara")
        await door.leads_in()
        ended_before = members.sessions_ended_before
        for act in (services.staff.disable, lambda name: services.staff_help.unlink_provider(None, name)):

            def meanwhile(*asked: Any, act: Any = act) -> int:
                monkeypatch.setattr(members, "sessions_ended_before", ended_before)
                act("clara")
                return ended_before(*asked)

            back = await door.leave()
            monkeypatch.setattr(members, "sessions_ended_before", meanwhile)
            assert (await door.get(back)).status_code == 401
            services.staff.enable("clara")
        says(await door.enter(), 401, "no account here is linked")


async def test_only_who_is_signed_in_with_the_password_links(
    quick_settings: Settings, provider: Provider
) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        says(await door.link("david"), 401, "Another account is linked")
        await door.sign_in("david")
        assert (await door.post(LINK, password="wrong")).status_code == 401
        foreign = await door.house.client.post(LINK, data={"password": PASSWORD}, headers=ENGLISH)
        says(foreign, 403, "did not come from our own page")
        provider.subject = "subject-2"
        shown = await door.post(LINK, password=PASSWORD)
        url = shown.text.split('<a href="' + provider.issuer)[1].split('"')[0].replace("&amp;", "&")
        await door.sign_in("clara")
        says(await door.get(provider.agree(provider.issuer + url)), 401, "who began to link")
        door.forget()
        says(await door.enter(), 401, "no account here is linked")
        assert (await door.link("david")).headers["location"] == "/staff/account?done=linked"
        await door.leads_in()


async def test_an_admin_takes_a_link_away(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        await door.enter()
        admin = door.house.staff("admin") | ENGLISH
        page = "/staff/accounts/clara"
        assert "Unlink from Union ID" in (await door.house.client.get(page, headers=admin)).text
        done = await door.house.client.post(f"{page}/unlink-provider", headers=admin | OWN)
        assert done.headers["location"] == f"{page}?done=account-unlink-provider"
        door.house.services.revocations.refresh()
        assert (await door.get("/staff/account")).status_code == 303  # signed out
        says(await door.enter(), 401, "no account here is linked")


async def test_a_provider_that_fails_is_said_and_the_password_still_opens(
    quick_settings: Settings, provider: Provider
) -> None:
    async with opened(quick_settings, provider) as door:
        for wrong in (
            {"issuer": "https://another.example"},
            {"token_endpoint": "http://192.0.2.1/token"},
            {"jwks_uri": "file:///etc/passwd"},
        ):
            provider.describes = wrong
            says(await door.get(LEAVE), 503, "Union ID does not answer")
            door.later(PAUSE_MS)
        provider.describes = {}
        await door.link()
        back = await door.leave()
        provider.is_down = True
        says(await door.get(back), 503, "Union ID does not answer")
        door.later(KEPT_MS)
        says(await door.get(LEAVE), 503, "Union ID does not answer")
        asked = len(provider.asked)
        says(await door.get(LEAVE), 503, "Union ID does not answer")
        assert len(provider.asked) == asked  # nobody waits for it again at once
        await door.sign_in()
        provider.is_down = False
        door.later(PAUSE_MS)
        await door.leads_in()


async def test_who_does_not_agree_is_not_in(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        provider.denies = True
        says(await door.enter(), 401, "did not let you in")
        provider.denies = False
        await door.leads_in()


async def test_nobody_is_sent_elsewhere(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider) as door:
        await door.link()
        for after in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
            assert (await door.enter(after)).headers["location"] == "/desk"
            door.forget()


async def test_the_cookie_is_the_browsers_alone(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider, public_url="https://tickets.example") as door:
        left = await door.get(LEAVE)
        cookie = left.headers["set-cookie"]
        assert cookie.startswith("__Host-staff_way=")
        assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
            "httponly", "secure", "samesite=lax", "path=/", f"max-age={WAY_MINUTES * 60}",
        }  # fmt: skip
        asked = parse_qs(urlsplit(left.headers["location"]).query)
        assert asked["redirect_uri"] == [f"https://tickets.example{BACK}"]
        assert not any(value[0] in cookie for value in asked.values())  # it is sealed


async def test_failures_are_logged_with_their_cause_and_no_secret(
    quick_settings: Settings, provider: Provider
) -> None:
    async with opened(quick_settings, provider) as door:
        with capture_logs() as logs:
            provider.sign = by_another
            back = await door.leave()
            await door.get(back)
            await door.get(f"{back}&error=<script>")
            provider.is_down = True
            door.later(KEPT_MS)
            await door.get(LEAVE)
        assert [log["why"] for log in logs] == ["not_proven", "lost", "unanswered"]
        assert "BadSignature" in logs[0]["cause"]
        assert "503" in logs[2]["cause"]
        asked = parse_qs(urlsplit(back).query)
        for secret in (CLIENT_SECRET, asked["code"][0], asked["state"][0]):
            assert secret not in str(logs)


async def test_failures_of_an_address_are_bounded(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider, login_failures_per_address="2 per 5 minutes") as door:
        await door.link()
        back = await door.leave()
        door.forget()
        assert [(await door.get(BACK)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await door.get(LEAVE)).status_code == 429
        assert (await door.get(back)).status_code == 429


async def test_without_a_provider_there_is_none(quick_settings: Settings) -> None:
    async with House.open(quick_settings) as house:
        house.services.staff.add_staff("clara", "clerk", "east", PASSWORD)
        login = await house.client.get("/staff/login", headers=ENGLISH)
        assert "provider" not in login.text
        for path in (LEAVE, BACK):
            assert (await house.client.get(path)).status_code == 404
        entered = await house.client.post(
            "/staff/login", data={"username": "clara", "password": PASSWORD}, headers=OWN
        )
        assert entered.status_code == 303
        assert "provider" not in (await house.client.get("/staff/account", headers=ENGLISH)).text
        for path in (LINK, f"{LINK}/remove"):
            assert (await house.client.post(path, data={"password": "x"}, headers=OWN)).status_code == 404


async def test_the_doctor_asks_the_provider(quick_settings: Settings, provider: Provider) -> None:
    async with opened(quick_settings, provider) as door:
        patient = patient_of(door.house.services, False, lambda: None)
        [well] = [look for look in Doctor(patient).examine().checks if look.name == "sign-in provider"]
        provider.is_down = True
        [ill] = [look for look in Doctor(patient).examine().checks if look.name == "sign-in provider"]
    assert (well.ok, well.found) == (True, provider.issuer)
    assert (ill.ok, "503" in ill.found) == (False, True)
    assert ill.command == f"curl -fsS {provider.issuer}/.well-known/openid-configuration"
