"""All SQL about who staff are at the sign-in provider. Commits nothing."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ticketing.staff.tables import StaffIdentity

SUBJECT_LENGTH_MAX = 255


def staff_id_of(session: Session, issuer: str, subject: str) -> int | None:
    """The account that this person of the provider is linked to."""
    theirs = (StaffIdentity.issuer == issuer, StaffIdentity.subject == subject)
    return session.scalar(select(StaffIdentity.staff_id).where(*theirs))


def linked_at(session: Session, issuer: str, staff_id: int) -> int | None:
    """Since when an account is linked to somebody at this provider."""
    own = (StaffIdentity.issuer == issuer, StaffIdentity.staff_id == staff_id)
    return session.scalar(select(StaffIdentity.linked_at).where(*own))


def link(session: Session, staff_id: int, issuer: str, subject: str, at: int) -> None:
    """Link an account to this person and no other. `IntegrityError` when another account is."""
    remove(session, staff_id)
    session.add(StaffIdentity(staff_id=staff_id, issuer=issuer, subject=subject, linked_at=at))
    session.flush()


def remove(session: Session, staff_id: int) -> bool:
    """Take an account's link away; whether there was one."""
    gone = delete(StaffIdentity).where(StaffIdentity.staff_id == staff_id).returning(StaffIdentity.staff_id)
    return session.scalar(gone) is not None
