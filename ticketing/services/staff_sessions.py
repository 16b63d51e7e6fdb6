"""The end of an account's sessions: what every process hears of, and the rows that lists show."""

from sqlalchemy.orm import Session

from ticketing.members import repository as members
from ticketing.staff import logins


def end_all(session: Session, at: int, staff_id: int, *, spared: str = "") -> None:
    """End all sessions of an account, but the one `spared`, at a time taken when its row was locked."""
    members.end_sessions(session, at, f"s:{staff_id}", spared=spared or None)
    logins.remove_all(session, staff_id, spared=spared)
