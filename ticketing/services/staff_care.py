"""Accounts of staff as managers look after them: of their own organisation and below, and no more than they have.

The operator's acts, which nobody limits, are in `staff`. Changes of who may what are made one after the other, so that
two administrators cannot disable each other at the same moment and leave nobody.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.tables import Organisation
from ticketing.services import trail
from ticketing.services.event_access import require_writer
from ticketing.services.passwords import hash_password, random_password
from ticketing.services.tokens import Claims
from ticketing.staff import repository as rows
from ticketing.staff.names import USERNAME_RULE, read_username
from ticketing.staff.roles import Role
from ticketing.staff.tables import StaffAccount

GIVES: Mapping[str, tuple[Role, ...]] = {
    Role.ADMIN: (Role.ADMIN, Role.MANAGER, Role.CLERK, Role.AUDITOR),
    Role.MANAGER: (Role.MANAGER, Role.CLERK, Role.AUDITOR),
}
"""Which roles staff of a role look after: those that may nothing that they may not themselves."""

SHOWN_MAX = 200


class Account(Struct, frozen=True):
    """An account as its managers see it."""

    username: str
    role: str
    organisation_id: str
    organisation_name: str
    disabled: bool
    created_at: int
    may_change: bool


class StaffCare:
    """What managers do with accounts.

    Refusals: FORBIDDEN for other roles, and for an account of a role that theirs does not give; NOT_FOUND for one of
    an organisation that is not theirs or below; INVALID naming the field, also for what would lock everybody out.
    """

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def accounts(self, staff: Claims, sought: str = "") -> list[Account]:
        """The accounts of the staff member's organisation and below whose name or organisation contains `sought`."""
        require_writer(staff)
        with reading(self._sessions) as session:
            found = session.execute(_sought(staff.organisation_path, sought.strip()))
            return [_account(staff, row, organisation) for row, organisation in found]

    def account(self, staff: Claims, username: str) -> Account:
        """One of them."""
        require_writer(staff)
        with reading(self._sessions) as session:
            row, organisation = self._within_reach(session, staff, username)
            return _account(staff, row, organisation)

    def add(self, staff: Claims, username: str, role: str, organisation_id: str) -> tuple[Account, str]:
        """Add an account; its first password is random and told once."""
        require_writer(staff)
        name = read_username(username)
        if name is None:
            raise invalid(("username", f"must be {USERNAME_RULE}"))
        password = random_password()
        hashed = hash_password(password)
        with self._sessions.begin() as session:
            organisation = self._place(session, staff, role, organisation_id)
            now = self._clock.now_ms()
            try:
                row = rows.add_account(session, name, hashed, role, organisation.id, now)
            except IntegrityError as error:
                raise invalid(("username", "is taken")) from error
            facts = {"username": name, "role": role, "organisation": organisation.id}
            trail.record(session, now, staff.actor, "staff.add", f"staff:{row.id}", facts)
            return _account(staff, row, organisation), password

    def change(self, staff: Claims, username: str, role: str, organisation_id: str) -> Account:
        """Give an account another role or another organisation; its sessions end, for they say what it was."""
        with self._sessions.begin() as session:
            row = self._lock(session, staff, username)
            organisation = self._place(session, staff, role, organisation_id)
            before = {"role": row.role, "organisation": row.organisation_id}
            after = {"role": role, "organisation": organisation.id}
            if before != after:
                row.role, row.organisation_id = role, organisation.id
                self._require_someone(session, before)
                self._record(session, staff, "staff.change", row, {"before": before, "after": after})
            return _account(staff, row, organisation)

    def disable(self, staff: Claims, username: str) -> Account:
        """Let an account sign in no more, and end its sessions within two seconds."""
        with self._sessions.begin() as session:
            row = self._lock(session, staff, username)
            if not row.disabled:
                row.disabled = True
                self._require_someone(session, {"role": row.role, "organisation": row.organisation_id})
                self._record(session, staff, "staff.disable", row, {})
            return _account(staff, row, members.organisation_of(session, row.organisation_id))

    def enable(self, staff: Claims, username: str) -> Account:
        """Let an account sign in again, with the password it had."""
        with self._sessions.begin() as session:
            row = self._lock(session, staff, username)
            if row.disabled:
                row.disabled = False
                self._record(session, staff, "staff.enable", row, {})
            return _account(staff, row, members.organisation_of(session, row.organisation_id))

    def reset_password(self, staff: Claims, username: str) -> tuple[Account, str]:
        """Give an account another random password, which is told once, and end its sessions."""
        require_writer(staff)
        password = random_password()
        hashed = hash_password(password)
        with self._sessions.begin() as session:
            row = self._lock(session, staff, username)
            row.password_hash = hashed
            self._record(session, staff, "staff.reset_password", row, {})
            return _account(staff, row, members.organisation_of(session, row.organisation_id)), password

    def _within_reach(
        self, session: Session, staff: Claims, username: str
    ) -> tuple[StaffAccount, Organisation]:
        row = rows.account(session, read_username(username) or "")
        if row is None:
            raise Refusal(Code.NOT_FOUND)
        organisation = members.organisation_of(session, row.organisation_id)
        if not staff.covers(organisation.path):
            raise Refusal(Code.NOT_FOUND)
        return row, organisation

    def _lock(self, session: Session, staff: Claims, username: str) -> StaffAccount:
        """The account that is to change, while no other account does."""
        require_writer(staff)
        rows.lock_accounts(session)
        row, _ = self._within_reach(session, staff, username)
        if row.role not in GIVES[staff.role]:
            raise Refusal(Code.FORBIDDEN)
        return row

    @staticmethod
    def _place(session: Session, staff: Claims, role: str, organisation_id: str) -> Organisation:
        """The organisation for which the role is given, if this staff member may give it there."""
        if role not in list(Role):
            raise invalid(("role", f"must be one of {', '.join(Role)}"))
        if role not in GIVES[staff.role]:
            raise Refusal(Code.FORBIDDEN)
        organisation = members.organisation(session, organisation_id)
        if organisation is None or not staff.covers(organisation.path):
            raise invalid(("organisation", "is unknown"))
        return organisation

    @staticmethod
    def _require_someone(session: Session, before: Mapping[str, str]) -> None:
        """Refuse a change after which nobody could put it right: no other administrator there or above."""
        if before["role"] != Role.ADMIN:
            return
        session.flush()
        here_and_above = members.organisation_of(session, before["organisation"]).path.split(".")
        if not rows.has_admin(session, here_and_above):
            raise invalid(("account", "is the last administrator here"))

    def _record(
        self, session: Session, staff: Claims, action: str, row: StaffAccount, facts: Mapping[str, object]
    ) -> None:
        now = self._clock.now_ms()
        members.end_sessions(session, now, f"s:{row.id}")
        detail = {"username": row.username, **facts}
        trail.record(session, now, staff.actor, action, f"staff:{row.id}", detail)


def roles_given(staff: Claims) -> Sequence[Role]:
    """The roles that this staff member may give."""
    return GIVES.get(staff.role, ())


def _sought(below: str, text: str) -> Select[StaffAccount, Organisation]:
    query = (
        select(StaffAccount, Organisation)
        .join(Organisation, Organisation.id == StaffAccount.organisation_id)
        .where(members.at_or_below(below))
        .order_by(StaffAccount.disabled, Organisation.path, StaffAccount.username)
        .limit(SHOWN_MAX)
    )
    if not text:
        return query
    named = StaffAccount.username.contains(text.lower(), autoescape=True)
    return query.where(or_(named, Organisation.name.contains(text, autoescape=True)))


def _account(staff: Claims, row: StaffAccount, organisation: Organisation) -> Account:
    return Account(
        username=row.username,
        role=row.role,
        organisation_id=row.organisation_id,
        organisation_name=organisation.name,
        disabled=row.disabled,
        created_at=row.created_at,
        may_change=row.role in GIVES[staff.role],
    )
