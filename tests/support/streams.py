"""A stream of server-sent events, read off a running API process as a browser reads it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from tests.support.house import House


class Event(NamedTuple):
    """One message: its name, and what stands in it."""

    name: str
    text: str

    @property
    def data(self) -> Any:
        """What a program reads."""
        return json.loads(self.text)


class Stream:
    """An answer under way. `status` and `headers` are there once it is open."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self._began = asyncio.Event()
        self._pieces: asyncio.Queue[Event | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._rest = b""

    @classmethod
    @asynccontextmanager
    async def open(cls, house: House, path: str, headers: dict[str, str]) -> AsyncIterator[Self]:
        """Ask for it, and leave at the end."""
        stream = cls()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("test", 80),
            "client": ("203.0.113.9", 50_000),
        }
        task = asyncio.create_task(house.app(scope, stream._receive, stream._send))
        try:
            await asyncio.wait_for(stream._began.wait(), 10)
            yield stream
        finally:
            stream._gone.set()
            await asyncio.wait_for(task, 10)

    async def next(self, seconds: float = 10) -> Event | None:
        """The next message; None when the stream has ended."""
        return await asyncio.wait_for(self._pieces.get(), seconds)

    async def until(self, seen: Any, seconds: float = 10) -> Event:
        """The first message from here on that `seen` says yes to."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self.next(seconds)
                assert event is not None, "the stream ended"
                if seen(event):
                    return event

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._began.set()
            return
        self.body += message.get("body", b"")
        self._rest += message.get("body", b"")
        while b"\n\n" in self._rest:
            block, _, self._rest = self._rest.partition(b"\n\n")
            self._take(block.decode())
        if not message.get("more_body"):
            self.ended = True
            self._pieces.put_nowait(None)

    def _take(self, block: str) -> None:
        lines = [line.partition(": ") for line in block.splitlines()]
        data = "\n".join(value for name, _, value in lines if name == "data")
        if data:
            self._pieces.put_nowait(Event(next((v for n, _, v in lines if n == "event"), "message"), data))
