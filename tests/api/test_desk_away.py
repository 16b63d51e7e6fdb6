"""Goal: a desk loads what it may need without the network, signed, with no name in full and no card's number.

Method: the JSON routes of a whole API process, over the real Valkey and both databases; the signature is checked with
the key that the list itself names, as a page does.
"""

from base64 import urlsafe_b64decode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.house import House

LIST = "/api/v1/desk/offline"


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
