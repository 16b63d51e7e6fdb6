"""Goal: staff start an event from a template, a copy or a pasted table, by page and by API, where they may.

Method: forms and calls to a whole API process over the real servers; what was made is read from the service.
"""

from typing import Any

import httpx2

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import HOUR_MS, House
from ticketing.api.pages import event_words
from ticketing.catalogue.copies import templates
from ticketing.catalogue.tables import Event
from ticketing.clock import DAY_MS

EVENTS = "/api/v1/staff/events"
TABLE = "\tHall 1\t5\t40.50\t120\r\n16:30\tHall 2\t0\t\t80\r\n"


def event_of(house: House, event_id: str) -> Event:
    return house.services.catalogue.event(house.claims("staff", 1, "district", role="manager"), event_id)


def shows(answer: httpx2.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert [word for word in words if word not in answer.text] == []


def made(answer: httpx2.Response) -> str:
    """The id of the draft that a form made."""
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    assert place.endswith("?done=created")
    return str(place.removeprefix("/staff/events/").partition("?")[0])


async def test_a_draft_of_a_template(quick_house: House) -> None:
    house = quick_house
    assert set(event_words.TEMPLATES) == set(templates())
    shows(await house.client.get("/staff/templates", headers=house.staff()), 200, "三十个培训班", "30 个票额")
    form = {"template": "classes", "starts_at": "2030-03-04T19:00", "title": "春季班"}
    sent = await house.client.post("/staff/templates", data=form, headers=OWN | house.staff())
    event = event_of(house, made(sent))
    assert (event.title, event.state, event.quotas[2].name) == ("春季班", "draft", "第 3 班")
    wish = {"template": "cinema", "starts_at": "2030-05-01T06:00:00Z", "language": "en"}
    answer = await house.client.post("/api/v1/staff/drafts", json=wish, headers=house.staff())
    assert (answer.status_code, answer.json()["title"]) == (201, "Films for five yuan")
    assert answer.json()["starts_at"] == "2030-05-01T06:00:00Z"
    listed = await house.client.get("/api/v1/staff/templates", headers=house.staff())
    assert {each["name"]: each["quotas"] for each in listed.json()["templates"]}["classes"] == 30
    nothing = await house.client.post("/staff/templates", data={"template": "x"}, headers=OWN | house.staff())
    shows(nothing, 422, "请填写")
    unknown = {"template": "opera", "starts_at": "2030-03-04T19:00"}
    shows(await house.client.post("/staff/templates", data=unknown, headers=OWN | house.staff()), 422)


async def test_a_copy(quick_house: House) -> None:
    house = quick_house
    old = event_of(house, house.publish(9, starts_at=house.now + 50 * HOUR_MS))
    path = f"/staff/events/{old.id}/copy"
    shows(
        await house.client.get(path, headers=ENGLISH | house.staff()), 200, "Copy this event", 'value="364"'
    )
    sent = await house.client.post(path, data={"days": "364"}, headers=OWN | house.staff())
    copy = event_of(house, made(sent))
    assert (copy.starts_at, copy.state) == (old.starts_at + 364 * DAY_MS, "draft")
    shows(
        await house.client.post(path, data={"days": "soon"}, headers=OWN | house.staff()), 422, "请填写整数"
    )
    shows(await house.client.post(path, data={"days": "99999"}, headers=OWN | house.staff()), 422)
    answer = await house.client.post(f"{EVENTS}/{old.id}/copy", json={"days": -7}, headers=house.staff())
    assert answer.status_code == 201
    assert event_of(house, answer.json()["id"]).opens_at == old.opens_at - 7 * DAY_MS


async def test_a_table_is_shown_before_it_is_written(house: House) -> None:
    event_id = house.draft(5)
    path = f"/staff/events/{event_id}/quotas/table"
    shows(await house.client.get(path, headers=house.staff()), 200, "Quota 1\t0\t0\t5", "票额表")
    mistaken = TABLE + "\tHall 3\t5.005\t40\tmany"
    wrong = await house.client.post(path, data={"text": mistaken}, headers=OWN | house.staff())
    shows(wrong, 422, "请填写价格", "5.005", "Hall 2")
    assert "写入全部" not in wrong.text
    looked = await house.client.post(path, data={"text": TABLE}, headers=OWN | house.staff())
    shows(looked, 200, "写入全部 2 个票额", "¥40.50")
    assert len(event_of(house, event_id).quotas) == 1
    written = await house.client.post(
        path, data={"text": TABLE, "step": "write"}, headers=OWN | house.staff()
    )
    assert (written.status_code, written.headers["location"]) == (303, f"/staff/events/{event_id}?done=table")
    event = event_of(house, event_id)
    assert [(q.name, q.price, q.face_price, q.capacity) for q in event.quotas] == [
        ("Hall 1", 500, 4050, 120),
        ("Hall 2", 0, 0, 80),
    ]
    assert event.quotas[0].starts_at is None, "an empty first cell of the first line stays a cell"


async def test_a_table_in_mid_sale_by_the_api(house: House) -> None:
    event_id = house.publish(5, price=500, payment_methods=("free", "desk"))
    path, wish = f"{EVENTS}/{event_id}/quota-table", {"text": TABLE, "reason": "demand"}

    async def post(**more: Any) -> httpx2.Response:
        return await house.client.post(path, json=wish | more, headers=house.staff())

    looked = await post(dry_run=True)
    assert (looked.status_code, looked.json()["written"], looked.json()["lines"][0]["price"]) == (
        200,
        False,
        500,
    )
    wrong = await post(text=TABLE + "\tHall 1\t0\t0\t1")
    assert [error["field"] for error in wrong.json()["errors"]] == ["lines[3].name"]
    assert (await post()).json()["written"] is True
    public = await house.client.get(f"/api/v1/events/{event_id}")
    assert [(q["name"], q["available"]) for q in public.json()["quotas"]] == [
        ("Quota 1", 5),
        ("Hall 1", 120),
        ("Hall 2", 80),
    ]


async def test_a_neighbour_s_manager_finds_nothing(quick_house: House) -> None:
    house = quick_house
    event_id = house.draft(5)
    neighbour = house.staff(path="district.east")
    for path in (f"/staff/events/{event_id}/copy", f"/staff/events/{event_id}/quotas/table"):
        shows(await house.client.get(path, headers=neighbour), 404)
        shows(await house.client.post(path, data={"text": TABLE, "days": "1"}, headers=OWN | neighbour), 404)
    for path, wish in (("copy", {"days": 1}), ("quota-table", {"text": TABLE})):
        answer = await house.client.post(f"{EVENTS}/{event_id}/{path}", json=wish, headers=neighbour)
        assert answer.status_code == 404
    reader = house.staff("auditor")
    shows(await house.client.get("/staff/templates", headers=reader), 403)
    shows(await house.client.get(f"/staff/events/{event_id}/copy", headers=reader), 403)


async def test_a_draft_is_looked_over_and_previewed(quick_house: House) -> None:
    house = quick_house
    event_id = house.draft(5, 0, per_card_limit=9, opens_at=house.now + HOUR_MS, notice="自带水杯")
    page = await house.client.get(f"/staff/events/{event_id}", headers=house.staff())
    shows(page, 200, "没有票。", f"/staff/events/{event_id}/quotas/table#text", "请留意")
    shows(page, 200, f"/staff/events/{event_id}/edit#per_card_limit", f"/staff/events/{event_id}/edit#pickup")
    checked = await house.client.get(f"{EVENTS}/{event_id}/check", headers=house.staff())
    assert checked.json()["publishable"] is True
    empty = {"level": "warning", "field": "quotas[1].capacity", "reason": "is 0"}
    assert empty in checked.json()["remarks"]
    for opens_in in (HOUR_MS, -HOUR_MS):
        draft = house.draft(5, price=500, opens_at=house.now + opens_in, notice="自带水杯", per_card_limit=2)
        path = f"/staff/events/{draft}/preview"
        preview = await house.client.get(path, headers=ENGLISH | house.staff())
        shows(preview, 200, "A preview", "自带水杯", "5 tickets left", "¥5.00", "Left for your card")
        assert f"/events/{draft}/holds" not in preview.text
        shows(await house.client.get(path, headers=house.staff(path="district.east")), 404)
        check = f"{EVENTS}/{draft}/check"
        assert (await house.client.get(check, headers=house.staff(path="district.east"))).status_code == 404
        shows(await house.client.get(f"/events/{draft}"), 404)


async def test_a_pause_that_says_why_and_another_date(quick_house: House) -> None:
    house = quick_house
    event_id = house.publish(5)
    page = f"/staff/events/{event_id}"
    form = {"reason": "leak", "message": "三点恢复"}
    assert (
        await house.client.post(f"{page}/pause", data=form, headers=OWN | house.staff())
    ).status_code == 303
    await house.front.board.learn(event_id)
    shows(await house.client.get(f"/events/{event_id}"), 200, "三点恢复")
    assert (await house.client.get(f"/api/v1/events/{event_id}")).json()["notice"] == "三点恢复"
    shows(await house.client.get(page, headers=house.staff()), 200, "会员看到：三点恢复", "活动改期")
    again = await house.client.post(
        f"{EVENTS}/{event_id}/pause", json={"message": "四点恢复"}, headers=house.staff()
    )
    assert (again.json()["pause_message"], again.json()["notice"]) == ("四点恢复", "")
    later = {"starts_at": "2040-05-01T19:30", "reason": "leak"}
    moved = await house.client.post(f"{page}/postpone", data=later, headers=OWN | house.staff())
    assert (moved.status_code, moved.headers["location"]) == (303, f"{page}?done=postponed")
    assert event_of(house, event_id).starts_at == 2_219_484_600_000
    past = await house.client.post(
        f"{page}/postpone", data=later | {"starts_at": "2020-05-01T19:30"}, headers=OWN | house.staff()
    )
    shows(past, 422, "这个时间已经过了")
    wish = {"starts_at": "2040-06-01T11:30:00Z"}
    answer = await house.client.post(f"{EVENTS}/{event_id}/postpone", json=wish, headers=house.staff())
    assert (answer.status_code, answer.json()["starts_at"]) == (200, "2040-06-01T11:30:00Z")
    neighbour = house.staff(path="district.east")
    stranger = await house.client.post(f"{EVENTS}/{event_id}/postpone", json=wish, headers=neighbour)
    assert stranger.status_code == 404
    shows(await house.client.post(f"{page}/postpone", data=later, headers=OWN | neighbour), 404)
