"""Goal: a request in the lane is answered as it would be beside it, byte for byte but for the time.

Method: uvicorn's real server with two toy calls (one answers at once, one waits) and a raw socket. Every request is
sent as it is, which takes the lane, and in a form that must leave it; the calls say which way it was.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from ticketing.api.answers import Answer
from ticketing.api.bodies import HOT_BODY_BYTES_MAX
from ticketing.api.contract import Operation
from ticketing.api.hot import Asked, Dispatch, Given, HotCall, HotCalls
from ticketing.api.lane import lane_to
from ticketing.api.patience import HEAD_BYTES_MAX
from ticketing.api.tally import Tally
from ticketing.clock import ServerClock
from ticketing.errors import Code, Refusal, StoreUnavailable


class Wish(Struct):
    """Any body."""


def operation(method: str, path: str, **more: Any) -> Operation:
    return Operation(method=method, path=path, summary="", tag="", **more)


class Toy:
    """Two calls, and the ASGI application that answers everything else."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked: list[Asked] = []
        self.tally = Tally()
        calls = [
            HotCall(operation("GET", "/api/v1/things/{id}"), self.look),
            HotCall(operation("POST", "/api/v1/things/{id}/wishes", takes=Wish), self.wish),
            HotCall(operation("DELETE", "/api/v1/things/{id}"), self.drop),
            HotCall(operation("GET", "/things/{id}"), self.page, self.say),
        ]
        self.hot = HotCalls(calls, ServerClock(), self.tally)
        self.by_asgi: list[str] = []

    def look(self, asked: Asked) -> Given:
        self.asked.append(asked)
        if asked.id == "refused":
            raise Refusal(Code.NOT_FOUND)
        return Answer(200, asked.id.encode())

    async def wish(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        await self.go_on.wait()
        if asked.id == "away":
            raise StoreUnavailable("away")
        if asked.id == "given-up":
            raise asyncio.CancelledError
        if asked.id == "broken":
            raise ValueError("a defect")
        return Answer(201, asked.body)

    def drop(self, asked: Asked) -> Given:
        return Answer(204, b"")

    def page(self, asked: Asked) -> Given | None:
        self.asked.append(asked)
        if asked.id == "refused":
            raise Refusal(Code.NOT_FOUND)
        return None if asked.query == b"elsewhere" else Answer(200, b"page " + asked.query, is_page=True)

    def say(self, refusal: Refusal, asked: Asked) -> Answer:
        return Answer(404, f"no {asked.id}".encode())

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.by_asgi.append(scope["path"])
        if scope["type"] == "http" and scope["path"] == "/elsewhere":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"else"})
            return
        await Dispatch(self.hot, self._nowhere, lambda: None)(scope, receive, send)

    async def _nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


Client = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def until(happened: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@pytest.fixture
async def toy() -> Toy:
    return Toy()


@pytest.fixture
async def client(toy: Toy) -> AsyncIterator[Client]:
    config = uvicorn.Config(
        toy.app,
        port=0,
        loop="none",
        http=lane_to(toy.hot),
        interface="asgi3",
        lifespan="off",
        log_level="critical",
        ws="none",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    writers = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()
    server.should_exit = True
    await serving


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


def request(method: str, path: str, body: bytes = b"", *more: str) -> bytes:
    length = [f"content-length: {len(body)}"] if body else []
    lines = [f"{method} {path} HTTP/1.1", "host: tests", *length, *more, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/things/7", b"", 200),
        ("GET", "/api/v1/things/refused", b"", 404),
        ("POST", "/api/v1/things/7/wishes", b'{"a":1}', 201),
        ("POST", "/api/v1/things/away/wishes", b"{}", 503),
        ("POST", "/api/v1/things/broken/wishes", b"{}", 503),
        ("DELETE", "/api/v1/things/7", b"", 204),
        ("GET", "/things/7", b"", 200),
        ("GET", "/things/7?was=open", b"", 200),
        ("GET", "/things/refused", b"", 404),
    ],
)
async def test_the_lane_and_asgi_answer_alike(
    toy: Toy, client: Client, method: str, path: str, body: bytes, status: int
) -> None:
    reader, writer = await client()
    writer.write(request(method, path, body))
    in_lane = await answer(reader)
    assert toy.by_asgi == []
    writer.write(request(method, path.replace("things", "%74hings"), body))
    beside = await answer(reader)
    assert toy.by_asgi == [path.partition("?")[0]]
    assert len({asked.query for asked in toy.asked}) <= 1
    assert in_lane[0] == beside[0] == status
    assert in_lane[2] == beside[2]
    timeless = [
        {k: v for k, v in a[1].items() if k not in ("server-time", "server-timing", "date")}
        for a in (in_lane, beside)
    ]
    assert timeless[0] == timeless[1]
    assert abs(int(in_lane[1]["server-time"]) - int(beside[1]["server-time"])) < 60_000
    assert re.fullmatch(r"\w{3}, .* GMT", in_lane[1]["date"])
    assert ("server-timing" in in_lane[1]) == ("server-timing" in beside[1]) == in_lane[2].startswith(b"page")
    name = re.sub(r"things/\w+", "things/{id}", f"{method} {path.partition('?')[0]}")
    assert toy.tally.take_answers()[0] == {(name, status): 2}


@pytest.mark.parametrize(
    "raw",
    [
        request("GET", "/api/v1/things/7?a=%62"),
        request("GET", "/api/v1/things/7", b"", "expect: 100-continue"),
        request("HEAD", "/api/v1/things/7"),
        request("PUT", "/api/v1/things/7"),
        request("GET", "/elsewhere"),
        request("POST", "/api/v1/things/7/wishes", b"", f"content-length: {HOT_BODY_BYTES_MAX + 1}"),
        request("POST", "/api/v1/things/7/wishes", b"", "transfer-encoding: chunked")
        + b"2\r\n{}\r\n0\r\n\r\n",
        request("GET", "/api/v1/things/7").replace(b"HTTP/1.1", b"HTTP/1.0"),
        request("GET", "/api/v1/things/7", b"", "connection: close"),
    ],
    ids=["escape", "expect", "HEAD", "method", "path", "too long", "chunks", "HTTP/1.0", "close"],
)
async def test_what_is_not_plain_leaves_the_lane(toy: Toy, client: Client, raw: bytes) -> None:
    reader, writer = await client()
    writer.write(raw)
    await reader.readuntil(b"\r\n")
    assert len(toy.by_asgi) == 1


@pytest.mark.parametrize("body", [b"", b"what nobody reads"])
async def test_a_page_hands_on_what_it_does_not_answer(toy: Toy, client: Client, body: bytes) -> None:
    reader, writer = await client()
    before, after = request("GET", "/things/1?before"), request("GET", "/things/2?after")
    writer.write(before + request("GET", "/things/7?elsewhere", body) + after + request("POST", "/things/7"))
    answers = [await answer(reader) for _ in range(4)]
    assert [(status, said) for status, _, said in answers] == [
        (200, b"page before"),
        (418, b""),
        (200, b"page after"),
        (418, b""),
    ]


async def test_a_body_in_pieces_is_put_together(toy: Toy, client: Client) -> None:
    reader, writer = await client()
    raw = request("POST", "/api/v1/things/7/wishes", b"0123456789")
    for place in range(len(raw)):
        writer.write(raw[place : place + 1])
        await writer.drain()
    assert (await answer(reader))[2] == b"0123456789"
    assert toy.by_asgi == []
    assert toy.asked[0].headers[b"host"] == b"tests"
    assert toy.asked[0].peer is not None


async def test_requests_sent_ahead_are_answered_in_their_order(toy: Toy, client: Client) -> None:
    reader, writer = await client()
    toy.go_on.clear()
    posts = [request("POST", "/api/v1/things/7/wishes", b"%d" % n) for n in range(5)]
    writer.write(posts[0] + request("GET", "/api/v1/things/between") + b"".join(posts[1:]))
    await asyncio.sleep(0.05)
    toy.go_on.set()
    assert [(await answer(reader))[2] for _ in range(6)] == [b"0", b"between", b"1", b"2", b"3", b"4"]


async def test_many_requests_in_one_piece_are_no_large_head(client: Client) -> None:
    reader, writer = await client()
    one = request("GET", "/api/v1/things/7", b"", "x-pad: " + "y" * 400)
    number = HEAD_BYTES_MAX // len(one) + 20
    writer.write(one * number)
    assert {(await answer(reader))[0] for _ in range(number)} == {200}
    writer.write(one)
    assert (await answer(reader))[0] == 200, "the connection stays"


async def test_a_call_that_is_given_up_is_answered_too(toy: Toy, client: Client) -> None:
    reader, writer = await client()
    writer.write(request("POST", "/api/v1/things/given-up/wishes", b"{}"))
    assert (await answer(reader))[0] == 503


async def test_a_client_that_leaves_disturbs_nobody(toy: Toy, client: Client) -> None:
    toy.go_on.clear()
    _, writer = await client()
    writer.write(request("POST", "/api/v1/things/7/wishes", b"{}"))
    await until(lambda: bool(toy.asked))
    writer.transport.abort()
    await asyncio.sleep(0.01)
    toy.go_on.set()
    reader, other = await client()
    other.write(request("GET", "/api/v1/things/7"))
    assert (await answer(reader))[0] == 200


async def test_lane_and_asgi_share_a_connection(toy: Toy, client: Client) -> None:
    reader, writer = await client()
    for path in ("/api/v1/things/7", "/elsewhere", "/api/v1/things/8"):
        writer.write(request("GET", path))
        assert (await answer(reader))[0] == 200
    assert toy.by_asgi == ["/elsewhere"]
