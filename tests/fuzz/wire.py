"""A raw HTTP client: sends bytes that no library would send, and reads whatever comes back."""

import asyncio
import contextlib
from typing import Self

from tests.fuzz.judge import CLOSED, SILENCE, Answer

ANSWER_SECONDS = 30.0
"""How long an answer may take; the machine may be busy."""

ODD_SECONDS = 0.5
"""How long an answer is waited for to what is no whole request: often none comes."""

_HEAD_BYTES_MAX = 1 << 20


class Line:
    """One client's connection, opened again whenever it was closed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()

    async def send(self, raw: bytes, method: str) -> Answer:
        """The answer to a whole request; repeated once when an idle connection turns out to be closed."""
        was_open = self._writer is not None
        answer = await self._exchange(raw, method, ANSWER_SECONDS)
        if answer is CLOSED and was_open:
            answer = await self._exchange(raw, method, ANSWER_SECONDS)
        return answer

    async def send_odd(self, raw: bytes, method: str) -> Answer:
        """The answer to anything at all, over a connection of its own."""
        await self.hang_up()
        answer = await self._exchange(raw, method, ODD_SECONDS)
        await self.hang_up()
        return answer

    async def hang_up(self) -> None:
        """Close the connection."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, raw: bytes, method: str, seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(raw, method)
        except TimeoutError:
            await self.hang_up()
            return SILENCE
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self.hang_up()
            return CLOSED

    async def _ask(self, raw: bytes, method: str) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=_HEAD_BYTES_MAX)
        writer = self._writer
        writer.write(raw)
        sending = asyncio.ensure_future(
            writer.drain()
        )  # an answer may come before all of a large body is sent
        try:
            answer = await _read_answer(self._reader, method)
            if answer.headers.get("connection") == "close":
                await self.hang_up()
            else:
                await sending
            return answer
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status >= 200:
            break
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])
    }
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers)
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
