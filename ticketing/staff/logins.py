"""All SQL about the logins of staff. Commits nothing."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ticketing.staff.tables import StaffSession

TEXT_LENGTH_MAX = 60
SHOWN_MAX = 50


class StaffLogin(Struct, frozen=True):
    """One login: when, on what kind of device, from which address, and when it was used last. Milliseconds."""

    id: str
    staff_id: int
    began_at: int
    expires_at: int
    device: str
    address: str
    used_at: int


def add(session: Session, login: StaffLogin) -> None:
    """Add a login."""
    session.add(StaffSession(**asdict(login)))


def of_staff(session: Session, staff_id: int, now: int) -> list[StaffLogin]:
    """An account's logins that have not expired, newest first."""
    own = select(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.expires_at > now)
    found = session.scalars(own.order_by(StaffSession.began_at.desc(), StaffSession.id).limit(SHOWN_MAX))
    return [StaffLogin(*(getattr(row, name) for name in StaffLogin.__struct_fields__)) for row in found]


def note_use(session: Session, used_at: Mapping[str, int]) -> None:
    """Write when sessions were used last, by their ids."""
    for login_id, at in used_at.items():
        session.execute(
            update(StaffSession)
            .where(StaffSession.id == login_id, StaffSession.used_at < at)
            .values(used_at=at)
        )


def remove(session: Session, staff_id: int, login_id: str) -> bool:
    """Take one of an account's own logins away; whether there was one."""
    own = delete(StaffSession).where(StaffSession.id == login_id, StaffSession.staff_id == staff_id)
    return session.scalar(own.returning(StaffSession.id)) is not None


def remove_all(session: Session, staff_id: int, *, spared: str = "") -> None:
    """Take all of an account's logins away, but the one `spared`."""
    session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.id != spared))


def forget_before(session: Session, now: int) -> None:
    """Take away what has expired."""
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
