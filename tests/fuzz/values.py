"""Values of a schema, mostly right ones, and ways to make them wrong. Everything is drawn from the dice given."""

import copy
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

Known = Callable[[str], Any]
"""A value that means something here for a field of this name, or None."""

TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "null",
    "五元看大片",
    "ﷺ" * 40,
    "a\u0000b",
    "line\nline",
    "\u202eright",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "e\u0301" * 30,
    "' OR 1=1 --",
    "%00%0a",
    "{{7*7}}",
    "../../etc/passwd",
    "=1+1",
    "\x7f",
    "x" * 81,
    "x" * 300,
    "x" * 20_000,
    "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "1970-01-01T00:00:00Z",
    "2026-05-01T24:00:00Z",
    "2026-05-01T00:00:00",
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    29,
    31,
    1_000_001,
    2**31,
    2**53,
    2**63,
    -(2**63) - 1,
    2**64,
    10**400,
    0.5,
    -0.0,
    1e308,
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": ""}, {"a": {"b": {}}})
_TIMES = (
    "2026-12-01T08:00:00Z",
    "2027-01-01T00:00:00+08:00",
    "2030-05-01T10:00:00.123Z",
    "2020-01-01T00:00:00Z",
)


class Values:
    """Draws values of the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Any], dice: random.Random, known: Known) -> None:
        self._schemas = schemas
        self._dice = dice
        self._known = known

    def of(self, schema: Mapping[str, Any], name: str = "") -> Any:
        """A value of the schema, for a field of this name."""
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].rpartition("/")[2]], name)
        if "anyOf" in schema:
            return self.of(self._dice.choice(schema["anyOf"]), name)
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        if schema.get("type") in ("object", "array"):
            return self._object(schema) if schema["type"] == "object" else self._array(schema, name)
        known = self._known(name) if self._dice.random() < 0.9 else None
        return self._plain(schema) if known is None else known

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        required = schema.get("required", ())
        chosen = [n for n in schema.get("properties", {}) if n in required or self._dice.random() < 0.4]
        return {name: self.of(schema["properties"][name], name) for name in chosen}

    def _array(self, schema: Mapping[str, Any], name: str) -> list[Any]:
        least = schema.get("minItems", 0)
        return [
            self.of(schema.get("items", {}), name) for _ in range(least + self._dice.choice((0, 0, 0, 1, 2)))
        ]

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        kind = schema.get("type")
        if kind == "integer":
            low = schema.get("minimum", 0)
            high = schema.get("maximum", 100)
            return self._dice.choice((low, low + 1, high, self._dice.randint(low, high)))
        if kind == "boolean":
            return self._dice.random() < 0.5
        if kind == "null":
            return None
        return self._text(schema)

    def _text(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") == "date-time":
            return self._dice.choice(_TIMES)
        if schema.get("pattern") == "^[A-Z]{3}$":
            return self._dice.choice(("CNY", "USD"))
        most = min(schema.get("maxLength", 20), 60)
        return "".join(self._dice.choices("abc xyz 0123456789 票券", k=self._dice.randint(1, most))) or "x"


def spoil(value: Any, dice: random.Random) -> Any:
    """The value with something wrong in one place of it, or in several."""
    spoiled = [copy.deepcopy(value)]
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        holder, key = dice.choice(_places(spoiled))
        _spoil_place(holder, key, dice)
    return spoiled[0]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, held in list(inner):
        found += [(value, key), *_places(held)]
    return found


def _spoil_place(holder: Any, key: Any, dice: random.Random) -> None:
    if isinstance(holder, dict) and dice.random() < 0.25:
        held = holder.pop(key)
        if dice.random() < 0.6:
            holder[dice.choice((f"{key} ", key.upper(), "__proto__", "extra", "", "\u0000"))] = held
        return
    holder[key] = odd_value(dice, holder[key])


def odd_value(dice: random.Random, before: Any = None) -> Any:
    """Something that hardly anybody expects."""
    choice = dice.random()
    if choice < 0.35:
        return dice.choice(TEXTS)
    if choice < 0.6:
        return dice.choice(NUMBERS)
    if choice < 0.75:
        return copy.deepcopy(dice.choice(OTHERS))
    if choice < 0.8:
        return nested(dice.choice((3, 60, 400)), dice)
    if isinstance(before, list):
        return before * dice.choice((2, 31, 300))
    return [before] if dice.random() < 0.5 else {"value": before}


def nested(depth: int, dice: random.Random) -> Any:
    """Lists or objects so deep."""
    value: Any = 1
    in_objects = dice.random() < 0.5
    for _ in range(depth):
        value = {"a": value} if in_objects else [value]
    return value


def written(value: Any) -> bytes:
    """JSON as clients send it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def spoil_bytes(body: bytes, dice: random.Random) -> tuple[str, bytes]:
    """What was done to a body, and the body."""
    at = dice.randrange(len(body) + 1)
    name = dice.choice(tuple(_BYTES))
    return name, _BYTES[name](body, at, dice)


_BYTES: dict[str, Callable[[bytes, int, random.Random], bytes]] = {
    "cut off": lambda body, at, dice: body[:at],
    "broken UTF-8": lambda body, at, dice: (
        body[:at] + dice.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80")) + body[at:]
    ),
    "control character": lambda body, at, dice: body[:at] + bytes([dice.randrange(32)]) + body[at:],
    "byte changed": lambda body, at, dice: body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :],
    "two documents": lambda body, at, dice: body + dice.choice((b"", b" ", b"\n")) + body,
    "byte order mark": lambda body, at, dice: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body, at, dice: body.decode("utf-8", "replace").encode("utf-16"),
    "duplicate keys": lambda body, at, dice: body.replace(
        b"{", b'{"reason": "a", "items": [], "pin": 1, ', 1
    ),
    "same keys twice": lambda body, at, dice: (
        body[:-1] + b", " + body[1:] if body[:1] == b"{" and body[2:] else body * 2
    ),
    "deep": lambda body, at, dice: (
        dice.choice((b"[", b'{"a":', b'{"items":[')) * dice.choice((50, 2_000, 50_000))
    ),
    "deep and whole": lambda body, at, dice: b'{"items":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "huge number": lambda body, at, dice: b'{"quantity": ' + b"9" * 10_000 + b"}",
    "odd numbers": lambda body, at, dice: dice.choice(
        (b"NaN", b"-Infinity", b"1e99999", b"01", b"+1", b"0x10", b"-")
    ),
    "lone surrogate": lambda body, at, dice: (
        b'{"reason": "\\ud800", "pin": "\\udfff", "card_number": "\\ud800"}'
    ),
    "escaped controls": lambda body, at, dice: b'{"reason": "\\u0000\\u001f", "card_number": "1\\u0000"}',
    "blank": lambda body, at, dice: dice.choice(
        (b"", b" ", b"\n\n", b"\x00", b"null", b'""', b"[]", b"{}", b"0")
    ),
    "noise": lambda body, at, dice: dice.randbytes(dice.randrange(1, 400)),
    "large": lambda body, at, dice: body + b" " * dice.choice((16_384, 262_144, 300_000)),
}
