"""Rows of members' logins, and the language of their pages."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ticketing.members.tables import Member, MemberSession

DEVICE_LENGTH_MAX = 60
SHOWN_MAX = 50


class Login(Struct, frozen=True):
    """One login; `device` is what kind of phone or computer it said it was. Times in milliseconds."""

    id: str
    member_id: int
    began_at: int
    expires_at: int
    device: str


def add_once(session: Session, logins: Sequence[Login]) -> None:
    """Add logins; of a member who is gone, or one that is there already, nothing."""
    present = set(
        session.scalars(select(Member.id).where(Member.id.in_({each.member_id for each in logins})))
    )
    known = select(MemberSession.id).where(MemberSession.id.in_({each.id for each in logins}))
    there = set(session.scalars(known))
    new = {each.id: each for each in logins if each.member_id in present and each.id not in there}
    session.add_all(MemberSession(**asdict(each)) for each in new.values())


def of_member(session: Session, member_id: int, now: int) -> list[Login]:
    """A member's logins that have not expired, newest first."""
    own = select(MemberSession).where(MemberSession.member_id == member_id, MemberSession.expires_at > now)
    found = session.scalars(own.order_by(MemberSession.began_at.desc()).limit(SHOWN_MAX))
    return [Login(row.id, row.member_id, row.began_at, row.expires_at, row.device) for row in found]


def remove(session: Session, member_id: int, login_id: str) -> bool:
    """Take one of a member's own logins away; whether there was one."""
    own = delete(MemberSession).where(MemberSession.id == login_id, MemberSession.member_id == member_id)
    return bool(session.execute(own.returning(MemberSession.id)).all())


def remove_others(session: Session, member_id: int, login_id: str) -> None:
    """Take all of a member's logins away but one."""
    session.execute(
        delete(MemberSession).where(MemberSession.member_id == member_id, MemberSession.id != login_id)
    )


def forget_before(session: Session, now: int) -> None:
    """Take away what has expired."""
    session.execute(delete(MemberSession).where(MemberSession.expires_at <= now))


def language_of(session: Session, member_id: int) -> str | None:
    """The language a member chose."""
    return session.scalar(select(Member.language).where(Member.id == member_id))


def set_language(session: Session, member_id: int, language: str) -> None:
    """Keep the language a member chose."""
    session.execute(update(Member).where(Member.id == member_id).values(language=language))
