"""Hand-made requests: request number N of a seed is the same every time, so that a fault can be sent again alone.

Each is made of a sound request to a call of the document, and then spoiled in one way: a value, the bytes of its
body, a header, its path, its method; or it is a form of the pages, or no whole HTTP at all.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes

from tests.fuzz.forms import page_request
from tests.fuzz.judge import Judge, Sent, is_target
from tests.fuzz.oddities import odd_request
from tests.fuzz.place import KEYS, Place, Visit
from tests.fuzz.values import Values, odd_value, spoil, spoil_bytes, written

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT")
TEN_MEGABYTES = 10 * 1024 * 1024
SHOWN_MAX = 700
_LONG_WORD = re.compile(r"\S{200,}")
_SLOW_CALLS = ("/api/v1/staff/sessions", "/metrics")
"""Each of these costs 50 ms and more; they are asked less often."""


class Sound(NamedTuple):
    """A request that is right, in its parts."""

    method: str
    template: str
    path: str
    query: Mapping[str, str]
    headers: dict[str, str]
    body: Any


class Requests:
    """The requests of one seed to one place, by number."""

    def __init__(self, judge: Judge, document: Mapping[str, Any], place: Place, seed: int) -> None:
        self._calls = judge.calls
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._place = place
        self._seed = seed

    def number(self, number: int) -> Sent:
        """The request of this number."""
        dice = random.Random(f"{self._seed}:{number}")
        make = dice.choices(tuple(_WAYS), tuple(_WAYS.values()))[0]
        return make(self, dice)

    def sound(self, dice: random.Random) -> Sound:
        """A request that the document allows, of somebody who mostly may, about things that mostly exist."""
        method, path, call = dice.choice(self._calls)
        if path in _SLOW_CALLS and dice.random() < 0.9:
            method, path, call = dice.choice(self._calls)
        visit = Visit(self._place, path, method, dice)
        values = Values(self._schemas, dice, visit.known)
        headers = visit.authorization(call)
        query, filled = {}, path
        for parameter in call["parameters"]:
            name, where = parameter["name"], parameter["in"]
            if where == "path":
                filled = filled.replace(
                    f"{{{name}}}", quote(str(values.of({"type": "string"}, name)), safe="")
                )
            elif where == "query" and dice.random() < 0.5:
                query[name] = str(values.of({"type": "string"}, name))
            elif where == "header":
                headers[name] = dice.choice(KEYS)
        return Sound(method, path, filled, query, headers, _body(values, call))

    # The ways to spoil it

    def plain(self, dice: random.Random) -> Sent:
        return _sent("sound", self.sound(dice))

    def value(self, dice: random.Random) -> Sent:
        sound = self.sound(dice)
        if sound.body is None:
            return self._part(sound, dice)
        return _sent("a wrong value", sound._replace(body=spoil(sound.body, dice)))

    def _part(self, sound: Sound, dice: random.Random) -> Sent:
        """A call without a body: what stands in its path and query is wrong."""
        text = quote(str(odd_value(dice))[:2_000], safe="", errors="replace")
        parts = sound.path.split("/")
        if "{" in sound.template and dice.random() < 0.7:
            return _sent("a wrong id", sound._replace(path="/".join([*parts[:-1], text or "x"])))
        return _sent("a wrong query", sound._replace(query={dice.choice(("cursor", "status", "x")): text}))

    def bytes_(self, dice: random.Random) -> Sent:
        sound = self.sound(dice)
        name, body = spoil_bytes(b"{}" if sound.body is None else written(sound.body), dice)
        return _sent(name, sound, body)

    def header(self, dice: random.Random) -> Sent:
        sound = self.sound(dice)
        name, lines = dice.choice(HEADERS)
        return _sent(f"header: {name}", sound, lines=lines(dice))

    def path(self, dice: random.Random) -> Sent:
        sound = self.sound(dice)
        name = dice.choice(tuple(PATHS))
        return _sent(f"path: {name}", sound._replace(path=PATHS[name](sound.path, dice)))

    def method(self, dice: random.Random) -> Sent:
        return _sent("another method", self.sound(dice)._replace(method=dice.choice(METHODS)))

    def large(self, dice: random.Random) -> Sent:
        body = written({"reason": "x" * TEN_MEGABYTES})
        return _sent("10 MB", self.sound(dice), body)

    def form(self, dice: random.Random) -> Sent:
        return page_request(self._place, dice)

    def odd(self, dice: random.Random) -> Sent:
        return odd_request(_sent("sound", self.sound(dice)), dice)


_WAYS: dict[Callable[[Requests, random.Random], Sent], float] = {
    Requests.plain: 24,
    Requests.value: 30,
    Requests.bytes_: 14,
    Requests.header: 9,
    Requests.path: 7,
    Requests.method: 3,
    Requests.form: 10,
    Requests.odd: 2,
    Requests.large: 0.1,
}
"""How often each way is gone."""


def _body(values: Values, call: Mapping[str, Any]) -> Any:
    content = call.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return values.of(content["application/json"]["schema"])
    return "not JSON" if content else None


def _sent(kind: str, sound: Sound, body: bytes | None = None, lines: list[bytes] | None = None) -> Sent:
    """On the wire. `body` and `lines` take the place of what would be sent."""
    if body is None and sound.body is not None:
        body = written(sound.body)
    query = "&".join(f"{name}={quote(value, safe='%')}" for name, value in sound.query.items())
    target = sound.path + (f"?{query}" if query else "")
    head = [f"{sound.method} {target} HTTP/1.1".encode("latin-1"), b"host: 127.0.0.1"]
    head += [f"{name}: {value}".encode("latin-1") for name, value in sound.headers.items()]
    if body is not None:
        head += [b"content-type: application/json", b"content-length: %d" % len(body)]
    raw = b"\r\n".join([*head, *(lines or ()), b"", body or b""])
    return Sent(kind, sound.method, target, raw, is_http=is_target(target))


_MEDIA_TYPES = (
    b"", b"text/plain", b"application/json; charset=gbk", b"application/json;;;", b"multipart/form-data", b"\xff",
    b"application/x-www-form-urlencoded", b'application/json; charset="utf-8"', b"x" * 3_000,
)  # fmt: skip

# Headers: each is added to what a request has, so a repeated one comes twice

HEADERS: tuple[tuple[str, Callable[[random.Random], list[bytes]]], ...] = (
    ("long key", lambda dice: [b"idempotency-key: " + b"k" * dice.choice((255, 256, 5_000))]),
    ("empty key", lambda dice: [b"idempotency-key:"]),
    ("key of other bytes", lambda dice: [b"idempotency-key: \x80\xff" + dice.randbytes(3).hex().encode()]),
    ("two keys", lambda dice: [b"idempotency-key: a", b"idempotency-key: b"]),
    ("media type", lambda dice: [b"content-type: " + dice.choice(_MEDIA_TYPES)]),
    ("etag", lambda dice: [b"if-none-match: " + dice.choice((b"*", b'W/"x"', b'"', b"\xff", b"," * 500))]),
    (
        "tongue",
        lambda dice: [b"accept-language: " + dice.choice((b"x" * 900, b"zh;q=x", b"*;q=-1,;;", b"\xff"))],
    ),
    (
        "forwarded",
        lambda dice: [b"x-forwarded-for: " + dice.choice((b"x", b"1.2.3.4, ::1", b"," * 99, b"\xff"))],
    ),
    (
        "origin",
        lambda dice: [b"origin: " + dice.choice((b"null", b"http://[", b"http://evil.example", b"\xff"))],
    ),
    ("fetch site", lambda dice: [b"sec-fetch-site: " + dice.choice((b"none", b"cross-site", b"\xff"))]),
    ("range", lambda dice: [b"range: bytes=" + dice.choice((b"0-1", b"-1", b"9-1", b"x", b"0-0,1-1," * 50))]),
    (
        "cookies",
        lambda dice: [b"cookie: " + dice.choice((b"=", b"a" * 8_000, b'a="\\', b"\xff=\xff", b";;;="))],
    ),
    ("accept", lambda dice: [b"accept: " + dice.choice((b"text/html", b"x", b"*/*;q=2"))]),
    ("many", lambda dice: [b"x-%d: y" % number for number in range(dice.choice((50, 300)))]),
    ("host", lambda dice: [b"host: " + dice.choice((b"", b"evil.example", b"[::1", b"a b", b"\xff"))]),
    ("method override", lambda dice: [b"x-http-method-override: DELETE"]),
)


# Paths

PATHS: dict[str, Callable[[str, random.Random], str]] = {
    "slash after": lambda path, dice: path + "/" * dice.choice((1, 2)),
    "slashes within": lambda path, dice: path.replace("/", "//", dice.choice((1, 9))),
    "dots": lambda path, dice: path + dice.choice(("/..", "/../../../etc/passwd", "/.", "/%2e%2e/%2e%2e")),
    "dots within": lambda path, dice: path.replace("/v1/", dice.choice(("/v1/./", "/x/../v1/", "/v1/%2e%2e/")), 1),
    "encoded slash": lambda path, dice: path.replace("/events/", "/events%2f", 1).replace("/me", "%2Fme"),
    "encoded letters": lambda path, dice: "".join(f"%{ord(c):02x}" if c.isalpha() else c for c in path),
    "upper case": lambda path, dice: path.upper(),
    "NUL": lambda path, dice: path + "%00" + dice.choice(("", ".json")),
    "line break": lambda path, dice: path + "%0d%0aset-cookie:x=y",
    "broken UTF-8": lambda path, dice: path + dice.choice(("%ff", "%c0%af", "%ed%a0%80", "%", "%zz", "%u0041")),
    "Chinese": lambda path, dice: path + quote("/五元看大片"),
    "long": lambda path, dice: path + "/" + "x" * dice.choice((100, 5_000, 30_000)),
    "parameters": lambda path, dice: path + ";a=b;c",
    "query": lambda path, dice: (
        path + "?" + dice.choice(("&&&=", "a" * 9_000, "a=%ff", "cursor=%00", "status=%F0", "?"))
    ),
    "noise": lambda path, dice: "/" + quote_from_bytes(dice.randbytes(20)),
    "static": lambda path, dice: "/static/" + dice.choice(("", "..%2f..%2fdev", "%2e%2e/x", "%00", "x" * 300)),
    "nothing": lambda path, dice: dice.choice(("/api", "/api/", "/api/v1", "/api/v2/x", "/openapi.json", "/")),
}  # fmt: skip


def shown(sent: Sent) -> str:
    """A request for people, not too long."""
    text = sent.raw[:1_200].decode("latin-1")
    return f"[{sent.kind}] {json.dumps(text)}" + (
        f" … {len(sent.raw):,} bytes" if len(sent.raw) > 1_200 else ""
    )
