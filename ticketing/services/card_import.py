"""Importing members and cards by the hundred thousand: new ones come in, known ones change or move.

Lines are taken in pieces, each a transaction of its own, short enough that the drain of a running sale is
not kept waiting. A line that cannot be taken is named and left out; importing a file again repeats nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.keyring import Keyring
from ticketing.members import bulk, repository
from ticketing.members.card_file import open_card_file
from ticketing.members.card_lines import CardLine, fault_of
from ticketing.members.card_plan import Plan, Wish, plan
from ticketing.members.numbers import read_card_number, read_pin
from ticketing.members.tables import ACTIVE, Organisation
from ticketing.services import trail

PIECE_LINES = {"sqlite": 250, "postgresql": 2_000}
"""Lines in one transaction: about 10 ms of SQLite's only write lock; PostgreSQL locks rows alone."""

Progress = Callable[[int, int], None]
"""Told after every piece: lines done, and about how many there are (0: unknown)."""


class ImportReport(NamedTuple):
    """What came of an import.

    `accepted` lines were taken, whether new, changed or as they were; `changed` of these changed a member or
    card that was known. `refused` names every other line: its number in the file, and why.
    """

    accepted: int
    changed: int
    refused: list[tuple[int, str]]


def import_cards(
    source: Path | Iterable[CardLine],
    sessions: Sessions,
    keyring: Keyring,
    clock: ServerClock,
    progress: Progress | None = None,
    *,
    actor: str = "system",
) -> ImportReport:
    """Import a CSV or XLSX file, or lines that were read already.

    A known card's name, organisation, phone and status follow the file; its PIN too, unless the member chose
    it. Whoever moved, was blocked or got another PIN is noticed by every process within two seconds. Raises
    `Refusal` INVALID naming `file` for a file that cannot be read; the pieces before stay.
    """
    total = 0
    if isinstance(source, Path):
        opened = open_card_file(source)
        source, total = opened.lines, opened.total
    work = _Import(sessions, keyring, clock, actor)
    done = 0
    for piece in _pieces(source, work.piece_lines):
        work.take(piece)
        done += len(piece)
        if progress is not None:
            progress(done, total)
    return work.finish()


class _Import:
    """One import at work."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock, actor: str) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock
        self._actor = actor
        self._accepted = 0
        self._changed = 0
        self._refused: list[tuple[int, str]] = []
        self._lines_of: dict[bytes, int] = {}
        with reading(sessions) as session:
            self._organisations = _by_id_and_name(repository.organisations(session))
            dialect = session.get_bind().dialect.name
        self.piece_lines = PIECE_LINES[dialect]
        self._alone = dialect == "sqlite"

    def take(self, piece: Sequence[CardLine]) -> None:
        """Judge and store one piece. What can be done beforehand is done before the transaction."""
        wishes: list[Wish] = []
        for line in piece:
            wish = self._wish(line)
            if isinstance(wish, Wish):
                wishes.append(wish)
            else:
                self._refused.append((line.line, wish))
        began = time.monotonic()
        made = self._store(wishes)
        if self._alone:
            # SQLite's waiting writers look again only now and then: leave them as long as we took.
            time.sleep(time.monotonic() - began)
        self._refused += made.refused
        self._accepted += len(wishes) - len(made.refused)
        self._changed += made.changed

    def finish(self) -> ImportReport:
        """The report; its figures go into the audit trail too."""
        facts = {"accepted": self._accepted, "changed": self._changed, "refused": len(self._refused)}
        with self._sessions.begin() as session:
            trail.record(session, self._clock.now_ms(), self._actor, "cards.import", "cards", facts)
        return ImportReport(self._accepted, self._changed, sorted(self._refused))

    def _wish(self, line: CardLine) -> Wish | str:
        """The line in order, or why it is refused."""
        fault = fault_of(line)
        if fault is not None:
            return fault
        organisation = self._organisations.get(line.organisation, "organisation is unknown")
        if isinstance(organisation, str):
            return organisation
        number = read_card_number(line.card_number) or ""
        digest = self._keyring.card_digest(number)
        earlier = self._lines_of.setdefault(digest, line.line)
        if earlier != line.line:
            return f"the same card_number is in line {earlier}"
        return Wish(line, number, read_pin(line.pin) or "", digest, organisation)

    def _store(self, wishes: list[Wish]) -> Plan:
        try:
            return self._try_to_store(wishes)
        except IntegrityError:
            # Somebody else stored one of these cards after we looked; now it is known.
            return self._try_to_store(wishes)

    def _try_to_store(self, wishes: list[Wish]) -> Plan:
        with self._sessions.begin() as session:
            known = bulk.known_cards(session, [wish.digest for wish in wishes])
            now = self._clock.now_ms()
            made = plan(wishes, known, self._keyring, now)
            bulk.insert_members(session, made.new, now)
            bulk.update_members(session, made.members)
            bulk.update_pins(session, made.pins)
            bulk.update_statuses(session, made.statuses)
            bulk.update_tags(session, made.tags)
            bulk.insert_changes(session, made.changes)
            self._record_statuses(session, made, now)
        return made

    def _record_statuses(self, session: Session, made: Plan, now: int) -> None:
        for row in made.statuses:
            action = "card.unblock" if row["status"] == ACTIVE else "card.block"
            trail.record(session, now, self._actor, action, f"card:{row['key']}", {"reason": "import"})


def _pieces(lines: Iterable[CardLine], size: int) -> Iterator[list[CardLine]]:
    rest = iter(lines)
    while piece := list(islice(rest, size)):
        yield piece


def _by_id_and_name(organisations: Sequence[Organisation]) -> dict[str, Organisation | str]:
    """Every organisation by its id and by its name; in place of a name that several have, why it is refused."""
    found: dict[str, Organisation | str] = {}
    for organisation in organisations:
        known = organisation.name in found
        found[organisation.name] = (
            "organisation is a name that several have; give its id" if known else organisation
        )
    for organisation in organisations:
        found[organisation.id] = organisation
    return found
