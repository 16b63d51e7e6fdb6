"""Goal: what comes in is bounded and of its form, what goes out is safe, and no error is anything but a problem.

Method: requests that are wrong in one way each, against a whole API process; headers of every kind of answer.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.support.house import EVENTS, House
from ticketing import logs
from ticketing.api.bodies import BODY_BYTES_MAX, HOT_BODY_BYTES_MAX
from ticketing.settings import Settings


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """Logs as a serving process writes them."""
    logs.configure()
    yield
    structlog.reset_defaults()


STAFF_EVENTS = "/api/v1/staff/events"
LOGIN = "/api/v1/sessions"


async def sent(house: House, body: bytes | str, url: str = LOGIN, **headers: str) -> tuple[int, str]:
    given = {"content-type": "application/json"} | headers
    answer = await house.client.post(url, content=body, headers=given)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"card_number":"1","pin":"2"} x', "malformed_json"),
        (b'{"card_number":"1","pin":5', "malformed_json"),  # a wrong field before the end that is missing
        (b'{"card_number":"\xff","pin":"2"}', "malformed_json"),
        (b'\xef\xbb\xbf{"card_number":"1","pin":"2"}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"card_number":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
        (b"[]", "invalid"),
        (b'{"card_number":"1"}', "invalid"),
        (b'{"card_number":"1","pin":"2","more":1}', "invalid"),
        (b'{"card_number":1,"pin":"2"}', "invalid"),
        (b'{"card_number":"1\\u0000","pin":"2"}', "invalid"),
        (b'{"card_number":"\\u202e1","pin":"2"}', "invalid"),
        (b'{"card_number":"1\\n","pin":"2"}', "invalid"),
        (b'{"card_number":"' + b"1" * 41 + b'","pin":"2"}', "invalid"),
    ],
)
async def test_a_body_is_of_its_form(quick_house: House, body: bytes, code: str) -> None:
    assert await sent(quick_house, body) == ({"malformed_json": 400, "invalid": 422}[code], code)


@pytest.mark.parametrize(
    ("wish", "field", "reason"),
    [
        ({"items": []}, "items", "Expected `array` of length >= 1"),
        ({"items": [{"quota_id": "x"}]}, "items[0].quantity", "is required"),
        ({"items": [{"quota_id": "x", "quantity": 0}]}, "items[0].quantity", "Expected `int` >= 1"),
        ({"items": [{"quota_id": "x", "quantity": True}]}, "items[0].quantity", "Expected `int`, got `bool`"),
        ({"items": [{"quota_id": "x", "quantity": 1}], "extra": 1}, "extra", "is unknown"),
        ({"items": [{"quota_id": "x", "quantity": 1}] * 2}, "items", "a quota may be named at most once"),
    ],
)
async def test_what_is_wrong_is_named(quick_house: House, wish: Any, field: str, reason: str) -> None:
    event = quick_house.publish(5)
    headers = quick_house.member(7) | {"idempotency-key": "k"}
    answer = await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=headers, json=wish)
    errors = {(error["field"], error["reason"]) for error in answer.json()["errors"]}
    assert (answer.status_code, errors & {(field, reason)}) == (422, {(field, reason)}), errors


async def test_a_body_is_bounded_whether_its_length_is_declared_or_not(quick_house: House) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 10_000

    event = quick_house.publish(5)
    for url, most in ((LOGIN, BODY_BYTES_MAX), (f"{EVENTS}/{event}/holds", HOT_BODY_BYTES_MAX)):
        assert await sent(quick_house, b" " * (most + 1), url) == (413, "body_too_large")
        answer = await quick_house.client.post(url, content=endless())
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk", ""]
)
async def test_only_json_in_utf8_is_read(quick_house: House, media_type: str) -> None:
    status = (415, "unsupported_media_type")
    assert await sent(quick_house, b"{}", **{"content-type": media_type}) == status
    event = quick_house.publish(5)
    assert await sent(quick_house, b"{}", f"{EVENTS}/{event}/holds", **{"content-type": media_type}) == status


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "idempotency_key_missing"),
        ("k" * 256, "invalid"),
        ("\x80", "invalid"),
        ("k" * 255, None),
        (" a ~", None),
    ],
)
async def test_a_key_is_printable_ascii(quick_house: House, key: str, code: str | None) -> None:
    event = quick_house.publish(5)
    headers: Any = [(b"idempotency-key", key.encode("latin-1"))]
    headers += [(name.encode(), value.encode()) for name, value in quick_house.member(7).items()]
    wish = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
    answer = await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=headers, json=wish)
    assert answer.json().get("code") == code


@pytest.mark.parametrize(
    ("method", "url", "allow"),
    [
        ("PUT", f"{EVENTS}/x/holds", "POST"),
        ("PATCH", "/api/v1/holds/x", "GET, DELETE"),
        ("DELETE", STAFF_EVENTS, "GET, POST"),
        ("POST", f"{STAFF_EVENTS}/x", "GET, PATCH"),
    ],
)
async def test_a_wrong_method_hears_the_right_ones(
    quick_house: House, method: str, url: str, allow: str
) -> None:
    answer = await quick_house.client.request(method, url)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "url", ["/api/v1/nothing", "/api/v1/events/", "/api/", f"{EVENTS}/x/y", f"{EVENTS}/%2e%2e"]
)
async def test_what_is_not_there_is_a_problem(quick_house: House, url: str) -> None:
    answer = await quick_house.client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json().keys() == {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/api/v1/orders/x%00", 404),
        ("/api/v1/orders/" + "x" * 81, 404),
        ("/api/v1/orders?cursor=%00", 422),
        ("/orders/x%00", 404),
        ("/orders?cursor=%00", 422),
    ],
)
async def test_an_address_is_plain_text(house: House, url: str, status: int) -> None:
    token = house.member(7)["authorization"].removeprefix("Bearer ")
    answer = await house.client.get(url, headers={"cookie": f"member_session={token}"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "url",
    [
        "/healthz",
        "/readyz",
        EVENTS,
        f"{EVENTS}/x",
        "/api/v1/me",
        "/metrics",
        "/",
        "/nothing",
        "/openapi.json",
    ],
)
async def test_every_answer_carries_the_time_and_is_sniffed_by_nobody(quick_house: House, url: str) -> None:
    answer = await quick_house.client.get(url)
    now = quick_house.services.keeper.now_ms()
    assert abs(int(answer.headers["server-time"]) - now) < 2_000
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_answers_outside_the_rush_have_a_strict_policy(quick_house: House) -> None:
    for url in (EVENTS, "/", "/login", "/api/v1/nothing"):
        headers = (await quick_house.client.get(url)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers


async def test_behind_tls_cookies_are_secure_and_browsers_are_told(quick_settings: Settings) -> None:
    settings = quick_settings.model_copy(update={"public_url": "https://tickets.example"})
    async with House.open(settings) as house:
        headers = (await house.client.get(EVENTS)).headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert house.front.gate.cookie_name("member") == "__Host-member_session"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "http://test"}, 201),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_change_by_cookie_comes_from_our_own_pages(
    quick_house: House, headers: dict[str, str], status: int
) -> None:
    event = quick_house.publish(5)
    token = quick_house.member(7)["authorization"].removeprefix("Bearer ")
    session = {"cookie": f"member_session={token}", "idempotency-key": "k"}
    wish = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
    answer = await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=session | headers, json=wish)
    assert answer.status_code == status
    # Reading by cookie needs no origin, and a bearer token is sent by no browser unasked.
    assert (
        await quick_house.client.get("/api/v1/orders", headers={"cookie": session["cookie"]})
    ).status_code == 200
    bearer = quick_house.member(8) | {"idempotency-key": "k"} | headers
    assert (
        await quick_house.client.post(f"{EVENTS}/{event}/holds", headers=bearer, json=wish)
    ).status_code == 201


@pytest.mark.parametrize("token", ["", "x", "x.y", "Basic abc"])
async def test_a_forged_or_missing_session_is_none(quick_house: House, token: str) -> None:
    answer = await quick_house.client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.usefixtures("plain_logs")
async def test_what_breaks_is_503_and_says_nothing_of_itself(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a secret of ours")

    monkeypatch.setattr(quick_house.services.accounts, "login_member", broken)
    monkeypatch.setattr(quick_house.front.board, "fresh", broken)
    for answer in (
        await quick_house.client.post(LOGIN, json={"card_number": "1", "pin": "135790"}),
        await quick_house.client.get(f"{EVENTS}/x"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert b"secret" not in answer.content
