"""Goal: a desk loads what it may need without the network, masked and signed; what it sends afterwards is judged once.

Method: the JSON routes of a whole API process, over the real Valkey and both databases; the signature is checked with
the key that the list itself names, as a page does.
"""

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.house import House

LIST = "/api/v1/desk/offline"
SEND = f"{LIST}/hand-overs"
CONFLICTS = "/api/v1/desk/conflicts"
OWN = {"sec-fetch-site": "same-origin"}


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_list_is_loaded_masked_and_signed(house: House) -> None:
    event, session = house.publish(9), house.member(house.add_member())
    order = await house.buy(event, session, quantity=2)
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    clerk = house.add_staff("clara", "clerk")
    answer = await house.client.get(LIST, headers=clerk)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    [listed] = answer.json()["orders"]
    assert (listed["name_masked"], listed["due"], listed["number"]) == ("王*明", 0, order["number"])
    assert [ticket["code"] for ticket in listed["tickets"]] == [one["code"] for one in order["tickets"]]
    assert "王小明" not in answer.text
    assert "6222000000000001" not in answer.text
    assert answer.json()["clerk"] == "clara"
    assert raw(answer.json()["card_key"]) == house.services.keyring.desk
    signature = raw(answer.headers["desk-list-signature"])
    public = Ed25519PublicKey.from_public_bytes(raw(answer.json()["public_key"]))
    public.verify(signature, b"ticketing desk list 1\n" + answer.content)
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"ticketing desk list 1\n" + answer.content.replace(b"-2", b"-3", 1))
    named = await house.client.get(LIST, headers=clerk, params={"events": event})
    assert [one["id"] for one in named.json()["events"]] == [event]
    unknown = await house.client.get(LIST, headers=clerk, params={"events": f"{event},nonsense"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_lists_are_for_clerks(house: House) -> None:
    for who in (house.member(house.add_member()), house.staff("auditor"), {}):
        answer = await house.client.get(LIST, headers=who)
        assert answer.status_code in (401, 403), who


async def test_what_was_handed_over_away_is_sent_and_conflicts_are_listed(house: House) -> None:
    event, session = house.publish(9), house.member(house.add_member())
    order = await house.buy(event, session, quantity=2)
    with house.services.sessions.begin() as transaction:
        house.services.orders.ensure_recorded(transaction, order["id"])
    clara, dora = house.add_staff("clara", "clerk"), house.add_staff("dora", "clerk")
    code = order["tickets"][0]["code"]
    one: dict[str, Any] = {
        "key": "k1",
        "ticket_codes": [code],
        "desk": "gate",
        "clerk": "clara",
        "at": "2026-01-02T03:04:05Z",
    }
    first = await house.client.post(SEND, headers=clara, json={"device": "d1", "hand_overs": [one]})
    [accepted] = first.json()["results"]
    assert (accepted["outcome"], accepted["collected"], accepted["conflicts"]) == ("accepted", [code], [])
    again = await house.client.post(SEND, headers=clara, json={"device": "d1", "hand_overs": [one]})
    assert (again.status_code, again.content) == (200, first.content)
    other = one | {"key": "k2", "desk": "hall", "clerk": "dora", "payment": {"method": "cash", "amount": 500}}
    second = await house.client.post(SEND, headers=dora, json={"device": "d2", "hand_overs": [other]})
    [conflict] = second.json()["results"]
    twice, money = conflict["conflicts"]
    assert (twice["kind"], twice["ticket_code"], twice["desk"], twice["other_desk"]) == (
        *("collected", code, "hall", "gate"),
    )
    assert (twice["clerk"], twice["other_clerk"], twice["handed_over_at"]) == (
        *("dora", "clara", "2026-01-02T03:04:05Z"),
    )
    assert (money["kind"], money["amount"], money["ticket_code"]) == ("paid", 500, None)
    listed = await house.client.get(CONFLICTS, headers=house.staff("auditor"))
    assert listed.json() == {"conflicts": [money, twice], "next_cursor": None}
    page = await house.client.get("/desk/conflicts", headers=clara)
    for words in ("同一张票发了两次", "hall · dora", "gate · clara", "五元看大片", "5.00"):
        assert words in page.text, words
    elsewhere = await house.client.get(CONFLICTS, headers=house.staff("auditor", "district.west"))
    assert elsewhere.json()["conflicts"] == []
    await settle_both(house, clara, twice["id"], money["id"])


async def settle_both(house: House, clerk: dict[str, str], by_call: int, by_page: int) -> None:
    """One conflict is settled by the call, the other on the page; a clerk and a neighbour cannot."""
    manager, neighbour = house.add_staff("rosa", "manager"), house.staff("manager", "district.west")
    call, page, note = (
        f"{CONFLICTS}/{by_call}/settle",
        f"/desk/conflicts/{by_page}/settle",
        {"reason": "given back"},
    )
    for headers, status in ((clerk, 403), (neighbour, 404)):
        assert (await house.client.post(call, headers=headers, json=note)).status_code == status
        assert (await house.client.post(page, headers=headers | OWN, data=note)).status_code == status
    assert (await house.client.post(f"{CONFLICTS}/x/settle", headers=manager, json=note)).status_code == 404
    empty = await house.client.post(call, headers=manager, json={})
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "reason")
    assert (await house.client.post(page, headers=manager | OWN, data={"reason": ""})).status_code == 422
    assert (await house.client.get(LIST, headers=clerk)).json()["unsettled"] == 2
    settled = (await house.client.post(call, headers=manager, json=note)).json()
    assert (settled["settled_by"], settled["settled_reason"]) == ("rosa", "given back")
    assert (await house.client.post(page, headers=manager | OWN, data=note)).status_code == 303
    assert (await house.client.get(LIST, headers=clerk)).json()["unsettled"] == 0
    for asked, ids in (("true", [by_page, by_call]), ("false", [])):
        listed = await house.client.get(CONFLICTS, headers=clerk, params={"settled": asked})
        assert sorted(one["id"] for one in listed.json()["conflicts"]) == sorted(ids)
    assert (await house.client.get(CONFLICTS, headers=clerk, params={"settled": "x"})).status_code == 422
    assert "given back" not in (await house.client.get("/desk/conflicts", headers=clerk)).text
    shown = await house.client.get("/desk/conflicts?settled=yes", headers=clerk)
    assert shown.text.count("given back") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"ticket_codes": ["6222000000000001"]},
        {"ticket_codes": []},
        {"ticket_codes": ["0123456789AB-1", "0123456789AC-1"]},
        {"desk": "d" * 101},
        {"at": "2026-01-02T03:04:05"},
        {"payment": {"method": "free", "amount": 0}},
        {"surprise": 1},
    ],
)
async def test_a_malformed_hand_over_is_refused_by_name(quick_house: House, wrong: dict[str, Any]) -> None:
    clerk = quick_house.add_staff("clara", "clerk")
    usual = {
        "key": "k",
        "ticket_codes": ["0123456789AB-1"],
        "desk": "gate",
        "clerk": "clara",
        "at": "2026-01-02T03:04:05Z",
    }
    sending = {"device": "d", "hand_overs": [usual | wrong]}
    answer = await quick_house.client.post(SEND, headers=clerk, json=sending)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
