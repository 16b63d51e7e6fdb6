"""Goal: a form can send anything, and only what is meant comes through.

Method: bodies of every kind against `read_form`, and fields of every kind against the readers of a form.
"""

import pytest
from starlette.requests import Request
from starlette.types import Message

from ticketing.api.pages.accounts import own_path
from ticketing.api.pages.drafts import form_field, read_event
from ticketing.api.pages.forms import FORM_BYTES_MAX, Form, read_form
from ticketing.errors import Code, Refusal

URLENCODED = "application/x-www-form-urlencoded"


def _request(body: bytes, content_type: str = URLENCODED) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_form_is_read() -> None:
    form = await read_form(_request(b"a=1&b=%E7%A5%A8&a=2&empty="))
    assert form.text("a") == "1"
    assert form.all("a") == ["1", "2"]
    assert form.text("b") == "票"
    assert form.text("empty") == form.text("absent") == ""


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{}", "application/json", Code.UNSUPPORTED_MEDIA_TYPE),
        (b"a=1", "", Code.UNSUPPORTED_MEDIA_TYPE),
        (b"a=" + b"x" * FORM_BYTES_MAX, URLENCODED, Code.BODY_TOO_LARGE),
        (b"a=%ff", URLENCODED, Code.INVALID),
        (b"\xff=1", URLENCODED, Code.INVALID),
        (b"&".join(b"a=1" for _ in range(1_001)), URLENCODED, Code.INVALID),
        (b"a=%00", URLENCODED, Code.INVALID),
    ],
)
async def test_what_is_no_form_is_refused(body: bytes, content_type: str, code: Code) -> None:
    with pytest.raises(Refusal) as refused:
        await read_form(_request(body, content_type))
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("typed", "expected"), [("5", 500), ("12.50", 1_250), ("0", 0), ("", None), (" 7.1 ", 710)]
)
def test_a_price_in_yuan_becomes_fen(typed: str, expected: int | None) -> None:
    form = Form([("price", typed)])
    assert form.price("price") == expected
    assert form.faults == {}


@pytest.mark.parametrize("typed", ["5.005", "-1", "1e999", "NaN", "Infinity", "five", "99999999999"])
def test_what_is_no_price_is_named(typed: str) -> None:
    form = Form([("price", typed)])
    assert form.price("price") is None
    assert form.faults == {"price": "price"}


@pytest.mark.parametrize("typed", ["-1", "1.5", "٣", "1e3", "9" * 30, "x"])
def test_what_is_no_count_is_named(typed: str) -> None:
    form = Form([("count", typed)])
    assert form.count("count") is None
    assert form.faults == {"count": "number"}


@pytest.mark.parametrize("key", ["", "票", "x" * 256, "a\nb"])
def test_a_form_without_a_good_key_is_refused(key: str) -> None:
    with pytest.raises(Refusal) as refused:
        Form([("key", key)]).key()
    assert refused.value.code is Code.IDEMPOTENCY_KEY_MISSING


@pytest.mark.parametrize("path", ["/", "/events/abc", "/orders?cursor=1.A"])
def test_people_go_back_to_our_pages(path: str) -> None:
    assert own_path(path, "/") == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nSet-Cookie: x=1",
        "javascript:1",
        "/ a",
    ],
)
def test_and_nowhere_else(path: str) -> None:
    assert own_path(path, "/home") == "/home"


def test_rows_left_empty_are_left_out_and_faults_find_their_row() -> None:
    fields = {
        "title": "合唱",
        "opens_at": "2026-05-01T09:00",
        "closes_at": "2026-05-02T09:00",
        "starts_at": "2026-05-03T09:00",
        "hold_minutes": "5",
        "quota.0.name": "甲班",
        "quota.0.capacity": "33",
        "quota.2.name": "乙班",
        "quota.2.capacity": "20",
        "quota.2.price": "5",
    }
    form = Form(list(fields.items()))
    draft = read_event(form)
    assert form.faults == {}
    assert [(quota.name, quota.capacity, quota.price) for quota in draft.quotas] == [
        ("甲班", 33, 0),
        ("乙班", 20, 500),
    ]
    assert (draft.hold_seconds, draft.per_card_limit, draft.eligible_organisations) == (300, None, None)
    assert form_field("quotas[1].price", form) == "quota.2.price"
    assert form_field("hold_seconds", form) == "hold_minutes"
    assert form_field("title", form) == "title"
