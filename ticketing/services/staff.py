"""Staff accounts, what their roles allow, and the tree of organisations they work in."""

import re
import secrets
from collections.abc import Collection, Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.tables import Organisation
from ticketing.services import trail
from ticketing.services.passwords import hash_password, random_password
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff_repository
from ticketing.staff.names import USERNAME_RULE, read_username
from ticketing.staff.roles import Role
from ticketing.staff.tables import StaffAccount

KINDS = ("city", "district", "sub_district", "workplace")
NAME_MAX = 200
PATH_MAX = 1_000
PASSWORD_LENGTH_MIN = 12

_ORGANISATION_ID = re.compile(r"[a-z0-9_-]{1,80}")
ORGANISATION_ID_RULE = "1 to 80 small letters, digits, dashes or underscores"


def may(staff: Claims, roles: Collection[str], organisation_path: str) -> bool:
    """Whether this session is of staff in one of `roles` (or an admin) for that organisation or one above."""
    return (
        staff.kind == "staff"
        and (staff.role == Role.ADMIN or staff.role in roles)
        and staff.covers(organisation_path)
    )


class StaffService:
    """Accounts and organisations. Raises `Refusal` INVALID with `errors` naming the field at fault."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def add_staff(
        self,
        username: str,
        role: str,
        organisation_id: str,
        password: str | None = None,
        *,
        actor: str = "system",
    ) -> str:
        """Add an account; its password, random unless given. The operator's act: there is no HTTP call for it."""
        name = read_username(username)
        if name is None:
            raise invalid(("username", f"must be {USERNAME_RULE}"))
        if role not in list(Role):
            raise invalid(("role", f"must be one of {', '.join(Role)}"))
        if password is not None and len(password) < PASSWORD_LENGTH_MIN:
            raise invalid(("password", f"must have at least {PASSWORD_LENGTH_MIN} characters"))
        chosen = password or random_password()
        hashed = hash_password(chosen)
        with self._sessions.begin() as session:
            self._add(session, name, hashed, role, organisation_id, actor)
        return chosen

    def disable(self, username: str, *, actor: str = "system") -> None:
        """Let an account sign in no more, and end its sessions within two seconds. The operator's act."""
        with self._sessions.begin() as session:
            self._change(session, username, "staff.disable", actor).disabled = True

    def enable(self, username: str, *, actor: str = "system") -> None:
        """Let an account sign in again, with the password it had."""
        with self._sessions.begin() as session:
            self._change(session, username, "staff.enable", actor).disabled = False

    def reset_password(self, username: str, *, actor: str = "system") -> str:
        """Give an account another random password, which is returned, and end its sessions."""
        chosen = random_password()
        hashed = hash_password(chosen)
        with self._sessions.begin() as session:
            self._change(session, username, "staff.reset_password", actor).password_hash = hashed
        return chosen

    def organisations(self, staff: Claims) -> Sequence[Organisation]:
        """The staff member's own organisation and all below it, parents before children."""
        if staff.kind != "staff":
            raise Refusal(Code.FORBIDDEN)
        with reading(self._sessions) as session:
            return members.organisations(session, below=staff.organisation_path)

    def add_organisation(
        self, staff: Claims, name: str, parent_id: str, kind: str, organisation_id: str | None = None
    ) -> Organisation:
        """Add a node below `parent_id`; its id is random unless given. FORBIDDEN for whom may not."""
        with self._sessions.begin() as session:
            parent = members.organisation(session, parent_id)
            if not may(staff, {Role.MANAGER}, parent.path if parent else staff.organisation_path):
                raise Refusal(Code.FORBIDDEN)
            if parent is None:
                raise invalid(("parent", "is unknown"))
            return self._plant(session, organisation_id, name, kind, parent, staff.actor)

    def add_root(
        self, organisation_id: str, name: str, kind: str = "district", *, actor: str = "system"
    ) -> Organisation:
        """Add a tree's root, or return it when it is there: the operator's act before any staff exist."""
        with self._sessions.begin() as session:
            there = members.organisation(session, organisation_id)
            return there or self._plant(session, organisation_id, name, kind, None, actor)

    def _add(
        self, session: Session, username: str, hashed: str, role: str, organisation_id: str, actor: str
    ) -> None:
        if members.organisation(session, organisation_id) is None:
            raise invalid(("organisation", "is unknown"))
        now = self._clock.now_ms()
        try:
            account = staff_repository.add_account(session, username, hashed, role, organisation_id, now)
        except IntegrityError as error:
            raise invalid(("username", "is taken")) from error
        facts = {"username": username, "role": role, "organisation": organisation_id}
        trail.record(session, now, actor, "staff.add", f"staff:{account.id}", facts)

    def _change(self, session: Session, username: str, action: str, actor: str) -> StaffAccount:
        """The account, locked, with every session of it ended and the act on record. INVALID for no account."""
        account = staff_repository.account(session, read_username(username) or "", lock=True)
        if account is None:
            raise invalid(("username", "is unknown"))
        now = self._clock.now_ms()
        members.end_sessions(session, now, f"s:{account.id}")
        trail.record(session, now, actor, action, f"staff:{account.id}", {"username": account.username})
        return account

    def _plant(
        self,
        session: Session,
        organisation_id: str | None,
        name: str,
        kind: str,
        parent: Organisation | None,
        actor: str,
    ) -> Organisation:
        chosen = organisation_id or secrets.token_hex(5)
        if not _ORGANISATION_ID.fullmatch(chosen):
            raise invalid(("id", f"must be {ORGANISATION_ID_RULE}"))
        if not 0 < len(name.strip()) <= NAME_MAX:
            raise invalid(("name", f"must have 1 to {NAME_MAX} characters"))
        if kind not in KINDS:
            raise invalid(("kind", f"must be one of {', '.join(KINDS)}"))
        if parent is not None and len(parent.path) + 1 + len(chosen) > PATH_MAX:
            raise invalid(("parent", "lies too deep"))
        try:
            node = members.add_organisation(session, chosen, name.strip(), kind, parent)
        except IntegrityError as error:
            raise invalid(("id", "is taken")) from error
        facts = {"name": node.name, "kind": kind, "parent": parent.id if parent else None}
        trail.record(
            session, self._clock.now_ms(), actor, "organisation.add", f"organisation:{chosen}", facts
        )
        return node
