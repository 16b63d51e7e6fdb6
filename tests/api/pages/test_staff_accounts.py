"""The pages and calls on accounts: a password is shown once, and nobody reaches further than their own organisation.

Goal: an account lives its whole life over forms, and over calls; what the service refuses is said in words. Method:
forms and calls to a real API process over real servers; what may be given by whom: tests/services/test_staff_care.py.
"""

import re
from typing import Any

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import House

PAGE, CALLS = "/staff/accounts", "/api/v1/staff/accounts"
OTHER = 99
"""Whose session this is; an account that is added has another number."""

PASSWORD = re.compile(r'class="code">([\w-]{16})<')


async def post(house: House, path: str, staff: dict[str, str], **data: str) -> Any:
    return await house.client.post(path, data=data or {"x": ""}, headers=OWN | ENGLISH | staff)


async def login(house: House, password: str) -> int:
    body = {"username": "wang", "password": password}
    return (await house.client.post("/api/v1/staff/sessions", json=body)).status_code


async def test_an_account_over_forms(house: House) -> None:
    staff = house.staff("manager", "district.east", OTHER)
    added = await post(house, PAGE, staff, username="wang", role="clerk", organisation="east")
    assert added.headers["cache-control"] == "no-store"
    [password] = PASSWORD.findall(added.text)
    assert await login(house, password) == 201
    listed = (await house.client.get(f"{PAGE}?q=WANG", headers=ENGLISH | staff)).text
    [number] = re.findall(rf'href="{PAGE}/(\w+)">wang<', listed)
    assert password not in listed
    one = f"{PAGE}/{number}"
    done = await post(house, one, staff, role="auditor", organisation="east")
    assert done.headers["location"] == f"{one}?done=account"
    assert "auditor · 东街道工会" in (await house.client.get(one, headers=ENGLISH | staff)).text
    await post(house, f"{one}/disable", staff)
    assert await login(house, password) == 401
    await post(house, f"{one}/enable", staff)
    [other] = PASSWORD.findall((await post(house, f"{one}/password", staff)).text)
    assert (await login(house, password), await login(house, other)) == (401, 201)


async def test_what_is_refused_is_said_in_words(house: House) -> None:
    staff = house.staff("admin", staff_id=OTHER)
    await post(house, PAGE, staff, username="boss", role="admin", organisation="district")
    again = await post(house, PAGE, staff, username="boss", role="admin", organisation="district")
    says(again, 422, "check what you filled in")
    assert "This name is taken." in again.text
    [number] = re.findall(rf'href="{PAGE}/(\w+)">boss<', again.text)
    last = await post(house, f"{PAGE}/{number}/disable", staff)
    assert (last.status_code, "last administrator" in last.text) == (422, True)
    manager = house.staff("manager")
    page = await house.client.get(f"{PAGE}/{number}", headers=ENGLISH | manager)
    assert "may more than yours" in page.text
    assert "<form method" not in page.text.partition("<main")[2]
    says(await post(house, f"{PAGE}/{number}/password", manager), 403, "may not do that")
    says(
        await post(house, PAGE, manager, username="x", role="admin", organisation="district"), 403, "may not"
    )


async def test_a_neighbours_account_is_not_there_and_clerks_have_no_list(house: House) -> None:
    east = house.staff("admin", "district.east")
    await post(house, PAGE, east, username="wang", role="clerk", organisation="east")
    listed = (await house.client.get(PAGE, headers=house.staff("admin"))).text
    [number] = re.findall(rf'href="{PAGE}/(\w+)">wang<', listed)
    west = house.staff("admin", "district.west")
    assert "wang" not in (await house.client.get(PAGE, headers=west)).text
    assert (await house.client.get(f"{PAGE}/{number}", headers=west)).status_code == 404
    for verb in ("", "/disable", "/enable", "/password"):
        answer = await post(house, f"{PAGE}/{number}{verb}", west, role="clerk", organisation="west")
        assert answer.status_code == 404
    assert (await post(house, f"{PAGE}/{number}/other", east)).status_code == 404
    for role in ("clerk", "auditor"):
        assert (await house.client.get(PAGE, headers=house.staff(role))).status_code == 403


async def test_the_same_by_calls(house: House) -> None:
    staff = house.staff("admin", staff_id=OTHER)
    wish = {"username": "wang", "role": "clerk", "organisation": "east"}
    added = (await house.client.post(CALLS, json=wish, headers=staff)).json()
    one = f"{CALLS}/{added['account']['username']}"
    assert await login(house, added["password"]) == 201
    changed = await house.client.patch(one, json={"role": "manager"}, headers=staff)
    assert (changed.json()["role"], changed.json()["organisation"]) == ("manager", "east")
    for verb, disabled in (("disable", True), ("enable", False)):
        answer = await house.client.post(f"{one}/{verb}", headers=staff)
        assert answer.json()["disabled"] is disabled, answer.text
    other = (await house.client.post(f"{one}/reset-password", headers=staff)).json()["password"]
    assert (await login(house, added["password"]), await login(house, other)) == (401, 201)
    assert (await house.client.get(one, headers=staff)).json()["username"] == "wang"
    found = (await house.client.get(f"{CALLS}?q=wan", headers=staff)).json()["accounts"]
    assert [account["username"] for account in found] == ["wang"]
