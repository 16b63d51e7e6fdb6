"""A manager finds a member, sees their history and looks after their card; the tree is walked through and added to.

Goal: what happened stands there, newest first, page by page, and nothing of a neighbour's; a card number is in no
address; a one-time PIN is shown once. Method: forms and calls to a real API process over real servers, where a member
books, collects and cancels.
"""

import re
from typing import Any

import pytest

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import House
from ticketing.members.tables import Notice
from ticketing.services import member_history

PAGE, TREE, CALLS = "/staff/members", "/staff/organisations", "/api/v1/staff/members"
NUMBER = "6222000000000001"


async def post(house: House, path: str, staff: dict[str, str], **data: str) -> Any:
    return await house.client.post(path, data=data, headers=OWN | ENGLISH | staff)


async def get(house: House, path: str, staff: dict[str, str]) -> str:
    answer = await house.client.get(path, headers=ENGLISH | staff)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


async def _live(house: House, organisation: str = "district") -> str:
    """A member who books twice, collects and cancels; the address of their page."""
    event = house.publish(5, organisation=organisation)
    who = house.add_member()
    member, clerk = house.member(who), house.add_staff("li", "clerk")
    kept = await house.buy(event, member, key="a")
    other = await house.buy(event, member, key="b")
    pickup = {"order_id": kept["id"], "desk": "文化宫1号"}
    headers = clerk | {"idempotency-key": "p"}
    assert (await house.client.post("/api/v1/desk/pickups", json=pickup, headers=headers)).status_code == 200
    cancelled = await house.client.post(f"/api/v1/orders/{other['id']}/cancel", headers=member)
    assert cancelled.status_code in (200, 409), cancelled.text
    with house.services.sessions.begin() as session:
        session.add(Notice(member_id=who, event_id=event, kind="news", text="请带身份证", at=house.now))
    found = await post(house, PAGE, house.staff(), q=NUMBER)
    assert found.status_code == 303
    assert NUMBER not in found.headers["location"]
    return str(found.headers["location"])


async def test_a_history_from_the_books_and_the_trail(house: House) -> None:
    page = await _live(house)
    staff = house.staff()
    await post(house, f"{page}/block", staff, reason="丢失")
    await post(house, f"{page}/unblock", staff, reason="找回")
    shown = await get(house, page, staff)
    for text in (
        "Booked 1 tickets",
        "Collected 1 tickets at 文化宫1号",
        "Was told: 请带身份证",
        "Became a member here",
    ):
        assert text in shown
    assert (
        shown.index("Card in use again: 找回")
        < shown.index("Card blocked: 丢失")
        < shown.index("Became a member")
    )
    assert "五元看大片" in shown
    assert NUMBER not in shown


@pytest.mark.parametrize("size", [1, 2])
async def test_pages_of_a_history_leave_nothing_out(
    house: House, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Also where many things happened in the same millisecond."""
    page = await _live(house)
    staff = house.staff("auditor")
    address = f"{CALLS}/{page.rpartition('/')[2]}/history"
    whole = (await house.client.get(address, headers=staff)).json()
    assert whole["cursor"] is None
    monkeypatch.setattr(member_history, "PAGE", size)
    entries: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (await house.client.get(f"{address}?cursor={cursor}", headers=staff)).json()
        assert len(answer["entries"]) <= size
        entries, cursor = entries + answer["entries"], answer["cursor"]
    assert entries == whole["entries"]
    assert len(entries) >= 4
    for wrong in ("x", "1-x", "-", "1-9999"):
        assert (await house.client.get(f"{address}?cursor={wrong}", headers=staff)).status_code == 422


async def test_a_branch_sees_its_members_but_not_what_they_booked_elsewhere(house: House) -> None:
    page = await _live(house)
    east = await get(house, page, house.staff("manager", "district.east"))
    assert "Became a member" in east
    for text in ("五元看大片", "Booked", "Collected", "请带身份证"):
        assert text not in east
    west = house.staff("admin", "district.west")
    assert (await house.client.get(page, headers=west)).status_code == 404
    says_nothing = await post(house, PAGE, west, q=NUMBER)
    assert "Nobody was found" in says_nothing.text
    for verb in ("block", "unblock", "replace", "pin"):
        assert (
            await post(house, f"{page}/{verb}", west, reason="x", new_card_number="123456")
        ).status_code == 404
    for role, code in (("clerk", 403), ("auditor", 200)):
        assert (await house.client.get(PAGE, headers=house.staff(role))).status_code == code
        assert (await house.client.get(page, headers=house.staff(role))).status_code == code
    assert (await post(house, f"{page}/block", house.staff("auditor"), reason="x")).status_code == 403


async def test_a_card_is_replaced_and_a_pin_shown_once(house: House) -> None:
    house.add_member()
    staff = house.staff()
    page = (await post(house, PAGE, staff, q="王小明")).headers["location"]
    says(
        await post(house, f"{page}/replace", staff, reason="x", new_card_number="12"),
        422,
        "check what you filled",
    )
    done = await post(house, f"{page}/replace", staff, reason="消磁", new_card_number="6222000000000009")
    assert done.headers["location"] == f"{page}?done=card-replace"
    given = await post(house, f"{page}/pin", staff, reason="忘记")  # of the card that the member has now
    [pin] = re.findall(r'class="code">(\d{6})<', given.text)
    body = {"card_number": "6222000000000009", "pin": pin}
    assert (await house.client.post("/api/v1/sessions", json=body)).status_code == 201
    shown = await get(house, page, staff)
    assert pin not in shown
    assert "Card replaced by one ending in 0009: 消磁" in shown
    assert (await post(house, f"{page}/other", staff, reason="x")).status_code == 404


async def test_the_tree_over_forms_and_calls(house: House) -> None:
    house.add_member()
    staff = house.staff("manager", "district.east")
    shown = await get(house, TREE, staff)
    assert "东街道工会" in shown
    assert "西街道工会" not in shown
    added = await post(house, f"{TREE}/east/below", staff, name="机械厂工会", kind="workplace", id="mill")
    assert added.headers["location"] == f"{TREE}/east?done=organisation"
    again = await post(house, f"{TREE}/east/below", staff, name="x", kind="workplace", id="mill")
    assert (again.status_code, "This name is taken." in again.text) == (422, True)
    await post(house, f"{TREE}/mill", staff, new_name="纺织厂工会")
    assert "纺织厂工会" in await get(house, f"{TREE}?q=厂工", staff)
    says(await post(house, f"{TREE}/mill", staff, new_name=" "), 422, "check what you filled in")
    for path in (f"{TREE}/west", f"{TREE}/district", f"{TREE}/east?page=0"):
        assert (await house.client.get(path, headers=staff)).status_code == 404
    for path in (f"{TREE}/west", f"{TREE}/west/below"):
        assert (await post(house, path, staff, name="x", new_name="x", kind="workplace")).status_code == 404
    call = "/api/v1/staff/organisations/east"
    place = (await house.client.get(call, headers=staff)).json()
    assert (place["organisation"]["members"], [node["name"] for node in place["below"]]) == (
        1,
        ["纺织厂工会"],
    )
    renamed = await house.client.patch(call, json={"name": "东城街道工会"}, headers=staff)
    assert renamed.json()["name"] == "东城街道工会"
    assert (await house.client.get(f"{call}?page=x", headers=staff)).status_code == 422
    found = (
        await house.client.post("/api/v1/staff/member-search", json={"q": "王小明"}, headers=staff)
    ).json()["members"]
    assert [member["card"]["card_masked"][-4:] for member in found] == ["0001"]
    one = (await house.client.get(f"{CALLS}/{found[0]['card']['id']}", headers=staff)).json()
    assert one["member"]["organisation_name"] == "东城街道工会"
