"""The pages and calls on accounts: a password is shown once, and nobody reaches further than their own organisation.

Goal: an account lives its whole life over forms, and over calls; what the service refuses is said in words. Method:
forms and calls to a real API process over real servers; what may be given by whom: tests/services/test_staff_care.py.
"""

import re
from typing import Any

from sqlalchemy import select

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import House
from ticketing.api.pages.staff_accounts import HELP
from ticketing.staff.tables import SecondFactor, StaffAccount

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


async def test_an_administrator_signs_an_account_out_and_takes_its_second_factor_away(house: House) -> None:
    wang, admin = house.add_staff("wang", "clerk", "east"), house.staff("admin", staff_id=OTHER)
    own = await house.client.get("/staff/account", headers=wang)
    with house.services.sessions.begin() as session:
        number = session.scalars(select(StaffAccount.id).where(StaffAccount.username == "wang")).one()
        session.add(
            SecondFactor(staff_id=number, sealed_secret=b"x", created_at=1, last_step=0, confirmed_at=2)
        )
    page = (await house.client.get(f"{PAGE}/wang", headers=ENGLISH | admin)).text
    folded = "".join(re.findall(r'<details class="act">.*?</details>', page, re.DOTALL))
    for verb in HELP:
        shown = int(verb != "unlink-provider")  # there is no provider here
        assert page.count(f'action="{PAGE}/wang/{verb}"') == folded.count(f"/wang/{verb}") == shown
        done = await post(house, f"{PAGE}/wang/{verb}", admin)
        assert done.headers["location"] == f"{PAGE}/wang?done=account-{verb}"
    assert (own.status_code, house.services.accounts.factors.is_needed(number)) == (200, False)
    house.services.revocations.refresh()
    assert (await house.client.get("/staff/account", headers=wang)).status_code == 303
    trail = await house.client.get(f"/staff/trail?about=staff:{number}", headers=ENGLISH | admin)
    main = trail.text.partition("<table")[2]
    assert ("Staff sessions ended" in main, "Second factor reset" in main) == (True, True)


async def test_nobody_else_signs_accounts_out(house: House) -> None:
    house.add_staff("wang", "clerk", "east")
    manager, beside = house.staff("manager", staff_id=OTHER), house.staff("admin", "district.west")
    assert "end-sessions" not in (await house.client.get(f"{PAGE}/wang", headers=manager)).text
    for verb in HELP:
        assert (await post(house, f"{PAGE}/wang/{verb}", manager)).status_code == 403
        assert (await post(house, f"{PAGE}/wang/{verb}", beside)).status_code == 404


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
