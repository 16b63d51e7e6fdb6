"""SQL about lists of cards that staff sent. Every function works in the caller's transaction.

sending → checking → checked → importing → imported; checking and importing may end as failed, checked as dropped.
Whoever works on a list holds it by `runner` until `lease_until`, and every step of theirs says so: one who was given
up and comes back changes nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ticketing.members.repository import at_or_below
from ticketing.members.tables import CardImport, CardImportPart, Organisation

SENDING, CHECKING, CHECKED, IMPORTING = "sending", "checking", "checked", "importing"
IMPORTED, FAILED, DROPPED = "imported", "failed", "dropped"
AT_WORK = (CHECKING, IMPORTING)
SENT, REFUSED = "sent", "refused"


class Figures(NamedTuple):
    """How many lines became what: `moved` ones are among the `changed`, these and `added` ones among the `accepted`."""

    accepted: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    refused: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """Both together."""
        return Figures(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def figures_of(row: CardImport) -> Figures:
    """What became of a list's lines so far."""
    return Figures(*(getattr(row, name) for name in Figures._fields))


def add(session: Session, row: CardImport) -> None:
    """Store a list that is being sent."""
    session.add(row)
    session.flush()


def get(session: Session, import_id: str, below: str, *, lock: bool = False) -> CardImport | None:
    """A list sent by staff of the organisation at the path `below`, or of one under it."""
    query = _below(select(CardImport), below).where(CardImport.id == import_id)
    return session.scalars(query.with_for_update(of=CardImport) if lock else query).one_or_none()


def latest(session: Session, below: str, limit: int) -> Sequence[CardImport]:
    """The latest lists of an organisation and those under it, newest first."""
    query = _below(select(CardImport), below).order_by(CardImport.at.desc(), CardImport.id)
    return session.scalars(query.limit(limit)).all()


def _below(query: Select[CardImport], path: str) -> Select[CardImport]:
    return query.join(Organisation, Organisation.id == CardImport.organisation_id).where(at_or_below(path))


def due(session: Session, now: int) -> str | None:
    """The first list that waits for somebody to work on it."""
    waits = or_(CardImport.lease_until.is_(None), CardImport.lease_until < now)
    query = select(CardImport.id).where(CardImport.state.in_(AT_WORK), waits).order_by(CardImport.at)
    return session.scalar(query.limit(1))


def claim(session: Session, import_id: str, runner: str, now: int, until: int) -> CardImport | None:
    """Take a list to work on; None when somebody else has."""
    row = session.scalars(select(CardImport).where(CardImport.id == import_id).with_for_update()).one()
    if row.state not in AT_WORK or (row.lease_until is not None and row.lease_until >= now):
        return None
    row.runner, row.lease_until, row.attempts = runner, until, row.attempts + 1
    session.flush()
    return row


def release(session: Session, runner: str) -> None:
    """Let others take what this runner had."""
    session.execute(update(CardImport).where(CardImport.runner == runner).values(lease_until=None))


def advance(
    session: Session, import_id: str, runner: str, done: int, lines: int, figures: Figures, until: int
) -> bool:
    """Note a piece of `lines` after the first `done`; False when the list is no longer this runner's."""
    ours = (CardImport.id == import_id, CardImport.runner == runner, CardImport.done == done)
    added = {name: getattr(CardImport, name) + count for name, count in figures._asdict().items()}
    moved_on = update(CardImport).where(*ours).values(done=done + lines, lease_until=until, attempts=0)
    return bool(session.execute(moved_on.values(**added).returning(CardImport.id)).all())


def set_total(session: Session, import_id: str, total: int) -> None:
    """Note about how many lines there are."""
    session.execute(update(CardImport).where(CardImport.id == import_id).values(total=total))


def finish(
    session: Session, import_id: str, runner: str, state: str, now: int, failure: str | None = None
) -> CardImport | None:
    """End the work on a list; None when it is no longer this runner's."""
    held = select(CardImport).where(CardImport.id == import_id, CardImport.runner == runner)
    row = session.scalars(held.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if row is not None:
        row.state, row.finished_at, row.failure = state, now, failure
        row.total = row.done if failure is None else row.total
        row.runner = row.lease_until = None
        session.flush()
    return row


def begin_anew(row: CardImport, state: str) -> None:
    """Let the work on a list start, from its first line."""
    row.state, row.done, row.attempts, row.finished_at = state, 0, 0, None
    for name, count in Figures()._asdict().items():
        setattr(row, name, count)


def add_part(session: Session, import_id: str, kind: str, place: int, content: bytes) -> None:
    """Store one piece."""
    session.add(CardImportPart(import_id=import_id, kind=kind, place=place, content=content))
    session.flush()


def part(session: Session, import_id: str, kind: str, place: int) -> bytes | None:
    """One piece; None when there is none at this place."""
    mine = (CardImportPart.import_id == import_id, CardImportPart.kind == kind, CardImportPart.place == place)
    return session.scalar(select(CardImportPart.content).where(*mine))


def places(session: Session, import_id: str, kind: str) -> list[int]:
    """Where the pieces are, in order."""
    mine = (CardImportPart.import_id == import_id, CardImportPart.kind == kind)
    return list(session.scalars(select(CardImportPart.place).where(*mine).order_by(CardImportPart.place)))


def remove_parts(session: Session, import_id: str, *kinds: str) -> None:
    """Take pieces away."""
    mine = (CardImportPart.import_id == import_id, CardImportPart.kind.in_(kinds))
    session.execute(delete(CardImportPart).where(*mine))


def outdated(session: Session, before: int, limit: int) -> Iterator[CardImport]:
    """Lists that were done with before that time and still have pieces, kept from whoever would start them."""
    done = func.coalesce(CardImport.finished_at, CardImport.at)
    old = select(CardImport).where(done < before, CardImport.state.not_in(AT_WORK))
    held = select(CardImportPart.import_id).where(CardImportPart.import_id == CardImport.id)
    yield from session.scalars(old.where(held.exists()).limit(limit).with_for_update())
