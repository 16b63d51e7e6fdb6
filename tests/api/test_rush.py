"""Goal: the calls of the rush keep the contract: one key one effect, first answers verbatim, refusals by name.

Method: a whole API process over the real Valkey, asked by HTTP; after each story the counts are compared.
"""

import asyncio

from tests.support.house import EVENTS, House
from ticketing.inventory.model import QuotaCounts


async def test_a_ticket_goes_from_hold_to_order(quick_house: House) -> None:
    event = quick_house.publish(5, price=500)
    session = quick_house.member(7)
    held = await quick_house.hold(event, session, 2)
    hold = held.json()
    assert (held.status_code, hold["status"], hold["amount"], hold["currency"]) == (201, "held", 1000, "CNY")
    assert hold["items"] == [{"quota_id": f"{event}-1", "quantity": 2, "price": 500}]
    assert (await quick_house.client.get(f"/api/v1/holds/{hold['id']}", headers=session)).json() == hold
    order = (await quick_house.confirm(hold["id"], session, "desk")).json()
    assert (order["id"], order["status"], order["recorded_at"]) == (hold["id"], "confirmed", None)
    assert order["payment"] == {"method": "desk", "status": "due"}
    assert [ticket["code"] for ticket in order["tickets"]] == [f"{order['number']}-1", f"{order['number']}-2"]
    assert all(len(ticket["code"]) <= 20 for ticket in order["tickets"])
    assert quick_house.counts(event) == QuotaCounts(5, 0, 0, 2)


async def test_a_replay_is_the_first_answer_byte_for_byte_whatever_became_of_the_hold(
    quick_house: House,
) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    first = await quick_house.hold(event, session, 2)
    sold = await quick_house.confirm(first.json()["id"], session)
    again = await quick_house.hold(event, session, 2)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    sold_again = await quick_house.confirm(first.json()["id"], session, "desk")
    assert (sold_again.status_code, sold_again.content) == (200, sold.content)
    assert sold_again.headers["idempotent-replayed"] == "true"
    assert quick_house.counts(event) == QuotaCounts(5, 0, 0, 2)


async def test_the_order_of_items_is_no_other_wish(quick_house: House) -> None:
    event, session = quick_house.publish(5, 5), quick_house.member(7)
    items = [{"quota_id": f"{event}-1", "quantity": 1}, {"quota_id": f"{event}-2", "quantity": 2}]
    headers = session | {"idempotency-key": "k"}
    answers = [
        await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=headers, json={"items": wish})
        for wish in (items, items[::-1])
    ]
    assert answers[0].content == answers[1].content


async def test_a_key_is_its_members_and_its_events_own(quick_house: House) -> None:
    one, two = quick_house.publish(5), quick_house.publish(5)
    answers = [
        await quick_house.hold(event, quick_house.member(member)) for event in (one, two) for member in (7, 8)
    ]
    assert len({answer.json()["id"] for answer in answers}) == 4


async def test_a_refusal_stores_nothing_so_the_key_may_try_again(quick_house: House) -> None:
    event, session = quick_house.publish(1), quick_house.member(7)
    refused = await quick_house.hold(event, session, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "sold_out")
    assert (refused.json()["quota_id"], refused.json()["available"]) == (f"{event}-1", 1)
    assert (await quick_house.hold(event, session, 1)).status_code == 201


async def test_release_is_repeatable_until_the_hold_is_an_order(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    url = f"/api/v1/holds/{(await quick_house.hold(event, session)).json()['id']}"
    codes = [(await quick_house.client.delete(url, headers=session)).status_code for _ in range(2)]
    assert codes == [204, 204]
    assert (await quick_house.client.get(url, headers=session)).json()["status"] == "released"
    late = await quick_house.confirm(url.rpartition("/")[2], session)
    assert (late.status_code, late.json()["code"]) == (409, "hold_released")
    order = await quick_house.buy(event, session, key="other")
    sold = await quick_house.client.delete(f"/api/v1/holds/{order['id']}", headers=session)
    assert (sold.status_code, sold.json()["code"]) == (409, "hold_confirmed")
    assert quick_house.counts(event) == QuotaCounts(5, 0, 0, 1)


async def test_another_members_hold_does_not_exist(quick_house: House) -> None:
    event = quick_house.publish(5)
    hold_id = (await quick_house.hold(event, quick_house.member(7))).json()["id"]
    stranger = quick_house.member(8)
    answers = [
        await quick_house.client.get(f"/api/v1/holds/{hold_id}", headers=stranger),
        await quick_house.client.delete(f"/api/v1/holds/{hold_id}", headers=stranger),
        await quick_house.confirm(hold_id, stranger),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 3
    assert quick_house.counts(event) == QuotaCounts(5, 0, 1, 0)


async def test_an_id_of_ours_that_redis_let_go_has_expired(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    hold_id = quick_house.services.keyring.hold_id(event, 7, "web", "long ago")
    seen = await quick_house.client.get(f"/api/v1/holds/{hold_id}", headers=session)
    sold = await quick_house.confirm(hold_id, session)
    gone = await quick_house.client.delete(f"/api/v1/holds/{hold_id}", headers=session)
    assert [seen.json()["code"], sold.json()["code"], gone.status_code] == [
        "hold_expired",
        "hold_expired",
        204,
    ]


async def test_what_costs_something_is_not_free(quick_house: House) -> None:
    event, session = quick_house.publish(5, price=500), quick_house.member(7)
    hold_id = (await quick_house.hold(event, session)).json()["id"]
    for method in ("free", "wechat"):
        refused = await quick_house.confirm(hold_id, session, method)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_required")
    assert (await quick_house.confirm(hold_id, session, "desk")).status_code == 200


async def test_the_event_has_an_etag_over_what_changes(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    first = await quick_house.client.get(f"{EVENTS}/{event}")
    tag = first.headers["etag"]
    same = await quick_house.client.get(f"{EVENTS}/{event}", headers={"if-none-match": f'"x", W/{tag}'})
    assert (first.status_code, same.status_code, same.content) == (200, 304, b"")
    await quick_house.hold(event, session)
    await asyncio.sleep(0.3)
    changed = await quick_house.client.get(f"{EVENTS}/{event}", headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["quotas"][0]["available"]) == (200, 4)


async def test_availability_is_at_most_250_ms_old(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    url = f"{EVENTS}/{event}/availability"
    assert (await quick_house.client.get(url)).json()["quotas"] == {f"{event}-1": {"available": 5, "held": 0}}
    await quick_house.hold(event, session, 2)
    await asyncio.sleep(0.26)
    answer = (await quick_house.client.get(url)).json()
    assert (answer["status"], answer["quotas"]) == ("open", {f"{event}-1": {"available": 3, "held": 2}})


async def test_drafts_and_unknown_events_do_not_exist(quick_house: House) -> None:
    draft, session = quick_house.draft(5), quick_house.member(7)
    for event in (draft, "zzzzzzzz"):
        answers = [
            await quick_house.client.get(f"{EVENTS}/{event}"),
            await quick_house.client.get(f"{EVENTS}/{event}/availability"),
            await quick_house.hold(event, session),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3


async def test_an_event_published_this_moment_by_another_process_is_sold_here(quick_house: House) -> None:
    event = quick_house.publish(5)  # past this process's board, which has not looked yet
    held = await quick_house.hold(event, quick_house.member(7))
    shown = await quick_house.client.get(f"{EVENTS}/{event}")
    assert (held.status_code, shown.status_code) == (201, 200)


async def test_a_blocked_card_buys_no_more_but_hears_its_first_answers(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    held = await quick_house.hold(event, session)
    sold = await quick_house.confirm(held.json()["id"], session)
    open_hold = await quick_house.hold(event, session, key="open")
    quick_house.tell_sessions(7, blocked=True)
    assert (await quick_house.hold(event, session)).content == held.content
    assert (await quick_house.confirm(held.json()["id"], session)).content == sold.content
    assert (await quick_house.hold(event, session, 2)).json()["code"] == "idempotency_key_reused"
    assert (await quick_house.hold(event, session, key="new")).json()["code"] == "card_blocked"
    assert (await quick_house.confirm(open_hold.json()["id"], session)).json()["code"] == "card_blocked"
    assert quick_house.counts(event) == QuotaCounts(5, 0, 1, 1)


async def test_a_member_who_moved_is_eligible_where_they_are_now(quick_house: House) -> None:
    event = quick_house.publish(5, eligible_organisations=("west",))
    session = quick_house.member(7, "east")
    assert (await quick_house.hold(event, session)).json()["code"] == "not_eligible"
    quick_house.tell_sessions(7, organisation_path="district.west")
    assert (await quick_house.hold(event, session)).status_code == 201


async def test_nothing_is_sold_before_the_opening_in_a_pause_or_after_the_end(quick_house: House) -> None:
    now, session = quick_house.now, quick_house.member(7)
    later = quick_house.publish(5, opens_at=now + 60_000)
    refused = (await quick_house.hold(later, session)).json()
    shown = (await quick_house.client.get(f"{EVENTS}/{later}")).json()
    assert (refused["code"], refused["opens_at"], shown["status"]) == (
        "sale_not_open",
        shown["opens_at"],
        "scheduled",
    )
    manager = quick_house.claims("staff", 1, "district", role="manager")
    event = quick_house.publish(5)
    held = (await quick_house.hold(event, session)).json()
    quick_house.services.catalogue.pause(manager, event)
    assert (await quick_house.hold(event, session, key="2")).json()["code"] == "sale_paused"
    quick_house.services.catalogue.close(manager, event)
    assert (await quick_house.hold(event, session, key="2")).json()["code"] == "sale_closed"
    assert (await quick_house.confirm(held["id"], session)).status_code == 200


async def test_the_list_is_by_sale_time_and_can_be_narrowed(quick_house: House) -> None:
    soon = quick_house.publish(5, opens_at=quick_house.now + 60_000)
    now = quick_house.publish(5)
    quick_house.draft(5)
    await quick_house.front.board.refresh()

    async def listed(**query: str) -> list[str]:
        answer = await quick_house.client.get(EVENTS, params=query)
        assert all("quotas" not in event for event in answer.json()["events"])
        return [event["id"] for event in answer.json()["events"]]

    assert await listed() == [now, soon]
    assert await listed(status="scheduled") == [soon]
    assert await listed(organisation="district", status="open") == [now]
    assert await listed(organisation="west") == []
    wrong = await quick_house.client.get(EVENTS, params={"status": "draft"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")


async def test_a_head_is_a_get(quick_house: House) -> None:
    event = quick_house.publish(5)
    for url in (f"{EVENTS}/{event}", EVENTS, "/healthz"):
        assert (await quick_house.client.head(url)).status_code == 200


async def test_a_quota_has_one_name(quick_house: House) -> None:
    event = quick_house.publish(5)
    headers = quick_house.member(7) | {"idempotency-key": "k"}
    for names in (
        (f"{event}-1", f"{event}-01"),
        (f"{event}-",),
        (f"{event}-0",),
        (f"{event}-9",),
        ("other-1",),
    ):
        wish = {"items": [{"quota_id": name, "quantity": 1} for name in names]}
        answer = await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=headers, json=wish)
        assert answer.json()["code"] == "not_found"


async def test_a_card_that_another_process_blocked_stops_buying_within_two_seconds(
    quick_house: House,
) -> None:
    event, member = quick_house.publish(50), quick_house.add_member(number="6222000000000001")
    session = quick_house.member(member)
    assert (await quick_house.hold(event, session)).status_code == 201
    manager = quick_house.claims("staff", 1, "district", role="manager")
    quick_house.services.cards.block(manager, "6222000000000001", "lost")
    await asyncio.sleep(2)
    assert (await quick_house.hold(event, session, key="late")).json()["code"] == "card_blocked"
