"""API tokens: by them other programs call the staff's part of the API, within scopes and within their maker's reach.

A token is random; SQL keeps its SHA-256 alone. Every API process has the live ones in memory and reads them anew once
a second, with the account and the organisation of each as they are now: a token never does what its maker may not
(any more), and one that was revoked is worth nothing within two seconds, without a look at SQL on the way of a call.
"""

import hashlib
import secrets
from collections.abc import Sequence

from msgspec import Struct

from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.services import token_rows as rows
from ticketing.services import trail
from ticketing.services.event_access import require_writer
from ticketing.services.last_use import LastUse
from ticketing.services.token_rows import LiveToken
from ticketing.services.tokens import Claims
from ticketing.staff.roles import Role

PREFIX = "ticketing_"
"""By it a token is told from a session's, and found where somebody left it in a text."""

NAME_MAX = 100
DAYS_MAX = 730

Scope = str
SCOPES: tuple[Scope, ...] = (
    "events:read",
    "orders:read",
    "stats:read",
    "reports:read",
    "trail:read",
    "cards:write",
    "cards:import",
    "webhooks:replay",
)
"""What a token may be for; `ticketing.api.scopes` says which calls each opens."""


class TokenWish(Struct, frozen=True):
    """A token to make: what it is called, for what, below which organisation (one's own unless given), how long."""

    name: str
    scopes: tuple[Scope, ...]
    days: int
    organisation_id: str | None = None


class ApiTokens:
    """The tokens of an instance, as one process knows them."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._live: dict[bytes, Claims] = {}
        self._reach: dict[str, str] = {}
        self._last_use = LastUse()

    # What calls go through; no I/O

    def claims(self, token: str) -> Claims | None:
        """Who calls with this token; None when it is none of ours, or its time is past."""
        found = self._live.get(_digest(token))
        now = self._clock.now_ms()
        if found is None or now >= found.expires_at:
            return None
        self._last_use.note(found.session_id, now)
        return found

    def reach(self, claims: Claims) -> str | None:
        """The path of the organisation that a token of these claims reaches by now; None when it opens nothing more."""
        return self._reach.get(claims.session_id)

    def refresh(self) -> None:
        """Read the live tokens anew. SQL's errors pass through; what was known stays."""
        with reading(self._sessions) as session:
            live = rows.live(session, self._clock.now_ms())
        self._live = {each.digest: _claims_of(each) for each in live if _still_covers(each)}
        self._reach = {claims.session_id: claims.organisation_path for claims in self._live.values()}

    def hand_over(self) -> None:
        """Write which tokens were used. SQL's errors pass through; nothing is lost."""
        with self._last_use.taken(self._clock.now_ms()) as used:
            if used:
                with self._sessions.begin() as session:
                    rows.note_use(session, used)

    # What staff do with them

    def create(self, staff: Claims, wish: TokenWish) -> tuple[str, rows.TokenRow]:
        """A new token, shown this once. FORBIDDEN for whom may not, INVALID naming the field at fault."""
        require_writer(staff)
        _require_sane(wish)
        token, now = PREFIX + secrets.token_urlsafe(32), self._clock.now_ms()
        with self._sessions.begin() as session:
            node = members.organisation(session, wish.organisation_id or staff.organisation_id)
            if node is None or not staff.covers(node.path):
                raise invalid(("organisation", "is unknown"))
            row = rows.TokenRow(
                id=secrets.token_hex(8),
                name=wish.name.strip(),
                scopes=tuple(scope for scope in SCOPES if scope in wish.scopes),
                organisation_id=node.id,
                organisation_name=node.name,
                maker=staff.name,
                created_at=now,
                expires_at=now + wish.days * DAY_MS,
                used_at=None,
            )
            rows.add(session, row, _digest(token), staff.id)
            facts = {"name": row.name, "scopes": row.scopes, "organisation": node.id}
            trail.record(session, now, staff.actor, "token.create", f"token:{row.id}", facts)
        self.refresh()
        return token, row

    def listed(self, staff: Claims) -> Sequence[rows.TokenRow]:
        """The tokens of the staff member's organisation and below that were not revoked, newest first."""
        require_writer(staff)
        with reading(self._sessions) as session:
            return rows.below(session, staff.organisation_path)

    def revoke(self, staff: Claims, token_id: str) -> None:
        """End a token for good, within two seconds in every process. NOT_FOUND beyond the staff member's reach."""
        require_writer(staff)
        now = self._clock.now_ms()
        with self._sessions.begin() as session:
            path = rows.organisation_path(session, token_id)
            if path is None or not staff.covers(path):
                raise Refusal(Code.NOT_FOUND)
            if rows.revoke(session, token_id, now):
                trail.record(session, now, staff.actor, "token.revoke", f"token:{token_id}", {})
        self.refresh()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _still_covers(token: LiveToken) -> bool:
    """Whether its maker still may make it: their account works, as a manager or admin, for that organisation."""
    reach = token.organisation_path == token.maker_path or token.organisation_path.startswith(
        f"{token.maker_path}."
    )
    return reach and token.role in (Role.MANAGER, Role.ADMIN)


def _claims_of(token: LiveToken) -> Claims:
    return Claims(
        kind="staff",
        id=token.maker_id,
        session_id=token.id,
        issued_at=token.created_at,
        expires_at=token.expires_at,
        idle_at=token.expires_at,
        name=token.maker,
        role=token.role,
        organisation_id=token.organisation_id,
        organisation_name=token.organisation_name,
        organisation_path=token.organisation_path,
        scopes=tuple(token.scopes),
    )


def _require_sane(wish: TokenWish) -> None:
    if not 0 < len(wish.name.strip()) <= NAME_MAX:
        raise invalid(("name", f"must have 1 to {NAME_MAX} characters"))
    if not wish.scopes or not set(wish.scopes) <= set(SCOPES):
        raise invalid(("scopes", "choose at least one"))
    if not 1 <= wish.days <= DAYS_MAX:
        raise invalid(("days", f"must be 1 to {DAYS_MAX}"))
