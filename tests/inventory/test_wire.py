"""Goal: every question over the wire gets its own answer or one error, in order, and none is ever sent twice.

Method: the real server for what it answers; a server of the test's own for what a good one never does: closing in
the middle, silence, bytes that mean nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ticketing.inventory.wire import Wire

PATIENCE_SECONDS = 0.2


@pytest.fixture
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    async with Redis.from_url(redis_url) as redis:
        wire = Wire(redis.connection_pool)
        yield wire
        await wire.aclose()


async def test_a_thousand_questions_get_each_its_own_answer(wire: Wire) -> None:
    assert await wire.run("ECHO", "first") == b"first"
    answers = await asyncio.gather(*(wire.send("ECHO", str(n)) for n in range(1_000)))
    assert answers == [b"%d" % n for n in range(1_000)]


async def test_many_that_open_it_at_once_share_a_connection(wire: Wire) -> None:
    names = await asyncio.gather(*(wire.run("CLIENT", "ID") for _ in range(20)))
    assert len(set(names)) == 1


async def test_what_is_longer_than_a_socket_takes_at_once_arrives(wire: Wire) -> None:
    long = b"x" * 20_000_000
    await wire.run("PING")
    both = await asyncio.gather(wire.send("ECHO", long), wire.send("ECHO", b"after"))
    assert list(both) == [long, b"after"]


async def test_an_error_is_the_one_of_redis_py_and_hurts_nobody_else(wire: Wire) -> None:
    await wire.run("PING")
    answers = await asyncio.gather(
        wire.send("EVALSHA", "0" * 40, "0"),
        wire.send("NONSENSE"),
        wire.send("ECHO", "well"),
        return_exceptions=True,
    )
    assert isinstance(answers[0], NoScriptError)
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == b"well"


async def test_one_who_left_does_not_shift_the_answers(wire: Wire) -> None:
    await wire.run("PING")
    gone, stays = wire.send("ECHO", "gone"), wire.send("ECHO", "stays")
    gone.cancel()
    assert await stays == b"stays"


async def test_after_the_server_hung_up_the_next_run_opens_it_again(wire: Wire) -> None:
    name = await wire.run("CLIENT", "ID")
    with pytest.raises(RedisConnectionError):
        await asyncio.gather(
            wire.send("CLIENT", "KILL", "ID", name, "SKIPME", "no"), wire.send("ECHO", "lost")
        )
    assert not wire.is_open
    assert await wire.run("ECHO", "again") == b"again"


async def test_closing_fails_what_is_under_way(wire: Wire) -> None:
    await wire.run("PING")
    asked = wire.send("BLPOP", "nothing", "0")
    await wire.aclose()
    with pytest.raises(RedisConnectionError):
        await asked


# A server of our own


class Server:
    """Answers the client's greetings with OK, and to `ECHO` does what it is told; counts what it was asked."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._answer = answer
        self._path = path
        self.asked = 0

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if b"ECHO" not in data:
                writer.write(b"+OK\r\n" * data.count(b"*"))
                continue
            self.asked += data.count(b"ECHO")
            if self._answer is not None:
                writer.write(self._answer)
            if self._answer == b"":
                break
        writer.close()

    def client(self) -> Any:
        return Redis.from_url(f"unix://{self._path}", protocol=2, socket_timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", RedisConnectionError), (None, RedisTimeoutError), (b"?what\r\n", RedisConnectionError)],
    ids=["hangs up", "is silent", "talks nonsense"],
)
async def test_a_bad_server_fails_all_that_wait_and_is_asked_once(
    tmp_path: Path, answer: bytes | None, error: type[Exception]
) -> None:
    async with Server(tmp_path / "socket", answer) as server, server.client() as redis:
        wire = Wire(redis.connection_pool)
        answers = await asyncio.gather(*(wire.run("ECHO", str(n)) for n in range(3)), return_exceptions=True)
        assert [type(one) for one in answers] == [error] * 3
        assert not wire.is_open
        assert server.asked <= 3
        await wire.aclose()
