"""All SQL about second factors and recovery codes. Commits nothing."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from ticketing.staff.tables import RecoveryCode, SecondFactor


def factor(session: Session, staff_id: int, *, lock: bool = False) -> SecondFactor | None:
    """The second factor of an account, confirmed or not."""
    query = select(SecondFactor).where(SecondFactor.staff_id == staff_id)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def is_confirmed(session: Session, staff_id: int) -> bool:
    """Whether the account is asked for a code."""
    known = select(SecondFactor.staff_id).where(
        SecondFactor.staff_id == staff_id, SecondFactor.confirmed_at.is_not(None)
    )
    return session.scalar(known) is not None


def take_step(session: Session, staff_id: int, step: int) -> bool:
    """Use the code of this time step up; False when it, or a later one, was used before."""
    newer = (
        update(SecondFactor)
        .where(SecondFactor.staff_id == staff_id, SecondFactor.last_step < step)
        .values(last_step=step)
        .returning(SecondFactor.staff_id)
    )
    return session.scalar(newer) is not None


def take_recovery_code(session: Session, staff_id: int, digest: bytes, at: int) -> bool:
    """Use a recovery code up; False when there is none like it, or no more."""
    unused = (
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff_id, RecoveryCode.digest == digest, RecoveryCode.used_at.is_(None)
        )
        .values(used_at=at)
        .returning(RecoveryCode.id)
    )
    return session.scalar(unused) is not None


def recovery_codes_left(session: Session, staff_id: int) -> int:
    """How many recovery codes of an account were not used."""
    left = select(func.count()).where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    return session.scalar(left) or 0


def replace_recovery_codes(session: Session, staff_id: int, digests: Sequence[bytes]) -> None:
    """Give an account these recovery codes and no others."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    session.add_all(RecoveryCode(staff_id=staff_id, digest=digest) for digest in digests)


def remove(session: Session, staff_id: int) -> bool:
    """Take the second factor and its recovery codes away; whether there was one."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    gone = delete(SecondFactor).where(SecondFactor.staff_id == staff_id).returning(SecondFactor.staff_id)
    return session.scalar(gone) is not None
