"""The witness of the audit trail: keeps its end outside SQL, where who can cut rows off a table cannot reach.

A worker notes the newest row in Redis every few seconds, signed, and moves the note on only while the row it
noted before is still there. After a restored backup it is not: that is seen, and stays seen, until an
operator says so in the trail itself (`accept`).
"""

import hmac
from hashlib import sha256
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal, invalid
from ticketing.inventory.trail_end import TrailEnd
from ticketing.services import trail
from ticketing.staff import repository

REASON_MAX = 500

_log = structlog.get_logger(__name__)


class End(NamedTuple):
    """A row of the trail, by what cannot be made up."""

    entry_id: int
    digest: str


class Forged(Exception):
    """What Redis remembers was not written with this secret."""


class Witness:
    """Remembers how far the trail went."""

    def __init__(self, sessions: Sessions, memory: TrailEnd, key: bytes, clock: ServerClock) -> None:
        self._sessions = sessions
        self._memory = memory
        self._key = key
        self._clock = clock

    def note(self) -> bool:
        """Remember the newest row; False, and nothing changes, when the one remembered is not there any more."""
        fault = self.fault()
        if fault is not None:
            _log.error("audit_trail_end_missing", found=fault)
            return False
        with reading(self._sessions) as session:
            end = _end(session)
        if end is not None and end != self._remembered():
            self._remember(end)
        return True

    def fault(self) -> str | None:
        """What is wrong with the trail's end, in a sentence, or None."""
        try:
            remembered = self._remembered()  # before SQL is read, which therefore must have it
        except Forged:
            return "what Redis remembers of its end was not written with this secret"
        with reading(self._sessions) as session:
            if (
                remembered is None
                or repository.trail_digest(session, remembered.entry_id) == remembered.digest
            ):
                return None
            end = _end(session)
        last = "has none" if end is None else f"ends at {end.entry_id}"
        return f"Redis remembers entry {remembered.entry_id}, which is not in SQL any more; SQL {last}"

    def accept(self, reason: str, actor: str = "system") -> None:
        """Go on from SQL's end although rows are missing; who says so, and why, becomes a row of the trail.

        Raises `Refusal` INVALID without a reason, and when nothing is missing.
        """
        if not 0 < len(reason.strip()) <= REASON_MAX:
            raise invalid(("reason", f"must have 1 to {REASON_MAX} characters"))
        fault = self.fault()
        if fault is None:
            raise _nothing_to_accept()
        with self._sessions.begin() as session:
            detail = {"found": fault, "reason": reason.strip()}
            trail.record(session, self._clock.now_ms(), actor, "trail.accept", "trail", detail)
            end = _end(session)
        assert end is not None, "a row was just written"
        self._remember(end)

    def _remember(self, end: End) -> None:
        self._memory.write(f"{end.entry_id} {end.digest} {self._seal(end)}")

    def _remembered(self) -> End | None:
        text = self._memory.read()
        if text is None:
            return None
        number, _, rest = text.partition(" ")
        digest, _, seal = rest.partition(" ")
        if not number.isdecimal() or not hmac.compare_digest(
            seal.encode(), self._seal(End(int(number), digest)).encode()
        ):
            raise Forged
        return End(int(number), digest)

    def _seal(self, end: End) -> str:
        return hmac.new(self._key, f"end {end.entry_id} {end.digest}".encode(), sha256).hexdigest()


def _end(session: Session) -> End | None:
    newest = repository.newest_of_trail(session)
    return None if newest is None else End(newest.id, newest.digest)


def _nothing_to_accept() -> Refusal:
    return invalid(("trail", "is whole: there is nothing to accept"))
