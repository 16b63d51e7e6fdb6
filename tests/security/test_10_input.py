"""Security 10: what a client sends is bounded, plain text, and no word of its own about who it is is believed.

Goal: no body, nesting, text or control character gets through that could fill memory, break a log line or a page,
and no header moves a client out of reach of the limits for its address.
Method: the running demo over real connections, and an API process over the real servers; whatever is sent gets an
answer of the contract, nothing breaks, and the instance goes on.
"""

import json
from typing import Any

import pytest

from tests.security.conftest import Open, Site
from tests.support.house import PIN, House

MIB = 1 << 20
CONTROLS = ("\x00", "\x07", "\x1b[31m", "\x7f", "\x9f", "\u2028", "\u202e", "a\nb", "a\r\nset-cookie: x=1")


def _is_well(site: Site) -> None:
    assert site.http.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/sessions", "/api/v1/events/none/holds", "/api/v1/staff/sessions", "/login"]
)
def test_10_a_body_is_bounded_whether_it_says_its_length_or_not(site: Site, path: str) -> None:
    headers = site.member(site.card()) | {"content-type": "application/json", "idempotency-key": "k"}
    for content in (b"x" * (4 * MIB), (b"x" * 65_536 for _ in range(64))):
        answer = site.http.post(path, content=content, headers=headers)
        assert answer.status_code in (413, 415), answer.text  # the form's page looks at what it is first
    _is_well(site)


@pytest.mark.parametrize("depth", [1_000, 50_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_10_nesting_is_bounded(site: Site, depth: int, opening: str) -> None:
    headers = site.member(site.card()) | {"content-type": "application/json", "idempotency-key": "k"}
    for path in ("/api/v1/sessions", f"/api/v1/events/{site.event()['id']}/holds", "/api/v1/me/pin"):
        answer = site.http.post(path, content=opening * depth, headers=headers)
        assert answer.status_code in (400, 413, 422), answer.text
        assert answer.json()["code"] in ("malformed_json", "body_too_large", "invalid")
    _is_well(site)


async def test_10_texts_have_a_length_and_no_control_characters(house: House) -> None:
    """Everywhere that staff type."""
    event = house.publish(5)
    staff = house.staff()
    for text in (*CONTROLS, "x" * 100_000):
        for method, path, body in (
            ("PATCH", f"/api/v1/staff/events/{event}", {"title": text}),
            ("POST", f"/api/v1/staff/events/{event}/quotas", {"name": text, "capacity": 1}),
            (
                "POST",
                "/api/v1/staff/organisations",
                {"name": text, "parent": "district", "kind": "workplace"},
            ),
            ("POST", "/api/v1/staff/cards/block", {"card_number": "6222000000000001", "reason": text}),
            ("POST", "/api/v1/desk/swipes", {"card_number": text}),
            ("POST", "/api/v1/sessions", {"card_number": text, "pin": PIN}),
            ("POST", "/api/v1/staff/sessions", {"username": text, "password": "x"}),
        ):
            answer = await house.client.request(method, path, json=body, headers=staff)
            assert answer.status_code == 422, (path, text[:20], answer.text)
            assert answer.json()["code"] == "invalid"
    for text in ("%00", "%0d%0aset-cookie:x=1", "%1b", "x" * 81, "%e2%80%ae"):
        answer = await house.client.get(f"/api/v1/staff/events/{text}", headers=staff)
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers


def test_10_a_key_is_printable_and_short(site: Site) -> None:
    member = site.member(site.card())
    event = site.event()
    items = {"items": [{"quota_id": event["quotas"][0]["id"], "quantity": 1}]}
    for key in ("k" * 256, "k\x7f", "k\xe9"):
        raw = [
            (b"idempotency-key", key.encode("latin-1")),
            *((k.encode(), v.encode()) for k, v in member.items()),
        ]
        answer = site.http.post(f"/api/v1/events/{event['id']}/holds", json=items, headers=raw)
        assert answer.status_code in (400, 422), key


@pytest.mark.parametrize("number", ["1e400", "9" * 400, "-1", "1.5", "true", '"1"', "null", "[]"])
def test_10_a_quantity_is_a_small_whole_number(site: Site, number: str) -> None:
    event = site.event()
    content = json.dumps({"items": [{"quota_id": event["quotas"][0]["id"], "quantity": "?"}]}).replace(
        '"?"', number
    )
    headers = site.member(site.card()) | {"content-type": "application/json", "idempotency-key": "k"}
    answer = site.http.post(f"/api/v1/events/{event['id']}/holds", content=content, headers=headers)
    assert answer.status_code in (400, 422), answer.text


async def _fail(house: House, number: int, forwarded: str) -> Any:
    body = {"card_number": f"62229999{number:08}", "pin": "000000"}
    return await house.client.post("/api/v1/sessions", json=body, headers={"x-forwarded-for": forwarded})


@pytest.mark.parametrize(
    ("address", "trusted", "believed"),
    [("203.0.113.9", "127.0.0.1", False), ("10.0.0.1", "10.0.0.1", True)],
)
async def test_10_a_clients_own_word_about_its_address_is_not_believed(
    opened: Open, address: str, trusted: str, believed: bool
) -> None:
    settings: dict[str, Any] = {"login_failures_per_address": "3 per hour", "trusted_proxies": trusted}
    async with opened(address, **settings) as house:
        answers = [await _fail(house, n, f"198.51.100.{n}") for n in range(6)]
        statuses = [answer.status_code for answer in answers]
        assert statuses == ([401] * 6 if believed else [401] * 3 + [429] * 3)


async def test_10_and_what_a_client_puts_before_the_proxys_word_is_not_either(opened: Open) -> None:
    settings: dict[str, Any] = {"login_failures_per_address": "3 per hour", "trusted_proxies": "10.0.0.1"}
    async with opened("10.0.0.1", **settings) as house:
        answers = [await _fail(house, n, f"198.51.100.{n}, 203.0.113.9") for n in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2
