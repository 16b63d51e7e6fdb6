"""Importing members and cards by the hundred thousand: new ones come in, known ones change or move.

Lines are taken in pieces, each a transaction of its own, short enough that the drain of a running sale is
not kept waiting. A line that cannot be taken is named and left out; importing a file again repeats nothing. A
rehearsal judges every line the same way and writes nothing.
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
from ticketing.members.card_plan import Plan, Refused, Wish, plan
from ticketing.members.imports import Figures
from ticketing.members.numbers import read_card_number, read_pin
from ticketing.members.tables import ACTIVE, Organisation
from ticketing.services import trail
from ticketing.services.trail import Act

PIECE_LINES = {"sqlite": 250, "postgresql": 2_000}
"""Lines in one transaction: about 10 ms of SQLite's only write lock; PostgreSQL locks rows alone."""

REHEARSED_LINES = 2_000
"""Lines of a piece that is only judged: it locks nothing."""

Progress = Callable[[int, int], None]
"""Told after every piece: lines done, and about how many there are (0: unknown)."""


class Outcome(NamedTuple):
    """What came of one piece."""

    lines: int
    figures: Figures
    refused: Sequence[Refused]


class ImportReport(NamedTuple):
    """What came of an import.

    `accepted` lines were taken, whether new, changed or as they were; `changed` of these changed a member or
    card that was known. `refused` names every other line: its number in the file, and why.
    """

    accepted: int
    changed: int
    refused: list[tuple[int, str]]
    added: int
    moved: int
    lines: list[Refused]
    """The refused ones as they were written."""


Note = Callable[[Session, Outcome], None]
"""Called in the transaction of a piece, so that what it writes is kept or lost with the rows."""


def import_cards(
    source: Path | Iterable[CardLine],
    sessions: Sessions,
    keyring: Keyring,
    clock: ServerClock,
    progress: Progress | None = None,
    *,
    actor: str = "system",
    rehearse: bool = False,
) -> ImportReport:
    """Import a CSV or XLSX file, or lines that were read already.

    A known card's name, organisation, phone and status follow the file; its PIN too, unless the member chose
    it. Whoever moved, was blocked or got another PIN is noticed by every process within two seconds. `rehearse`
    says what would be done, and does nothing. Raises `Refusal` INVALID naming `file` for a file that cannot be
    read; the pieces before stay.
    """
    total = 0
    if isinstance(source, Path):
        opened = open_card_file(source)
        source, total = opened.lines, opened.total
    work = LineImport(sessions, keyring, clock, actor=actor, rehearse=rehearse)
    figures, refused, done = Figures(), list[Refused](), 0
    for piece in pieces(source, work.piece_lines):
        outcome = work.take(piece)
        figures, done = figures.plus(outcome.figures), done + outcome.lines
        refused += outcome.refused
        if progress is not None:
            progress(done, total)
    if not rehearse:
        with sessions.begin() as session:
            record_import(session, clock.now_ms(), actor, figures)
    refused.sort(key=lambda each: each.line.line)
    named = [(each.line.line, each.reason) for each in refused]
    return ImportReport(figures.accepted, figures.changed, named, figures.added, figures.moved, refused)


def record_import(
    session: Session, now: int, actor: str, figures: Figures, subject: str = "cards", **facts: object
) -> None:
    """Put an import's figures into the trail."""
    trail.record(session, now, actor, "cards.import", subject, figures._asdict() | facts)


def pieces(lines: Iterable[CardLine], size: int) -> Iterator[list[CardLine]]:
    """The lines, `size` at a time."""
    rest = iter(lines)
    while piece := list(islice(rest, size)):
        yield piece


class LineImport:
    """One import at work: takes piece after piece. It has one user, in one thread."""

    def __init__(
        self,
        sessions: Sessions,
        keyring: Keyring,
        clock: ServerClock,
        *,
        actor: str,
        below: str | None = None,
        rehearse: bool = False,
    ) -> None:
        """`below` is the path of the organisation whose members, and those under it, may come and change."""
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock
        self._actor = actor
        self._rehearse = rehearse
        self._lines_of: dict[bytes, int] = {}
        with reading(sessions) as session:
            organisations = repository.organisations(session, below)
            dialect = session.get_bind().dialect.name
        self._organisations = _by_id_and_name(organisations)
        self._reach = frozenset(organisation.id for organisation in organisations)
        self.piece_lines = REHEARSED_LINES if rehearse else PIECE_LINES[dialect]
        self._alone = dialect == "sqlite" and not rehearse

    def pass_over(self, piece: Sequence[CardLine]) -> None:
        """Lines that were taken before: a card that comes again is still refused."""
        for line in piece:
            self._wish(line)

    def take(self, piece: Sequence[CardLine], note: Note | None = None) -> Outcome:
        """Judge and store one piece. What can be done beforehand is done before the transaction."""
        wishes: list[Wish] = []
        refused: list[Refused] = []
        for line in piece:
            wish = self._wish(line)
            if isinstance(wish, Wish):
                wishes.append(wish)
            else:
                refused.append(Refused(line, wish))
        began = time.monotonic()
        outcome = self._store(wishes, refused, note)
        if self._alone:
            # SQLite's waiting writers look again only now and then: leave them as long as we took.
            time.sleep(time.monotonic() - began)
        return outcome

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

    def _store(self, wishes: list[Wish], refused: list[Refused], note: Note | None) -> Outcome:
        if self._rehearse:
            return self._judge(wishes, refused, note)
        try:
            return self._try_to_store(wishes, refused, note)
        except IntegrityError:
            # Somebody else stored one of these cards after we looked; now it is known.
            return self._try_to_store(wishes, refused, note)

    def _judge(self, wishes: list[Wish], refused: list[Refused], note: Note | None) -> Outcome:
        with reading(self._sessions) as session:
            known = bulk.known_cards(session, [wish.digest for wish in wishes], lock=False)
        made = plan(wishes, known, self._keyring, self._clock.now_ms(), self._reach)
        outcome = _outcome(wishes, refused, made)
        if note is not None:
            with self._sessions.begin() as session:
                note(session, outcome)
        return outcome

    def _try_to_store(self, wishes: list[Wish], refused: list[Refused], note: Note | None) -> Outcome:
        with self._sessions.begin() as session:
            known = bulk.known_cards(session, [wish.digest for wish in wishes])
            now = self._clock.now_ms()
            made = plan(wishes, known, self._keyring, now, self._reach)
            bulk.insert_members(session, made.new, now)
            bulk.update_members(session, made.members)
            bulk.update_pins(session, made.pins)
            bulk.update_statuses(session, made.statuses)
            bulk.update_tags(session, made.tags)
            bulk.insert_changes(session, made.changes)
            outcome = _outcome(wishes, refused, made)
            if note is not None:
                note(session, outcome)
            acts = _acts(made)
            if acts:
                trail.record_all(session, now, self._actor, acts)
        return outcome


def _outcome(wishes: list[Wish], refused: list[Refused], made: Plan) -> Outcome:
    every = [*refused, *made.refused]
    figures = Figures(
        accepted=len(wishes) - len(made.refused),
        added=len(made.new),
        changed=made.changed,
        moved=len(made.moves),
        refused=len(every),
    )
    return Outcome(len(wishes) + len(refused), figures, every)


def _acts(made: Plan) -> list[Act]:
    """What the trail keeps of single cards and members: who was blocked or freed, and who moved."""
    acts = [
        Act(
            "card.unblock" if row["status"] == ACTIVE else "card.block",
            f"card:{row['key']}",
            {"reason": "import"},
        )
        for row in made.statuses
    ]
    return acts + [
        Act("member.move", f"member:{move.member_id}", {"from": move.before, "to": move.after})
        for move in made.moves
    ]


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
