"""What both clients share: what goes along with a call of a script, and what its answer teaches."""

from typing import Any

from ticketing.clock import ServerClock

from . import protocol
from .keys import group_keys
from .protocol import Bounds, Reply
from .watermarks import Watermarks


class ScriptClient:
    """The part of a client that is neither sync nor async."""

    def __init__(self, clock: ServerClock, bounds: Bounds, watermarks: Watermarks) -> None:
        self._clock = clock
        self._bounds = bounds
        self._watermarks = watermarks

    def _arguments(self, group_id: str, epoch: str, request: Any) -> tuple[Any, ...]:
        """What follows the script: the group's keys, and what this process knows of the group."""
        keys = group_keys(group_id)
        floor = self._watermarks.position(group_id, epoch)
        return (
            len(keys),
            *keys,
            protocol.envelope(epoch, floor, self._bounds),
            protocol.encode(request),
        )

    def _waits(self, verb: str) -> bool:
        """Whether the verb is answered only when replicas have it."""
        return verb == "confirm" and self._bounds.replica_acks > 0

    def _learn(self, group_id: str, epoch: str, raw: bytes) -> Reply:
        """The answer, with its time and position remembered."""
        reply = protocol.decode(raw)
        self._clock.observe(reply.now)
        self._watermarks.note(group_id, epoch, reply.position)
        return reply

    def _adopt(self, group_id: str, epoch: bytes | None) -> str:
        """Take Redis' word for an epoch once, while SQL is away or has not been read yet, and hold it to that."""
        if epoch is None:
            return ""
        self._watermarks.expect(group_id, epoch.decode())
        return epoch.decode()
