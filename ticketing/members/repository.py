"""All SQL about organisations, members, cards and notices, one at a time; `bulk` has the many.

Every function works in the caller's transaction and commits nothing. Cards are looked up by the digest of
their number (`Keyring.card_digest`), never by the number.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from ticketing.members.tables import (
    ACTIVE,
    LATE_COMMIT_MS,
    REPLACED,
    Card,
    Member,
    Notice,
    Organisation,
    SessionChange,
)


class Holder(NamedTuple):
    """A member with the card in question and the organisation they belong to."""

    member: Member
    card: Card
    organisation: Organisation


class PinRecord(NamedTuple):
    """What checking a PIN needs; `usable` is false for a blocked or replaced card."""

    member_id: int
    salt: bytes
    digest: bytes
    usable: bool


class NewNotice(NamedTuple):
    """A message to a member about something that happened at `since` (ms) or later."""

    member_id: int
    event_id: str
    kind: str
    text: str
    since: int


# Organisations


def root_ids(session: Session) -> list[str]:
    """The organisations that hang below no other."""
    query = select(Organisation.id).where(Organisation.parent_id.is_(None)).order_by(Organisation.id)
    return list(session.scalars(query))


def at_or_below(path: str) -> ColumnElement[bool]:
    """Whether an organisation is the one at `path`, or lies below it."""
    return or_(Organisation.path == path, Organisation.path.startswith(f"{path}.", autoescape=True))


def is_at_or_below(path: str, above: str) -> bool:
    """The same of a path that is at hand."""
    return path == above or path.startswith(f"{above}.")


def organisation(session: Session, organisation_id: str) -> Organisation | None:
    """The organisation with this id."""
    return session.get(Organisation, organisation_id)


def organisation_names(session: Session, organisation_ids: Collection[str]) -> dict[str, str]:
    """Names by id; empty for an organisation that is not there."""
    rows = session.execute(
        select(Organisation.id, Organisation.name).where(Organisation.id.in_(organisation_ids))
    )
    return dict.fromkeys(organisation_ids, "") | {row.id: row.name for row in rows}


def organisation_of(session: Session, organisation_id: str) -> Organisation:
    """The organisation that a row refers to, which is therefore there."""
    return session.get_one(Organisation, organisation_id)


def organisations(session: Session, below: str | None = None) -> Sequence[Organisation]:
    """The tree in the order of its paths; with `below` (a path), that organisation and all under it."""
    query = select(Organisation).order_by(Organisation.path)
    if below is not None:
        query = query.where(at_or_below(below))
    return session.scalars(query).all()


def has_active_card(session: Session, organisation_id: str) -> bool:
    """Whether anybody of an organisation or below it has a card that is not blocked."""
    path = session.scalar(select(Organisation.path).where(Organisation.id == organisation_id)) or ""
    query = select(Card.id).join(Member, Member.id == Card.member_id)
    query = query.join(Organisation, Organisation.id == Member.organisation_id)
    return session.scalar(query.where(Card.status == ACTIVE, at_or_below(path)).limit(1)) is not None


def add_organisation(
    session: Session, organisation_id: str, name: str, kind: str, parent: Organisation | None
) -> Organisation:
    """Add a node under `parent` (None: a root). The caller has checked that the id is free and has no dot."""
    path = f"{parent.path}.{organisation_id}" if parent else organisation_id
    node = Organisation(
        id=organisation_id, parent_id=parent.id if parent else None, name=name, kind=kind, path=path
    )
    session.add(node)
    session.flush()
    return node


# Members and cards


def pin_record(session: Session, card_digest: bytes) -> PinRecord | None:
    """What `SessionService` compares a PIN with; reads the card's row and nothing else."""
    row = session.execute(
        select(Card.member_id, Card.pin_salt, Card.pin_digest, Card.status).where(
            Card.number_digest == card_digest
        )
    ).one_or_none()
    return None if row is None else PinRecord(row[0], row[1], row[2], row[3] == ACTIVE)


def holder_by_card(session: Session, card_digest: bytes, *, lock: bool = False) -> Holder | None:
    """Who holds the card with this digest, whatever the card's status; `lock` keeps the card from changing."""
    return _holder(session, Card.number_digest == card_digest, lock)


def holder_by_card_id(session: Session, card_id: int, *, lock: bool = False) -> Holder | None:
    """The same by the card's id."""
    return _holder(session, Card.id == card_id, lock)


def holder(session: Session, member_id: int, *, lock: bool = False) -> Holder | None:
    """A member with their present card: the newest that was not replaced."""
    return _holder(session, (Card.member_id == member_id) & (Card.status != REPLACED), lock)


def _holder(session: Session, condition: ColumnElement[bool], lock: bool) -> Holder | None:
    query = (
        select(Member, Card, Organisation)
        .join(Card, Card.member_id == Member.id)
        .join(Organisation, Organisation.id == Member.organisation_id)
        .where(condition)
        .order_by(Card.id.desc())
        .limit(1)
    )
    if lock:
        # In a statement of its own: one that waits reads the member as they were before it did.
        session.execute(select(Card.id).where(condition).order_by(Card.id).with_for_update())
        query = query.execution_options(populate_existing=True)
    row = session.execute(query).one_or_none()
    return None if row is None else Holder._make(row)


# What sessions must learn


def note_change(
    session: Session,
    at: int,
    subject: str,
    *,
    session_id: str | None = None,
    not_before: int | None = None,
    blocked: bool | None = None,
    organisation_path: str | None = None,
) -> None:
    """Tell every process what ended or changed a session; see `SessionChange` for what goes together.

    Call it after changing the member's or card's row, whose lock keeps the order of two changes.
    """
    session.add(
        SessionChange(
            at=at,
            subject=subject,
            session_id=session_id,
            not_before=not_before,
            blocked=blocked,
            organisation_path=organisation_path,
        )
    )
    session.flush()


def end_sessions(
    session: Session, at: int, subject: str, *, spared: str | None = None, blocked: bool | None = None
) -> None:
    """End every session that `subject` has, but the one `spared`; a login after the commit is a new one.

    Call it like `note_change`, with the time taken when the row was locked.
    """
    not_before = max(at + LATE_COMMIT_MS, sessions_ended_before(session, subject) + 1)
    note_change(session, at, subject, session_id=spared, not_before=not_before, blocked=blocked)


def sessions_ended_before(session: Session, subject: str) -> int:
    """The latest time before which all sessions of `subject` ended; 0 when they never did."""
    query = select(func.max(SessionChange.not_before)).where(SessionChange.subject == subject)
    return session.scalar(query) or 0


# Notices


def notices(session: Session, member_id: int, since: int) -> Sequence[Notice]:
    """A member's notices from `since` on, newest first."""
    return session.scalars(
        select(Notice)
        .where(Notice.member_id == member_id, Notice.at >= since)
        .order_by(Notice.at.desc(), Notice.id.desc())
    ).all()


def add_notices_once(session: Session, wanted: Sequence[NewNotice], at: int) -> int:
    """Tell members what happened, unless they were told of it since `since`; how many were told.

    Somebody whom SQL does not know is passed over.
    """
    known = set(session.scalars(select(Member.id).where(Member.id.in_({one.member_id for one in wanted}))))
    told = 0
    for one in wanted:
        same = (Notice.member_id == one.member_id, Notice.event_id == one.event_id, Notice.kind == one.kind)
        before = session.scalar(select(Notice.id).where(*same, Notice.at >= one.since).limit(1))
        if one.member_id in known and before is None:
            kept = {"member_id": one.member_id, "event_id": one.event_id, "kind": one.kind, "text": one.text}
            session.add(Notice(**kept, at=at))
            told += 1
    return told
