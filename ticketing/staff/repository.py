"""All SQL about staff accounts and the audit trail. Commits nothing."""

from collections.abc import Collection, Generator, Sequence
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.staff.roles import Role
from ticketing.staff.tables import AuditEntry, StaffAccount

_TRAIL_LOCK = 0x747261696C  # any number of ours; PostgreSQL's advisory locks are numbers
_ACCOUNTS_LOCK = 0x7374616666
_CHUNK = 1_000


class TrailRow(NamedTuple):
    """A row of the trail as it is read: plain, since whoever checks the chain reads all of it."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    detail: dict[str, object]
    organisation_id: str | None
    event_id: str | None
    member_id: int | None
    previous_digest: str
    digest: str


TRAIL_COLUMNS = [getattr(AuditEntry, name) for name in TrailRow._fields]


def account(session: Session, username: str, *, lock: bool = False) -> StaffAccount | None:
    """The account with this name, disabled or not. Names are kept in lower case."""
    query = select(StaffAccount).where(StaffAccount.username == username)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def account_by_id(session: Session, staff_id: int) -> StaffAccount | None:
    """The account with this id, for naming the clerk of a pickup."""
    return session.get(StaffAccount, staff_id)


def ids(session: Session) -> list[int]:
    """Everybody who ever had an account."""
    return list(session.scalars(select(StaffAccount.id).order_by(StaffAccount.id)))


def usernames(session: Session, staff_ids: Collection[int]) -> dict[int, str]:
    """How these people sign in."""
    query = select(StaffAccount.id, StaffAccount.username).where(StaffAccount.id.in_(staff_ids))
    return {row.id: row.username for row in session.execute(query)}


def lock_accounts(session: Session) -> None:
    """Wait until no other transaction changes who may what; held until the commit. As `lock_trail`."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ACCOUNTS_LOCK})


def has_admin(session: Session, organisation_ids: Collection[str]) -> bool:
    """Whether an administrator of one of these organisations can sign in."""
    query = select(StaffAccount.id).where(
        StaffAccount.role == Role.ADMIN,
        StaffAccount.disabled.is_(False),
        StaffAccount.organisation_id.in_(organisation_ids),
    )
    return session.scalar(query.limit(1)) is not None


def add_account(
    session: Session, username: str, password_hash: str, role: str, organisation_id: str, at: int
) -> StaffAccount:
    """Add an account. Raises SQL's `IntegrityError` when the name is taken."""
    added = StaffAccount(
        username=username,
        password_hash=password_hash,
        role=role,
        organisation_id=organisation_id,
        created_at=at,
    )
    session.add(added)
    session.flush()
    return added


def lock_trail(session: Session) -> None:
    """Wait until no other transaction is adding to the trail; held until the commit.

    On SQLite a transaction that may write is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TRAIL_LOCK})


def newest_of_trail(session: Session) -> TrailRow | None:
    """The end of the trail."""
    newest = select(*TRAIL_COLUMNS).order_by(AuditEntry.id.desc()).limit(1)
    row = session.execute(newest).one_or_none()
    return None if row is None else TrailRow._make(row)


def trail_digest(session: Session, entry_id: int) -> str | None:
    """The digest of one row of the trail."""
    return session.scalar(select(AuditEntry.digest).where(AuditEntry.id == entry_id))


def add_entries(session: Session, entries: Sequence[AuditEntry]) -> None:
    """Append rows to the trail, in their order."""
    session.add_all(entries)
    session.flush()


def trail(session: Session) -> Generator[TrailRow]:
    """The whole trail, oldest first, as the database has it now. Close it when leaving early."""
    query = select(*TRAIL_COLUMNS).order_by(AuditEntry.id)
    with session.execute(query, execution_options={"yield_per": _CHUNK}) as rows:
        yield from (TrailRow._make(row) for row in rows)


def trail_of(session: Session, subject: str) -> list[TrailRow]:
    """What the trail says of one subject, newest first."""
    query = select(*TRAIL_COLUMNS).where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc())
    return [TrailRow._make(row) for row in session.execute(query)]


def details_of(session: Session, subject: str, action: str) -> list[dict[str, object]]:
    """What the trail says of every `action` on `subject`, oldest first."""
    of_it = (AuditEntry.subject == subject, AuditEntry.action == action)
    return list(session.scalars(select(AuditEntry.detail).where(*of_it).order_by(AuditEntry.id)))


def acts_on(
    session: Session, subjects: Collection[str], actions: Collection[str], count: int
) -> list[TrailRow]:
    """The first `count` of these acts on these subjects, oldest first."""
    of_them = (AuditEntry.subject.in_(subjects), AuditEntry.action.in_(actions))
    query = select(*TRAIL_COLUMNS).where(*of_them).order_by(AuditEntry.id).limit(count)
    return [TrailRow._make(row) for row in session.execute(query)]
