"""Goal: staff raise a quota now and at set times, by page and by API; members see when more come.

Method: forms and calls to a whole API process; a wave's time comes by moving it in SQL and running the worker's duty.
"""

import re

import httpx2
from sqlalchemy import update

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import HOUR_MS, House
from ticketing.api.pages.formats import write_form_time
from ticketing.api.views import instant
from ticketing.catalogue.tables import Wave

EVENTS = "/api/v1/staff/events"


def shows(answer: httpx2.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert [word for word in words if word not in answer.text] == []


async def test_a_page_raises_a_quota_and_members_see_what_comes(house: House) -> None:
    event_id = house.publish(5)
    page, noon = f"/staff/events/{event_id}", write_form_time(house.now + HOUR_MS)
    form = {"key": "tap", "quota_id": f"{event_id}-1", "now": "3", "reason": "the theatre gives more"}
    form |= {"wave.0.at": noon, "wave.0.quantity": "600"}
    for _ in range(2):  # a second tap is the same act
        sent = await house.client.post(f"{page}/raise", data=form, headers=OWN | house.staff())
        assert (sent.status_code, sent.headers["location"]) == (303, f"{page}?done=raised")
    assert house.counts(event_id).capacity == 8
    await house.front.board.learn(event_id)
    shows(
        await house.client.get(f"/events/{event_id}", headers=ENGLISH), 200, "8 tickets left", "600 more on"
    )
    shows(
        await house.client.get(page, headers=house.staff()), 200, "+600", "待放出", "the theatre gives more"
    )
    waves = (await house.client.get(f"{EVENTS}/{event_id}/waves", headers=house.staff())).json()["waves"]
    [wave] = [wave["id"] for wave in waves if wave["state"] == "waiting"]
    with house.services.sessions.begin() as session:
        session.execute(update(Wave).where(Wave.id == wave).values(at=house.now - 1))
    assert house.services.waves.release_due() >= 1
    await house.front.board.learn(event_id)
    public = (await house.client.get(f"/api/v1/events/{event_id}")).json()["quotas"][0]
    assert (public["available"], public["next_release"]) == (608, None)
    late = await house.client.post(
        f"{page}/waves/{wave}/cancel", data={"reason": ""}, headers=OWN | house.staff()
    )
    assert late.status_code == 409


async def test_what_is_wrong_with_a_plan_is_said_and_nothing_typed_is_lost(quick_house: House) -> None:
    house = quick_house
    event_id = house.publish(5)
    form = {"key": "tap", "quota_id": f"{event_id}-1", "wave.0.at": "2020-01-01T10:00", "reason": "keep me"}
    for quantity, words in (("", "请填写"), ("9", "这个时间已经过了")):
        wish = form | {"wave.0.quantity": quantity}
        sent = await house.client.post(
            f"/staff/events/{event_id}/raise", data=wish, headers=OWN | house.staff()
        )
        shows(sent, 422, words, "keep me", "2020-01-01T10:00")
    empty = {"key": "tap", "quota_id": f"{event_id}-1", "reason": "x"}
    shows(
        await house.client.post(f"/staff/events/{event_id}/raise", data=empty, headers=OWN | house.staff()),
        422,
    )
    other = form | {"quota_id": "elsewhere-1", "wave.0.quantity": "9"}
    shows(
        await house.client.post(f"/staff/events/{event_id}/raise", data=other, headers=OWN | house.staff()),
        404,
    )


async def test_by_the_api(quick_house: House) -> None:
    house = quick_house
    event_id = house.publish(5)
    path, at = f"{EVENTS}/{event_id}/quotas/{event_id}-1/raise", instant(house.now + HOUR_MS).isoformat()
    wish = {"reason": "demand", "now": 2, "waves": [{"at": at, "quantity": 9}, {"at": at, "quantity": 1}]}
    keyless = await house.client.post(path, json=wish, headers=house.staff())
    assert keyless.json()["code"] == "idempotency_key_missing"
    keyed = house.staff() | {"idempotency-key": "once"}
    quota = (await house.client.post(path, json=wish, headers=keyed)).json()["quotas"][0]
    assert (quota["capacity"], quota["next_release"]["quantity"]) == (7, 10)
    assert (await house.client.post(path, json=wish | {"now": 3}, headers=keyed)).json()["code"] == (
        "idempotency_key_reused"
    )
    waves = f"{EVENTS}/{event_id}/waves"
    listed = (await house.client.get(waves, headers=house.staff())).json()["waves"]
    first = listed[-1]["id"]
    ended = await house.client.post(f"{waves}/{first}/cancel", json={"reason": "no"}, headers=house.staff())
    assert sorted(wave["state"] for wave in ended.json()["waves"]) == ["cancelled", "releasing", "waiting"]
    neighbour = house.staff(path="district.east")
    for answer in (
        await house.client.get(waves, headers=neighbour),
        await house.client.post(path, json=wish, headers=neighbour | {"idempotency-key": "x"}),
        await house.client.post(f"{waves}/{first}/cancel", headers=neighbour),
        await house.client.post(
            f"/staff/events/{event_id}/waves/{first}/cancel", data={"reason": ""}, headers=OWN | neighbour
        ),
        await house.client.post(
            f"/staff/events/{event_id}/raise",
            data={"quota_id": f"{event_id}-1", "now": "1", "reason": "x", "key": "k"},
            headers=OWN | neighbour,
        ),
    ):
        assert answer.status_code == 404


async def test_who_calls_a_release_off_gives_a_reason_that_the_trail_keeps(quick_house: House) -> None:
    house = quick_house
    event_id, headers = house.publish(5), OWN | house.staff()
    page = f"/staff/events/{event_id}"
    form = {"key": "tap", "quota_id": f"{event_id}-1", "reason": "more", "wave.0.quantity": "600"}
    form |= {"wave.0.at": write_form_time(house.now + HOUR_MS)}
    await house.client.post(f"{page}/raise", data=form, headers=headers)
    shown = (await house.client.get(page, headers=headers)).text
    [(action, fields)] = re.findall(
        rf'<form method="post" action="({page}/waves/[^"]+/cancel)">(.*?)</form>', shown, re.DOTALL
    )
    assert re.search(r'<input id="off-[^"]+" name="reason" required', fields)
    sent = await house.client.post(action, data={"reason": "the hall is smaller"}, headers=headers)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{page}?done=wave-off")
    trail = await house.client.get(f"/staff/trail?about=event:{event_id}", headers=headers)
    shows(trail, 200, "the hall is smaller")
