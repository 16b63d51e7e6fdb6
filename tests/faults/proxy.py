"""A network that can be disturbed: proxies on loopback ports, all in one thread of their own."""

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Awaitable[Streams]]

_CHUNK = 65_536


class Network:
    """The thread in which every proxy lives; use as a context manager."""

    def __enter__(self) -> "Network":
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, act: Coroutine[Any, Any, Any]) -> Any:
        """Do it in the network's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(10)

    def proxy(self, reach: Reach, seed: int) -> "Proxy":
        """A new proxy in front of what `reach` opens."""
        proxy = Proxy(self, reach, random.Random(seed))
        self._servers.append(self.run(proxy.listen()))
        return proxy

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Proxy:
    """One port in front of one server. What disturbs it is set by `refusing`, `losing` and `delay`, or `freeze`."""

    def __init__(self, network: Network, reach: Reach, dice: random.Random) -> None:
        self._network = network
        self._reach = reach
        self._dice = dice
        self._writers: set[asyncio.StreamWriter] = set()
        self.refusing = False
        self.losing = 0.0
        """The chance of each answer to be lost together with its connection."""
        self.delay = 0.0
        """Seconds that everything takes longer, each way."""
        self.lost = 0
        """Answers lost so far."""
        self.port = 0

    async def listen(self) -> asyncio.Server:
        """Take connections on a free port."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """Cut every connection there is."""
        self._network.run(self._cut())

    def freeze(self) -> None:
        """Let nothing pass, and tell nobody."""
        self._network.run(self._freeze())

    def calm(self) -> None:
        """Let everything pass again, what was frozen too."""
        self.refusing, self.losing, self.delay = False, 0.0, 0.0
        self._network.run(self._thaw())

    async def _freeze(self) -> None:
        self._flowing.clear()

    async def _thaw(self) -> None:
        self._flowing.set()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio complains of connections that are cancelled; at the end all of them are.
        with contextlib.suppress(asyncio.CancelledError), contextlib.ExitStack() as stack:
            self._enter(stack, writer)
            if self.refusing:
                return
            try:
                onward, server = await self._reach()
            except OSError:
                return
            self._enter(stack, server)
            ways = [self._carry(reader, server), self._carry(onward, writer, answers=True)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _enter(self, stack: contextlib.ExitStack, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._writers.add(writer)
        stack.callback(writer.transport.abort)
        stack.callback(self._writers.discard, writer)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                if answers and self.losing and self._dice.random() < self.losing:
                    self.lost += 1
                    return
                writer.write(chunk)
                await writer.drain()
