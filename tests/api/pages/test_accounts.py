"""Goal: a member rules over their own account: where they are signed in, the language, and what is known about them.

Method: forms and pages of a real API process over both databases.
"""

import re

import httpx2

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import PIN, House

NUMBER = "6222000000000077"
PHONE = {"user-agent": "Mozilla/5.0 (Linux; Android 10) MicroMessenger/8.0"}


async def _sign_in(house: House, **headers: str) -> dict[str, str]:
    """The cookie of a fresh login."""
    form = {"card_number": NUMBER, "pin": PIN}
    answer = await house.client.post("/login", data=form, headers=OWN | headers)
    assert answer.status_code == 303, answer.text
    cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    house.client.cookies.clear()
    return {"cookie": cookies}


async def _account(house: House, session: dict[str, str]) -> httpx2.Response:
    house.services.revocations.refresh()
    return await house.client.get("/account", headers=session | ENGLISH)


async def test_a_member_ends_a_login_elsewhere(house: House) -> None:
    house.add_member(number=NUMBER)
    mine, other = await _sign_in(house, **PHONE), await _sign_in(house)
    page = await _account(house, mine)
    assert "Android · WeChat" in page.text
    [login] = re.findall(r'name="login" value="([^"]+)"', page.text)
    ended = await house.client.post("/account/logins", data={"login": login}, headers=OWN | mine)
    assert ended.headers["location"] == "/account?done=login"
    assert (await _account(house, other)).status_code == 303
    assert "An unknown device" not in (await _account(house, mine)).text
    says(
        await house.client.post("/account/logins", data={"login": login}, headers=OWN | mine),
        404,
        "这里没有内容",
    )

    third = await _sign_in(house)
    await house.client.post("/account/logins", headers=OWN | mine | {"content-type": FORM})
    assert (await _account(house, third)).status_code == 303
    assert (await _account(house, mine)).status_code == 200


FORM = "application/x-www-form-urlencoded"


async def test_a_language_follows_the_member(house: House) -> None:
    house.add_member(number=NUMBER)
    mine = await _sign_in(house)
    assert "lang=" not in mine["cookie"]
    await house.client.get("/account?lang=en", headers=mine)
    house.services.logins.hand_over()
    again = await _sign_in(house)
    assert "lang=en" in again["cookie"]


async def test_a_member_reads_what_is_known_about_them(house: House) -> None:
    member = house.add_member(number=NUMBER)
    session = house.member(member)
    page = await house.client.get("/account/data", headers=session)
    assert "王小明" in page.text
    assert NUMBER not in page.text
    assert "请持卡到服务中心办理" in page.text
    assert (await house.client.get("/account/data")).status_code == 303


async def test_a_blocked_card_says_what_stays(house: House) -> None:
    member = house.add_member()
    session = house.member(member)
    assert "已用额度都会保留" not in (await house.client.get("/account", headers=session)).text
    house.tell_sessions(member, blocked=True)
    assert "已用额度都会保留" in (await house.client.get("/account", headers=session)).text
