"""All SQL about staff accounts and the audit trail. Commits nothing."""

from collections.abc import Generator

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.staff.tables import AuditEntry, StaffAccount

_TRAIL_LOCK = 0x747261696C  # any number of ours; PostgreSQL's advisory locks are numbers
_CHUNK = 1_000


def account(session: Session, username: str) -> StaffAccount | None:
    """The account with this name, disabled or not. Names are kept in lower case."""
    return session.scalars(select(StaffAccount).where(StaffAccount.username == username)).one_or_none()


def account_by_id(session: Session, staff_id: int) -> StaffAccount | None:
    """The account with this id, for naming the clerk of a pickup."""
    return session.get(StaffAccount, staff_id)


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


def last_digest(session: Session) -> str | None:
    """The digest of the newest row of the trail."""
    return session.scalar(select(AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1))


def add_entry(session: Session, entry: AuditEntry) -> None:
    """Append one row to the trail."""
    session.add(entry)
    session.flush()


def trail(session: Session) -> Generator[AuditEntry]:
    """The whole trail, oldest first, as the database has it now. Close it when leaving early."""
    options = {"yield_per": _CHUNK, "populate_existing": True}
    with session.scalars(select(AuditEntry).order_by(AuditEntry.id), execution_options=options) as entries:
        yield from entries


def details_of(session: Session, subject: str, action: str) -> list[dict[str, object]]:
    """What the trail says of every `action` on `subject`, oldest first."""
    of_it = (AuditEntry.subject == subject, AuditEntry.action == action)
    return list(session.scalars(select(AuditEntry.detail).where(*of_it).order_by(AuditEntry.id)))
