"""What is not quite HTTP: broken lines, two lengths, odd chunks, other protocols, requests that never end."""

import random
from collections.abc import Callable

from tests.fuzz.judge import Sent

Oddity = Callable[[bytes, bytes, random.Random], bytes]
"""Makes bytes of a sound request's head and body."""


def odd_request(sound: Sent, dice: random.Random) -> Sent:
    """A sound request made into something that is none, or a borderline of one."""
    name = dice.choice(tuple(ODDITIES))
    head, _, body = sound.raw.partition(b"\r\n\r\n")
    return Sent(f"wire: {name}", sound.method, sound.target, ODDITIES[name](head, body, dice), is_http=False)


def _without_length(head: bytes) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join(lines)


def _with(*lines: bytes) -> Oddity:
    return lambda head, body, dice: b"\r\n".join((head, dice.choice(lines), b"", body))


def _chunked(*chunks: bytes) -> Oddity:
    def make(head: bytes, body: bytes, dice: random.Random) -> bytes:
        return _without_length(head) + b"\r\ntransfer-encoding: chunked\r\n\r\n" + dice.choice(chunks)

    return make


def _line(*lines: bytes) -> Oddity:
    """Another first line."""
    return lambda head, body, dice: (
        dice.choice(lines) + b"\r\n" + head.partition(b"\r\n")[2] + b"\r\n\r\n" + body
    )


def _honest_chunks(head: bytes, body: bytes, dice: random.Random) -> bytes:
    size = dice.choice((1, 3, 1_000))
    pieces = [body[at : at + size] for at in range(0, min(len(body), 2_000), size)]
    sent = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return (
        _without_length(head)
        + b"\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + sent
        + b"0\r\nx-trailer: y\r\n\r\n"
    )


_VERSIONS = (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.", b"http/1.1", b"HTTP/11", b"")

ODDITIES: dict[str, Oddity] = {
    "two lengths": _with(b"content-length: 3", b"content-length: 999", b"Content-Length: 0, 0"),
    "odd lengths": _with(b"content-length: -1", b"content-length: +5", b"content-length: 0x5", b"content-length: "),
    "huge length": _with(b"content-length: 99999999999999999999", b"content-length: 9223372036854775807"),
    "length and chunks": _with(
        b"transfer-encoding: chunked", b"transfer-encoding: xchunked", b"transfer-encoding: gzip"
    ),
    "honest chunks": _honest_chunks,
    "odd chunks": _chunked(
        b"zz\r\n", b"-1\r\n\r\n", b"fffffffffffffffff\r\nx", b"5\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n", b"\r\n"
    ),
    "endless chunk": _chunked(b"7fffffff\r\n" + b"x" * 5_000, b"1;" + b"x" * 20_000, b"1\r\n" + b"{" * 9_000),
    "empty chunks": _chunked(b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"00000\r\n\r\n"),
    "cut head": lambda head, body, dice: head[: dice.randrange(len(head))],
    "cut body": lambda head, body, dice: (head + b"\r\n\r\n" + body)[: -dice.randint(1, 9)],
    "too much body": lambda head, body, dice: head + b"\r\n\r\n" + body + dice.randbytes(40),
    "bare line feeds": lambda head, body, dice: (head + b"\r\n\r\n").replace(b"\r\n", b"\n") + body,
    "other versions": lambda head, body, dice: (
        head.replace(b"HTTP/1.1", dice.choice(_VERSIONS), 1) + b"\r\n\r\n" + body
    ),
    "first lines": _line(b"", b"GET", b"GET  / HTTP/1.1", b"get / HTTP/1.1", b"\x00 / HTTP/1.1", b" GET / HTTP/1.1"),
    "odd methods": _line(b"BREW / HTTP/1.1", b"X" * 9_000 + b" / HTTP/1.1", b"PRI * HTTP/2.0", b"CONNECT a:1 HTTP/1.1"),
    "odd targets": _line(
        b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET http://a/api/v1/me HTTP/1.1", b"GET ?x HTTP/1.1",
        b"GET http:// HTTP/1.1", b"GET //x HTTP/1.1", b"GET x HTTP/1.1", b"GET /#a HTTP/1.1",
        b"GET http://[ HTTP/1.1", b"GET /\xff\xfe HTTP/1.1", b"GET /a b HTTP/1.1",
    ),
    "odd header lines": _with(
        b"no colon", b": no name", b"a b: c", b"a : b", b" folded", b"x: \x00", b"x: a\rb", b"\xff: y"
    ),
    "large head": _with(b"x: " + b"y" * 70_000, b"\r\n".join(b"x-%d: y" % n for n in range(5_000)), b"x" * 300_000),
    "expectations": _with(b"expect: 100-continue", b"expect: 200-ok", b"expect: " + b"x" * 900),
    "upgrades": _with(
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x", b"upgrade: x",
        b"connection: upgrade\r\nupgrade: h2c",
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAAA",
    ),
    "connection": _with(
        b"connection: close", b"connection: keep-alive, close, \xff", b"connection: x", b"te: trailers"
    ),
    "no host": lambda head, body, dice: b"\r\n".join((head.split(b"\r\n")[0], b"", b"")),
    "two at once": lambda head, body, dice: (head + b"\r\n\r\n" + body) * dice.choice((2, 20)),
    "empty lines": lambda head, body, dice: b"\r\n" * dice.choice((1, 3_000)),
    "TLS": lambda head, body, dice: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(200),
    "HTTP/2": lambda head, body, dice: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "noise": lambda head, body, dice: dice.randbytes(dice.choice((1, 50, 5_000))),
    "nothing": lambda head, body, dice: b"",
}  # fmt: skip
