"""Reading what a client sent: bounded in size and depth, in JSON and UTF-8, and of the right shape.

The checks come in the contract's order: too large, wrong media type, (who it is and whether they may,)
the key is missing, malformed, invalid.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TypeVar

import msgspec
from starlette.types import Receive

from ticketing.errors import Code, Refusal, invalid
from ticketing.services.imports import UPLOAD_BYTES_MAX

BODY_BYTES_MAX = 262_144
"""The largest JSON body; an event with two hundred quotas fits four times."""

FILE_BYTES_MAX = UPLOAD_BYTES_MAX
"""The largest file in a body."""

HOT_BODY_BYTES_MAX = 16_384
"""The largest body of the rush; thirty items of the longest names fit."""

KEY_CHARACTERS_MAX = 255
ID_CHARACTERS_MAX = 80
ID_DIGITS_MAX = 18

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_PLACE = re.compile(r"^(?P<reason>.*) - at `\$?\.?(?P<field>.*)`$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING_FIELD = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)
_PATTERN = re.compile(r"matching regex .*", re.DOTALL)

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection before its body was complete."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int) -> bytes:
    """The whole body. Raises `Refusal` for more than `bytes_max`, before reading it where its length is declared."""
    require_size(headers, bytes_max)
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= bytes_max:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientGone
    if len(body) > bytes_max:
        raise Refusal(Code.BODY_TOO_LARGE)
    return body


def require_size(headers: Mapping[bytes, bytes], bytes_max: int) -> None:
    """Refuse a body that is declared to be larger."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > bytes_max:
        raise Refusal(Code.BODY_TOO_LARGE)


def require_json(headers: Mapping[bytes, bytes], body: bytes) -> None:
    """Refuse a body that does not say it is JSON; an absent one is for the decoder to judge."""
    declared = headers.get(b"content-type")
    if declared == b"application/json" or (declared is None and not body):
        return
    if not _is_json((declared or b"").decode("latin-1")):
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)


def require_type(headers: Mapping[bytes, bytes], media_types: Collection[str]) -> None:
    """Refuse a body that does not say it is one of these."""
    declared = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
    if declared.strip().lower() not in media_types:
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)


@lru_cache(maxsize=256)
def _is_json(content_type: str) -> bool:
    media_type, *parameters = [part.strip().lower() for part in content_type.split(";")]
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    return media_type == "application/json" and all(charset in ("utf-8", "utf8") for charset in charsets)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as the decoder's type. Raises `Refusal`: `malformed_json`, or `invalid` with the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _require_wellformed(body)  # the decoder stops at the first wrong field, before it has seen the rest
        raise invalid(_field_and_reason(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(Code.MALFORMED_JSON) from None


def read_id(text: str) -> str:
    """An id of a path. Raises `Refusal` NOT_FOUND for what can be none; PostgreSQL would not even compare it."""
    if len(text) > ID_CHARACTERS_MAX or has_controls(text):
        raise Refusal(Code.NOT_FOUND)
    return text


def read_number(text: str) -> int:
    """A number that is an id of a path. Raises `Refusal` NOT_FOUND for what can be none; SQL could not hold it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= ID_DIGITS_MAX):
        raise Refusal(Code.NOT_FOUND)
    return int(text)


def has_controls(text: str) -> bool:
    """Whether there is a control character in a text."""
    return _CONTROLS.search(text) is not None


def require_key(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a request without a key; its form is judged after the body, by `idempotency_key`."""
    if not headers.get(b"idempotency-key"):
        raise Refusal(Code.IDEMPOTENCY_KEY_MISSING)


def idempotency_key(headers: Mapping[bytes, bytes]) -> str:
    """The request's key: 1 to 255 printable ASCII characters. Raises `Refusal` `invalid` for any other."""
    require_key(headers)
    key = headers[b"idempotency-key"].decode("latin-1")
    if len(key) > KEY_CHARACTERS_MAX or not (key.isascii() and key.isprintable()):
        raise invalid(("Idempotency-Key", f"must be 1 to {KEY_CHARACTERS_MAX} printable ASCII characters"))
    return key


def _require_wellformed(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(Code.MALFORMED_JSON) from None


def _field_and_reason(message: str) -> tuple[str, str]:
    place = _PLACE.match(message)
    reason, field = (place["reason"], place["field"]) if place else (message, "")
    for pattern, words in ((_UNKNOWN_FIELD, "is unknown"), (_MISSING_FIELD, "is required")):
        named = pattern.match(reason)
        if named:
            return ".".join(part for part in (field, named["name"]) if part), words
    return field, _PATTERN.sub("of its form, without control characters", reason)
