"""The logins of staff, to see and to end: one's own, or, for an admin, all of an account.

A login is a row, written when it is made; when it was used last is written later (`services.last_use`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.revocations import Revocations
from ticketing.services import trail
from ticketing.services.last_use import LastUse
from ticketing.services.logins import is_good
from ticketing.services.second_factor import SecondFactors
from ticketing.services.staff_sessions import end_all
from ticketing.services.tokens import Claims
from ticketing.staff import identities
from ticketing.staff import logins as rows
from ticketing.staff import repository as staff_repository
from ticketing.staff.logins import TEXT_LENGTH_MAX, StaffLogin
from ticketing.staff.names import read_username
from ticketing.staff.roles import Role
from ticketing.staff.tables import StaffAccount


class StaffLogins:
    """What one process knows of them, over SQL."""

    def __init__(self, sessions: Sessions, revocations: Revocations, clock: ServerClock) -> None:
        self._sessions = sessions
        self._revocations = revocations
        self._clock = clock
        self._last_use = LastUse()

    def begun(self, claims: Claims, device: str, address: str) -> None:
        """Write a login down, and forget those that have ended by themselves."""
        now = self._clock.now_ms()
        login = StaffLogin(
            claims.session_id,
            claims.id,
            claims.issued_at,
            claims.expires_at,
            device[:TEXT_LENGTH_MAX],
            address[:TEXT_LENGTH_MAX],
            now,
        )
        with self._sessions.begin() as session:
            rows.forget_before(session, now)
            rows.add(session, login)

    def seen(self, claims: Claims) -> None:
        """Remember that this session is in use; no I/O."""
        self._last_use.note(claims.session_id, self._clock.now_ms())

    def hand_over(self) -> None:
        """Write which sessions were used. SQL's errors pass through; nothing is lost."""
        with self._last_use.taken(self._clock.now_ms()) as used:
            if used:
                with self._sessions.begin() as session:
                    rows.note_use(session, used)

    def own(self, claims: Claims) -> list[StaffLogin]:
        """One's own logins that are still good, newest first, this one always among them."""
        self.hand_over()
        with reading(self._sessions) as session:
            found = rows.of_staff(session, claims.id, self._clock.now_ms())
        here = StaffLogin(
            claims.session_id, claims.id, claims.issued_at, claims.expires_at, "", "", self._clock.now_ms()
        )
        if all(login.id != here.id for login in found):
            found.insert(0, here)
        return [
            login
            for login in found
            if login.id == here.id or is_good(self._revocations, claims.subject, login.id, login.began_at)
        ]

    def end(self, claims: Claims, login_id: str) -> None:
        """End one of one's own logins, in every process. NOT_FOUND for anybody else's."""
        with self._sessions.begin() as session:
            if not rows.remove(session, claims.id, login_id):
                raise Refusal(Code.NOT_FOUND)
            members.note_change(session, self._clock.now_ms(), claims.subject, session_id=login_id)

    def end_others(self, claims: Claims) -> None:
        """End all of one's logins but this one."""
        with self._sessions.begin() as session:
            end_all(session, self._clock.now_ms(), claims.id, spared=claims.session_id)


class StaffHelp:
    """What an admin does for an account of their part of the tree, or the operator (`admin` None) for any."""

    def __init__(self, sessions: Sessions, clock: ServerClock, factors: SecondFactors) -> None:
        self._sessions = sessions
        self._clock = clock
        self._factors = factors

    def end_sessions(self, admin: Claims | None, username: str) -> None:
        """Sign an account out everywhere, within two seconds."""
        with self._reached(admin, username) as (session, account):
            now = self._clock.now_ms()
            end_all(session, now, account.id)
            facts = {"username": account.username}
            trail.record(session, now, _actor(admin), "staff.end_sessions", f"staff:{account.id}", facts)

    def reset_second_factor(self, admin: Claims | None, username: str) -> bool:
        """Take an account's second factor away, when its authenticator is lost, and end its sessions.

        Whether it had one. The next sign-in needs the password alone, and where a second factor is required sets a
        new one up: so make sure who asks.
        """
        with self._reached(admin, username) as (session, account):
            return self._factors.remove(session, account.id, _actor(admin), "staff.reset_second_factor")

    def unlink_provider(self, admin: Claims | None, username: str) -> bool:
        """Let an account be opened by the sign-in provider no more, and end its sessions. Whether it was."""
        with self._reached(admin, username) as (session, account):
            was_linked = identities.remove(session, account.id)
            now = self._clock.now_ms()
            end_all(session, now, account.id)
            facts = {"username": account.username}
            trail.record(session, now, _actor(admin), "staff.unlink_provider", f"staff:{account.id}", facts)
            return was_linked

    @contextmanager
    def _reached(self, admin: Claims | None, username: str) -> Iterator[tuple[Session, StaffAccount]]:
        """A transaction and the account, locked. FORBIDDEN, NOT_FOUND beyond an admin's reach, INVALID for no name."""
        if admin is not None and (admin.kind != "staff" or admin.role != Role.ADMIN):
            raise Refusal(Code.FORBIDDEN)
        with self._sessions.begin() as session:
            account = staff_repository.account(session, read_username(username) or "", lock=True)
            if admin is None and account is None:
                raise invalid(("username", "is unknown"))
            if account is None or (admin is not None and not self._covers(session, admin, account)):
                raise Refusal(Code.NOT_FOUND)
            yield session, account

    @staticmethod
    def _covers(session: Session, admin: Claims, account: StaffAccount) -> bool:
        return admin.covers(members.organisation_of(session, account.organisation_id).path)


def _actor(admin: Claims | None) -> str:
    return "system" if admin is None else admin.actor
