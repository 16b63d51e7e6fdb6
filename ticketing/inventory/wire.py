"""One connection to Redis for the scripts of the rush: commands leave at once, answers come in their order.

redis-py opens the connection (address, TLS, password, protocol version are its business) and hands over the
transport. From then on hiredis packs and parses, and any number of commands is under way at the same time.
redis-py's own client lends a whole connection to each command and passes through a dozen calls for it, which
costs as much Python as everything else that a hold needs.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool, DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ticketing.outlet import Outlet

Command = tuple[Any, ...]
"""A command's name and arguments, as redis-py takes them."""


class Wire:
    """Runs commands over one connection, which is made when it is needed and made again when it broke.

    A command is never repeated: whether one that had no answer has happened is for its caller to find out.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        """`pool` makes the connection; its `socket_timeout` is how long an answer may take."""
        self._pool: Any = pool
        self._link: Link | None = None
        self._opening = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether `send` will find a connection."""
        return self._link is not None and not self._link.is_broken

    def send(self, *command: Any) -> asyncio.Future[Any]:
        """Send a command now, while `is_open`; the future fails with redis-py's errors."""
        assert self._link is not None, "nothing is open"
        return self._link.ask([command])[0]

    async def run(self, *command: Any) -> Any:
        """Send a command, after opening the connection if there is none. Raises redis-py's errors."""
        await self.open()
        return await self.send(*command)

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send all of the commands together; their answers in order, or the first error."""
        await self.open()
        assert self._link is not None, "just opened"
        return await asyncio.gather(*self._link.ask(commands))

    async def open(self) -> None:
        """Make the connection if there is none. Raises redis-py's errors."""
        async with self._opening:
            if not self.is_open:
                self._link = await self._opened()

    async def aclose(self) -> None:
        """Close the connection; commands under way fail."""
        if self._link is not None:
            await self._link.aclose()
            self._link = None

    async def _opened(self) -> "Link":
        connection = self._pool.make_connection()
        await connection.connect()
        return Link(connection)


class Link(asyncio.Protocol):
    """A connection taken over from redis-py."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._timeout: float = connection.socket_timeout or inf
        self._reader = hiredis.Reader(replyError=DefaultParser.parse_error)
        self._asked: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None
        self.is_broken = False
        # redis-py has no public way to take this over; all that it has sent was answered by now.
        self._writer = connection._writer  # noqa: SLF001
        connection._reader = connection._writer = None  # noqa: SLF001
        assert self._writer is not None, "the connection was not opened"
        self._transport: Any = self._writer.transport
        self._transport.set_protocol(self)
        self._outlet = Outlet(self._transport)
        if self._transport.is_closing():
            self._break(RedisConnectionError("Redis closed the connection"))

    def ask(self, commands: Sequence[Command]) -> list[asyncio.Future[Any]]:
        """Send commands in one piece; the futures of their answers."""
        due = self._loop.time() + self._timeout
        futures: list[asyncio.Future[Any]] = [self._loop.create_future() for _ in commands]
        self._asked += [(future, due) for future in futures]
        self._outlet.write(b"".join([hiredis.pack_command(command) for command in commands]))
        if self._watch is None and self._timeout < inf:
            self._watch = self._loop.call_later(self._timeout, self._look)
        return futures

    async def aclose(self) -> None:
        """Close it; what was asked fails."""
        self._break(RedisConnectionError("the connection was closed"))

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Hand out answers, in the order of the questions."""
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                if not isinstance(answer, hiredis.PushNotification):
                    self._hand_out(answer)
        except hiredis.HiredisError as error:
            self._break(RedisConnectionError(f"what Redis sent cannot be read: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits hears that there will be no answer."""
        self._break(RedisConnectionError("the connection to Redis was lost"))

    # How it ends

    def _hand_out(self, answer: Any) -> None:
        future, _ = self._asked.popleft()
        if future.done():
            return  # whoever asked has left
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _look(self) -> None:
        """Break the connection when its oldest question is overdue."""
        self._watch = None
        if not self._asked:
            return
        wait = self._asked[0][1] - self._loop.time()
        if wait <= 0:
            self._break(RedisTimeoutError("Redis did not answer in time"))
        else:
            self._watch = self._loop.call_later(wait, self._look)

    def _break(self, error: RedisError) -> None:
        self.is_broken = True
        if self._watch is not None:
            self._watch.cancel()
        asked, self._asked = self._asked, deque()
        for future, _ in asked:
            if not future.done():
                future.set_exception(error)
        self._transport.close()
