"""The work on lists of cards that staff sent: checked or imported piece by piece, each noted with what it wrote.

Whoever is killed in the middle has noted exactly the pieces it wrote, so the next one goes on after them. One that was
only given up and comes back finds that the list is no longer its own, and its piece is rolled back.
"""

import secrets
from functools import partial

import msgspec
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal
from ticketing.keyring import Keyring
from ticketing.members import imports
from ticketing.members import repository as members
from ticketing.members.card_file import read_card_file
from ticketing.members.tables import CardImport
from ticketing.services.card_import import LineImport, Outcome, pieces, record_import
from ticketing.services.imports import KEPT_MS, Parts

LEASE_MS = 30_000
"""How long after the last sign of life somebody else takes over. Opening a large sheet takes some seconds."""

ATTEMPTS_MAX = 5
"""How often a list is taken up without a single piece done, before it counts as one that cannot be read."""

TOO_OFTEN = "could not be read: the import stopped each time it was tried"
_FORGOTTEN_AT_ONCE = 5
_FAILURE_MAX = 300


class Superseded(Exception):
    """Somebody else works on this list."""


class ImportWork:
    """Works on one list after the other, in a process that does nothing else."""

    def __init__(
        self, sessions: Sessions, keyring: Keyring, clock: ServerClock, runner: str | None = None
    ) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock
        self._parts = Parts(keyring)
        self.runner = runner or secrets.token_urlsafe(9)

    def run(self) -> int:
        """Work until nothing is due; how many lists were ended."""
        ended = 0
        while (row := self._claim()) is not None:
            try:
                self._end(row, *self._work(row))
            except Superseded:
                continue
            ended += 1
        return ended

    def release(self) -> None:
        """Let others take what this runner had, now that it is gone."""
        with self._sessions.begin() as session:
            imports.release(session, self.runner)

    def forget(self) -> None:
        """Take away what was sent and refused more than a week ago; a list that was never started is dropped."""
        with self._sessions.begin() as session:
            before = self._clock.now_ms() - KEPT_MS
            for row in list(imports.outdated(session, before, _FORGOTTEN_AT_ONCE)):
                imports.remove_parts(session, row.id, imports.SENT, imports.REFUSED)
                if row.state in (imports.SENDING, imports.CHECKED):
                    row.state = imports.DROPPED

    def _claim(self) -> CardImport | None:
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            import_id = imports.due(session, now)
        if import_id is None:
            return None
        with self._sessions.begin() as session:
            return imports.claim(session, import_id, self.runner, now, now + LEASE_MS)

    def _work(self, row: CardImport) -> tuple[str, str | None]:
        """The state that the list is in then, and why it failed if it did."""
        if row.attempts > ATTEMPTS_MAX:
            return imports.FAILED, TOO_OFTEN
        try:
            self._take(row)
        except Refusal as refusal:
            reasons = [str(error["reason"]) for error in refusal.facts.get("errors", ())]
            return imports.FAILED, "; ".join(reasons)[:_FAILURE_MAX]
        return imports.CHECKED if row.state == imports.CHECKING else imports.IMPORTED, None

    def _take(self, row: CardImport) -> None:
        """All pieces that are not done. Raises `Refusal` INVALID naming `file`, and `Superseded`."""
        file = read_card_file(b"".join(self._parts.read(self._sessions, row.id, imports.SENT)))
        with self._sessions.begin() as session:
            imports.set_total(session, row.id, file.total)
            organisation = members.organisation_of(session, row.organisation_id)
        work = LineImport(
            self._sessions,
            self._keyring,
            self._clock,
            actor=row.actor,
            below=organisation.path,
            rehearse=row.state == imports.CHECKING,
        )
        at = 0
        for piece in pieces(file.lines, work.piece_lines):
            known = piece[: max(0, row.done - at)]
            work.pass_over(known)
            at += len(known)
            if len(known) < len(piece):
                at += work.take(piece[len(known) :], partial(self._advance, row.id, at)).lines

    def _advance(self, import_id: str, done: int, session: Session, outcome: Outcome) -> None:
        """Note a piece in its own transaction. Raises `Superseded`."""
        until = self._clock.now_ms() + LEASE_MS
        if not imports.advance(session, import_id, self.runner, done, outcome.lines, outcome.figures, until):
            raise Superseded
        if outcome.refused:
            content = msgspec.json.encode(outcome.refused)
            sealed = self._parts.seal(import_id, imports.REFUSED, done, content)
            imports.add_part(session, import_id, imports.REFUSED, done, sealed)

    def _end(self, taken: CardImport, state: str, failure: str | None) -> None:
        """Note how it ended. What was sent is kept only until it was imported."""
        now = self._clock.now_ms()
        with self._sessions.begin() as session:
            row = imports.finish(session, taken.id, self.runner, state, now, failure)
            if row is None:
                raise Superseded
            if state != imports.CHECKED:
                imports.remove_parts(session, row.id, imports.SENT)
            if taken.state == imports.IMPORTING:
                facts = {"file": row.file_name} | ({"failure": failure} if failure else {})
                record_import(session, now, row.actor, imports.figures_of(row), f"import:{row.id}", **facts)
