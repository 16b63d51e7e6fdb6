"""Goal: staff draft, sell, change, watch and export, within their own part of the tree and their role.

Method: the JSON routes of a whole API process, over the real Valkey and both databases.
"""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.house import House
from tests.support.sheets import first_sheet
from ticketing.inventory.model import QuotaCounts
from ticketing.members.tables import Member

EVENTS = "/api/v1/staff/events"
PASSWORD = "correct horse battery"


def plan(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "title": "3D错觉艺术展",
        "starts_at": (now + timedelta(days=2)).isoformat(),
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(days=1)).isoformat(),
        "per_card_limit": 2,
        "quotas": [{"name": "上午", "capacity": 9, "price": 500, "face_price": 4000}],
    } | changes


async def create(house: House, session: dict[str, str], **changes: Any) -> httpx2.Response:
    return await house.client.post(EVENTS, headers=session, json=plan(**changes))


async def test_staff_sign_in_and_out(house: House) -> None:
    house.services.staff.add_staff("clara", "clerk", "east", PASSWORD)
    wish = {"username": "clara", "password": PASSWORD}
    signed = await house.client.post("/api/v1/staff/sessions", json=wish)
    assert signed.status_code == 201
    told = signed.json()
    assert (told["role"], told["organisation"], told["organisation_name"]) == ("clerk", "east", "东街道工会")
    session = {"authorization": f"Bearer {told['token']}"}
    assert (await house.client.get(EVENTS, headers=session)).status_code == 200
    assert (await house.client.delete("/api/v1/staff/sessions/current", headers=session)).status_code == 204
    house.services.revocations.refresh()
    assert (await house.client.get(EVENTS, headers=session)).status_code == 401
    wrong = await house.client.post("/api/v1/staff/sessions", json=wish | {"password": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "bad_credentials")


async def test_an_event_goes_from_draft_to_closed(house: House) -> None:
    session = house.staff()
    made = await create(house, session)
    event = made.json()
    assert (made.status_code, event["status"], event["payment_methods"]) == (201, "draft", ["desk"])
    statuses = []
    for verb in ("publish", "pause", "resume", "close"):
        moved = await house.client.post(
            f"{EVENTS}/{event['id']}/{verb}", headers=session, json={"reason": "because"}
        )
        public = await house.client.get(f"/api/v1/events/{event['id']}")
        statuses.append((moved.status_code, moved.json()["status"], public.json()["status"]))
    assert statuses == [(200, status, status) for status in ("open", "paused", "open", "closed")]
    late = await house.client.post(f"{EVENTS}/{event['id']}/resume", headers=session)
    assert (late.status_code, late.json()["code"]) == (409, "sale_closed")


async def test_the_kind_of_an_event_can_be_said_also_afterwards(house: House) -> None:
    session = house.staff()
    plain = (await create(house, session)).json()
    event = (await create(house, session, kind="exhibition")).json()
    assert (plain["kind"], event["kind"]) == (None, "exhibition")
    url = f"{EVENTS}/{event['id']}"
    for verb in ("publish", "close"):
        await house.client.post(f"{url}/{verb}", headers=session)
    changed = await house.client.patch(url, headers=session, json={"kind": "other"})
    assert (changed.status_code, changed.json()["kind"]) == (200, "other")
    assert (await create(house, session, kind="opera")).json()["code"] == "invalid"


async def test_what_is_wrong_with_a_draft_is_named(house: House) -> None:
    refused = await create(
        house, house.staff(), closes_at="2020-01-01T00:00:00Z", quotas=[{"name": "", "capacity": 1}]
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert refused.json()["errors"][0]["field"] == "quotas[0].name"
    naive = await create(house, house.staff(), opens_at="2026-05-01T09:00:00")
    assert naive.json()["errors"][0]["field"] == "opens_at"


async def test_a_capacity_changes_in_mid_sale_and_never_below_what_is_sold(house: House) -> None:
    session, event = house.staff(), house.publish(3)
    await house.buy(event, house.member(house.add_member()), quantity=2)
    url = f"{EVENTS}/{event}/quotas/{event}-1"

    async def resize(**changes: Any) -> httpx2.Response:
        return await house.client.patch(url, headers=session, json={"reason": "demand"} | changes)

    raised = await resize(capacity=5)
    assert (raised.status_code, raised.json()["quotas"][0]["available"]) == (200, 3)
    refused = await resize(capacity=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "capacity_in_use")
    forced = await resize(capacity=1, force=True)
    assert (forced.status_code, forced.json()["quotas"][0]["available"]) == (200, 0)
    assert house.counts(event) == QuotaCounts(1, 0, 0, 2)


async def test_a_quota_is_added_in_mid_sale(house: House) -> None:
    session, event = house.staff(), house.publish(3)
    wish = {"name": "加场", "capacity": 4, "reason": "demand"}
    added = await house.client.post(f"{EVENTS}/{event}/quotas", headers=session, json=wish)
    assert (added.status_code, [quota["name"] for quota in added.json()["quotas"]]) == (
        201,
        ["Quota 1", "加场"],
    )
    held = await house.hold(event, house.member(7), quota=2)
    assert held.status_code == 201


async def test_what_was_not_sent_stays_as_it_is(house: House) -> None:
    session = house.staff()
    event = (await create(house, session, venue="文化宫")).json()
    changed = await house.client.patch(f"{EVENTS}/{event['id']}", headers=session, json={"title": "新名"})
    assert changed.json()["title"] == "新名"
    assert {name: value for name, value in changed.json().items() if name not in ("title", "version")} == {
        name: value for name, value in event.items() if name not in ("title", "version")
    }


async def test_a_neighbours_events_do_not_exist_and_roles_bind(house: House) -> None:
    event = (await create(house, house.staff(path="district.east"))).json()["id"]
    west = house.staff(path="district.west")
    answers = [
        await house.client.get(f"{EVENTS}/{event}", headers=west),
        await house.client.patch(f"{EVENTS}/{event}", headers=west, json={"title": "x"}),
        await house.client.post(f"{EVENTS}/{event}/publish", headers=west),
        await house.client.get(f"{EVENTS}/{event}/stats", headers=west),
        await house.client.get(f"{EVENTS}/{event}/orders.csv", headers=west),
    ]
    assert [answer.json()["code"] for answer in answers] == ["not_found"] * 5
    assert (await house.client.get(EVENTS, headers=west)).json() == {"events": []}
    above = (await house.client.get(EVENTS, headers=house.staff())).json()
    assert [one["id"] for one in above["events"]] == [event]
    for role in ("auditor", "clerk"):
        session = house.staff(role)
        assert (await create(house, session)).json()["code"] == "forbidden"
        assert (await house.client.get(f"{EVENTS}/{event}", headers=session)).status_code == 200
    member = await house.client.get(EVENTS, headers=house.member(7))
    assert (member.status_code, member.json()["code"]) == (403, "forbidden")


async def test_the_numbers_of_a_sale(house: House) -> None:
    event, session = house.publish(9), house.member(house.add_member())
    order = await house.buy(event, session, quantity=2)
    await house.hold(event, session, quantity=9, key="greedy")
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    await house.count_refusals()
    stats = (await house.client.get(f"{EVENTS}/{event}/stats", headers=house.staff("auditor"))).json()
    assert stats["quotas"] == [
        {
            "id": f"{event}-1",
            "name": "Quota 1",
            "capacity": 9,
            "withheld": 0,
            "available": 7,
            "held": 0,
            "sold": 2,
            "collected": 0,
        }
    ]
    assert stats["refusals"] == {"sold_out": 1}
    assert [(second["orders"], second["tickets"]) for second in stats["series"]] == [(1, 2)]
    assert stats["oldest_undrained"]["order_id"] == order["id"]


async def test_the_export_is_an_attachment_that_no_spreadsheet_runs(house: House) -> None:
    member = house.add_member()
    with house.services.sessions.begin() as transaction:
        transaction.get_one(Member, member).name = "=HYPERLINK(1)"
    event = house.publish(9)
    order = await house.buy(event, house.member(member), quantity=2)
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    answer = await house.client.get(f"{EVENTS}/{event}/orders.csv", headers=house.staff("auditor"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="orders-{event}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["ticket_code"] for row in rows] == [ticket["code"] for ticket in order["tickets"]]
    assert {(row["member"], row["card"], row["price"]) for row in rows} == {
        ("'=HYPERLINK(1)", "****0001", "0")
    }
    assert (
        await house.client.get(f"{EVENTS}/{event}/orders.csv", headers=house.staff("clerk"))
    ).status_code == 403


async def test_the_export_as_a_workbook_says_the_same_in_the_readers_language(house: House) -> None:
    member = house.add_member()
    with house.services.sessions.begin() as transaction:
        transaction.get_one(Member, member).name = "=HYPERLINK(1)"
    event = house.publish(9, price=512)
    held = await house.hold(event, house.member(member), quantity=2)
    order = (await house.confirm(held.json()["id"], house.member(member), "desk")).json()
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    url, auditor = f"{EVENTS}/{event}/orders.xlsx", house.staff("auditor")
    answer = await house.client.get(url, headers=auditor)
    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats-officedocument")
    assert answer.headers["content-disposition"] == f'attachment; filename="orders-{event}.xlsx"'
    chinese = first_sheet(answer.content)
    english = first_sheet((await house.client.get(url, headers=auditor | {"accept-language": "en"})).content)
    assert (chinese[0][0], english[0][0]) == ("订单号", "Order number")
    assert chinese[1:] == english[1:]
    for place, row in enumerate(english[1:]):
        cells = dict(zip(english[0], row, strict=True))
        assert (cells["Ticket code"], cells["Price"]) == (order["tickets"][place]["code"], 5.12)
        assert (cells["Member"], cells["Collected at"]) == ("=HYPERLINK(1)", "")
    assert (await house.client.get(url, headers=house.staff("clerk"))).status_code == 403
    assert (await house.client.get(url, headers=house.staff(path="district.west"))).status_code == 404


async def test_the_tree_grows_below_ones_own_organisation(house: House) -> None:
    url = "/api/v1/staff/organisations"
    east = house.staff(path="district.east")
    added = await house.client.post(url, headers=east, json={"name": "棉纺厂", "parent_id": "east"})
    assert (added.status_code, added.json()["parent_id"]) == (201, "east")
    seen = (await house.client.get(url, headers=east)).json()["organisations"]
    assert [node["name"] for node in seen] == ["东街道工会", "棉纺厂"]
    outside = await house.client.post(url, headers=east, json={"name": "x", "parent_id": "west"})
    assert (outside.status_code, outside.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("role", ["manager", "admin"])
async def test_cards_are_blocked_replaced_and_given_a_new_pin(house: House, role: str) -> None:
    house.add_member(number="6222000000000001")
    session, url = house.staff(role), "/api/v1/staff/cards"
    act = {"card_number": "6222000000000001", "reason": "lost"}
    pin = (await house.client.post(f"{url}/reset-pin", headers=session, json=act)).json()["pin"]
    signed = await house.client.post("/api/v1/sessions", json={"card_number": act["card_number"], "pin": pin})
    assert signed.status_code == 201
    blocked = await house.client.post(f"{url}/block", headers=session, json=act)
    assert blocked.json() == {"card_masked": "****0001", "status": "blocked"}
    new = act | {"new_card_number": "6222000000000077"}
    replaced = await house.client.post(f"{url}/replace", headers=session, json=new)
    assert replaced.json() == {"card_masked": "****0077", "status": "active"}
    gone = await house.client.post(f"{url}/block", headers=session, json=act)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
