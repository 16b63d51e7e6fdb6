"""What ended or changed a session after its token was signed, kept in memory by every API process.

Once a second `refresh` reads the rows that other processes added to `session_changes`; `check` then costs a
dictionary look-up, and no I/O, on the hot path. Ids of rows follow each other, but a transaction may commit
after one that took a higher id: a missing id is asked for again until it is too old to come.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.members.tables import LATE_COMMIT_MS, SessionChange

GAP_SECONDS = 60
"""How long a missing id may still come: no transaction here lasts longer."""

_GAPS_MAX = 50  # with more, everything from the first one on is read again
_START_MARGIN = 1_000  # ids below the first that matters, which may still be on their way
_FORGET_PART = 10  # forget ten times in the life of a session
_CHUNK = 5_000
_PURGED_AT_ONCE = 500  # some milliseconds of SQLite's only write lock


class SignedSession(Protocol):
    """The claims this needs; `ticketing.services.tokens.Claims` has them."""

    @property
    def subject(self) -> str:
        """`m:MEMBER_ID` or `s:STAFF_ID`."""

    @property
    def session_id(self) -> str:
        """Which session of this person."""

    @property
    def issued_at(self) -> int:
        """When the person signed in, in milliseconds."""

    @property
    def organisation_path(self) -> str:
        """Where the person belonged at that time."""


class _Change(NamedTuple):
    """A row of `session_changes`; an import may write one for every member."""

    id: int
    at: int
    subject: str
    session_id: str | None
    not_before: int | None
    blocked: bool | None
    organisation_path: str | None


_COLUMNS = [getattr(SessionChange, name) for name in _Change._fields]


class _Floor(Struct, frozen=True):
    """All sessions issued before `not_before` ended, but the one `spared`."""

    not_before: int
    spared: str | None

    def ends(self, claims: SignedSession) -> bool:
        return claims.issued_at < self.not_before and claims.session_id != self.spared

    def covers(self, other: "_Floor") -> bool:
        return self.not_before >= other.not_before and self.spared in (None, other.spared)


class _Mark(Struct, frozen=True):
    """All that is known against one person's sessions, and which rows said the last word on block and place."""

    at: int = 0
    floors: tuple[_Floor, ...] = ()
    ended: frozenset[str] = frozenset()
    blocked: bool = False
    blocked_by: int = 0
    organisation_path: str | None = None
    moved_by: int = 0


class _Gap(Struct, frozen=True):
    """Ids not seen, both ends included, and until when (monotonic seconds) they may come."""

    first: int
    last: int
    until: float

    def holds(self, row_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return row_id.between(self.first, self.last)

    def without(self, row_id: int) -> "Iterator[_Gap]":
        if not self.first <= row_id <= self.last:
            yield self
            return
        if self.first < row_id:
            yield _Gap(self.first, row_id - 1, self.until)
        if row_id < self.last:
            yield _Gap(row_id + 1, self.last, self.until)


class Revocations:
    """Answers for one process. `refresh` runs in one thread at a time; `check` in any."""

    def __init__(self, sessions: Sessions, session_life_ms: int) -> None:
        """`session_life_ms`: the longest life of any session; what is older than that cannot matter."""
        self._sessions = sessions
        self._life_ms = session_life_ms + LATE_COMMIT_MS
        self._marks: dict[str, _Mark] = {}
        self._last: int | None = None
        self._newest_at = 0
        self._forgotten_at = 0
        self._gaps: list[_Gap] = []

    def refresh(self) -> None:
        """Read what is new. SQL's errors pass through; what was known before stays."""
        with reading(self._sessions) as session:
            if self._last is None or self._last > self._newest_id(session):
                self._last = self._start(session)
            query = select(*_COLUMNS).where(self._unseen(self._last)).order_by(SessionChange.id)
            for row in session.execute(query, execution_options={"yield_per": _CHUNK}):
                self._last = self._take(_Change._make(row), self._last)
        self._forget()

    def purge(self) -> int:
        """Take rows out of SQL that are older than any session, a part at a time; how many.

        A whole life of margin, and never the newest: what tells a process where to start stays.
        """
        with self._sessions.begin() as session:
            newest = session.scalar(select(func.max(SessionChange.at))) or 0
            old = SessionChange.at < newest - 2 * self._life_ms
            ids = session.scalars(select(SessionChange.id).where(old).limit(_PURGED_AT_ONCE)).all()
            if ids:
                session.execute(delete(SessionChange).where(SessionChange.id.in_(ids)))
        return len(ids)

    def check(self, claims: SignedSession) -> Code | None:
        """None while the session is good; `UNAUTHENTICATED` once ended, `CARD_BLOCKED` while it may not buy."""
        mark = self._marks.get(claims.subject)
        if mark is None:
            return None
        if claims.session_id in mark.ended or any(floor.ends(claims) for floor in mark.floors):
            return Code.UNAUTHENTICATED
        return Code.CARD_BLOCKED if mark.blocked else None

    def organisation_path(self, claims: SignedSession) -> str:
        """Where the person belongs now: the path in the claims, or where they have moved since."""
        mark = self._marks.get(claims.subject)
        return (mark and mark.organisation_path) or claims.organisation_path

    @staticmethod
    def _newest_id(session: Session) -> int:
        return session.scalar(select(func.max(SessionChange.id))) or 0

    def _start(self, session: Session) -> int:
        """The id after which rows can matter, judged by the newest row's time: no clock is needed.

        Also when SQL went back to a backup: what ended stays ended, and the ids count anew.
        """
        self._marks = {
            subject: replace(mark, blocked_by=0, moved_by=0) for subject, mark in self._marks.items()
        }
        newest = session.scalar(select(func.max(SessionChange.at))) or 0
        recent = SessionChange.at >= newest - self._life_ms
        first = session.scalar(select(func.min(SessionChange.id)).where(recent)) or 0
        return max(0, first - _START_MARGIN)

    def _unseen(self, last: int) -> ColumnElement[bool]:
        now = time.monotonic()
        self._gaps = [gap for gap in self._gaps if gap.until > now]
        if len(self._gaps) > _GAPS_MAX:
            return SessionChange.id >= min(gap.first for gap in self._gaps)
        return or_(SessionChange.id > last, *(gap.holds(SessionChange.id) for gap in self._gaps))

    def _take(self, row: _Change, last: int) -> int:
        """Remember one row; the highest id seen so far."""
        self._marks[row.subject] = _with(self._marks.get(row.subject, _Mark()), row)
        self._newest_at = max(self._newest_at, row.at)
        if row.id <= last:
            self._gaps = [part for gap in self._gaps for part in gap.without(row.id)]
            return last
        if row.id > last + 1:
            self._gaps.append(_Gap(last + 1, row.id - 1, time.monotonic() + GAP_SECONDS))
        return row.id

    def _forget(self) -> None:
        """Drop what is older than any session; a full walk, so only now and then."""
        if self._newest_at - self._forgotten_at < self._life_ms // _FORGET_PART:
            return
        self._forgotten_at = self._newest_at
        oldest = self._newest_at - self._life_ms
        for subject in [subject for subject, mark in self._marks.items() if mark.at < oldest]:
            del self._marks[subject]


def _with(mark: _Mark, row: _Change) -> _Mark:
    """`mark` and what `row` adds; the same whatever the order of the rows, and however often."""
    floors, ended = mark.floors, mark.ended
    if row.not_before is not None:
        floors = _with_floor(floors, _Floor(row.not_before, row.session_id))
    elif row.session_id is not None:
        ended |= {row.session_id}
    mark = replace(mark, at=max(mark.at, row.at), floors=floors, ended=ended)
    if row.blocked is not None and row.id > mark.blocked_by:
        mark = replace(mark, blocked=row.blocked, blocked_by=row.id)
    if row.organisation_path is not None and row.id > mark.moved_by:
        mark = replace(mark, organisation_path=row.organisation_path, moved_by=row.id)
    return mark


def _with_floor(floors: tuple[_Floor, ...], new: _Floor) -> tuple[_Floor, ...]:
    if any(floor.covers(new) for floor in floors):
        return floors
    return (*(floor for floor in floors if not new.covers(floor)), new)
