"""A member's logins, to see and to end, and the language that their pages keep.

A login itself writes nothing: a rush begins with thousands of them in a minute. Each process keeps the new ones for a
second and writes them in one statement. One that dies in between is missing from the list and nowhere else: "end all
others" ends it too, because sessions are judged by their tokens.
"""

from collections import deque
from threading import Lock

from msgspec import Struct

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.members import logins as rows
from ticketing.members import repository as members
from ticketing.members.logins import Login
from ticketing.members.revocations import Revocations
from ticketing.services.tokens import Claims


class LoginService:
    """What one process has heard of logins."""

    def __init__(self, sessions: Sessions, revocations: Revocations, clock: ServerClock) -> None:
        self._sessions = sessions
        self._revocations = revocations
        self._clock = clock
        self._begun: deque[Login] = deque()
        self._chosen: deque[tuple[int, str]] = deque()
        self._handing_over = Lock()

    def begun(self, claims: Claims, device: str) -> None:
        """Remember a login until `hand_over`."""
        device = device[: rows.DEVICE_LENGTH_MAX]
        self._begun.append(Login(claims.session_id, claims.id, claims.issued_at, claims.expires_at, device))

    def prefers(self, member: int, language: str) -> None:
        """Remember the language a member chose, for their next login on any phone."""
        self._chosen.append((member, language))

    def hand_over(self) -> None:
        """Write what is new, and forget what has ended by itself. SQL's errors pass through; nothing is lost."""
        with self._handing_over:
            begun, chosen = list(self._begun), list(self._chosen)
            if not begun and not chosen:
                return
            with self._sessions.begin() as session:
                rows.forget_before(session, self._clock.now_ms())
                rows.add_once(session, begun)
                for member, language in chosen:
                    rows.set_language(session, member, language)
            for queue, taken in ((self._begun, begun), (self._chosen, chosen)):
                for _ in taken:
                    queue.popleft()

    def of_member(self, claims: Claims) -> list[Login]:
        """The member's logins that are still good, newest first, this one always among them."""
        self.hand_over()
        with reading(self._sessions) as session:
            found = rows.of_member(session, claims.id, self._clock.now_ms())
        own = Login(claims.session_id, claims.id, claims.issued_at, claims.expires_at, "")
        if all(login.id != own.id for login in found):
            found.insert(0, own)
        return [
            login
            for login in found
            if login.id == own.id or is_good(self._revocations, claims.subject, login.id, login.began_at)
        ]

    def end(self, claims: Claims, login_id: str) -> None:
        """End one of the member's own logins, in every process. Raises `not_found` for anybody else's."""
        now = self._clock.now_ms()
        with self._sessions.begin() as session:
            if not rows.remove(session, claims.id, login_id):
                raise Refusal(Code.NOT_FOUND)
            members.note_change(session, now, claims.subject, session_id=login_id)

    def end_others(self, claims: Claims) -> None:
        """End all of the member's logins but this one."""
        with self._sessions.begin() as session:
            members.end_sessions(session, self._clock.now_ms(), claims.subject, spared=claims.session_id)
            rows.remove_others(session, claims.id, claims.session_id)

    def language(self, member: int) -> str | None:
        """The language the member last chose."""
        with reading(self._sessions) as session:
            return rows.language_of(session, member)


def is_good(revocations: Revocations, subject: str, login_id: str, began_at: int) -> bool:
    """Whether a login, of a member or of staff, was not ended since."""
    signed = _Signed(subject, login_id, began_at, "")
    return revocations.check(signed) is not Code.UNAUTHENTICATED


class _Signed(Struct, frozen=True):
    """A login as revocations look at it."""

    subject: str
    session_id: str
    issued_at: int
    organisation_path: str
