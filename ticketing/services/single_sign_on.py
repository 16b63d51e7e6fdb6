"""Staff sign in by a provider of the union's own (OpenID Connect), beside name and password.

The provider says who somebody is there and never who may work here: an account must be there, and its person has linked
it from within, with the password. What a browser must remember until it comes back lies sealed in a cookie of its
own, so any process can go on with it, and no other browser can.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import msgspec
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.clock import MINUTE_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Failure, Misconfigured, Refusal
from ticketing.keyring import Keyring
from ticketing.services import trail
from ticketing.services.sessions import SessionService
from ticketing.services.staff_sessions import end_all
from ticketing.services.tokens import Claims
from ticketing.services.vault import Vault
from ticketing.settings import Settings
from ticketing.staff import identities
from ticketing.staff import repository as staff_repository

if TYPE_CHECKING:
    from ticketing.services.open_id import OpenIdProvider

CALLBACK_PATH = "/staff/login/provider/back"
"""Where the provider sends browsers back to; the provider must be told once."""

WAY_MINUTES = 10
"""How long somebody may take at the provider."""

_COOKIE = "sign-in under way"
_WORD_BYTES = 32
_ERROR = re.compile(r"[a-z_]{1,40}")  # what a provider may call an error; the rest comes from who knows where
_log = structlog.get_logger(__name__)


class Why(StrEnum):
    """Why nobody was let in, or nothing linked."""

    LOST = "lost"  # no cookie, an old one, or another's answer: to be begun anew
    DENIED = "denied"
    NOT_PROVEN = "not_proven"
    UNANSWERED = "unanswered"
    UNLINKED = "unlinked"
    DISABLED = "disabled"
    TAKEN = "taken"
    ELSEWHERE = "elsewhere"  # another account is signed in than the one that began to link


class Way(msgspec.Struct, frozen=True, array_like=True):
    """A sign-in under way. With `session_id` it links the account of that session instead."""

    state: str
    nonce: str
    verifier: str
    ends_at: int
    after: str
    staff_id: int
    session_id: str


class Departure(msgspec.Struct, frozen=True):
    """Where the browser goes, and what it keeps meanwhile."""

    url: str
    cookie: str


class Arrival(msgspec.Struct, frozen=True):
    """Who came back and where to: `step` as `login_staff_first_step` gives it; `linked` when that was the wish."""

    claims: Claims
    step: str | None
    after: str
    linked: bool


class SingleSignOn:
    """The way to the provider and back. Refuses with a `why`, and counts failures as other sign-ins are counted."""

    def __init__(
        self,
        sessions: Sessions,
        keyring: Keyring,
        clock: ServerClock,
        accounts: SessionService,
        settings: Settings,
    ) -> None:
        self._sessions = sessions
        self._vault = Vault(keyring.vault)
        self._clock = clock
        self._accounts = accounts
        self._settings = settings
        self._issuer = settings.oidc_issuer or ""

    @property
    def name(self) -> str | None:
        """What the provider is called; None without one."""
        return (self._settings.oidc_name or urlsplit(self._issuer).hostname) if self._issuer else None

    def require_provider(self) -> None:
        """Raise `Refusal` NOT_FOUND without one."""
        if not self._issuer:
            raise Refusal(Code.NOT_FOUND)

    def begin(self, after: str, address: str) -> Departure:
        """Send a browser to the provider, to come back to `after`."""
        self._accounts.require_unhurried(address)
        return self._depart(after, 0, "")

    def begin_link(self, staff: Claims, password: str) -> Departure:
        """The same to link one's own account. BAD_CREDENTIALS for a wrong password."""
        self._accounts.factors.require_password(staff, password)
        return self._depart("", staff.id, staff.session_id)

    def finish(self, cookie: str, answer: Mapping[str, str], here: Claims | None, address: str) -> Arrival:
        """What comes of the provider's answer, for the browser that has the cookie and maybe the session `here`."""
        self.require_provider()
        self._accounts.require_unhurried(address)
        try:
            way = self._way(cookie, answer)
            subject = self._subject(way, answer)
            return self._linked(way, subject, here) if way.session_id else self._entered(way, subject)
        except Refusal as refusal:
            if refusal.code is Code.UNAUTHENTICATED and refusal.facts["why"] is not Why.DENIED:
                self._accounts.attempts.failed(address)
            raise

    def linked_at(self, staff: Claims) -> int | None:
        """Since when one's own account is linked."""
        with reading(self._sessions) as session:
            return identities.linked_at(session, self._issuer, staff.id)

    def unlink(self, staff: Claims, password: str) -> None:
        """Take one's own link away, and end one's other sessions: who knows who began them."""
        self._accounts.factors.require_password(staff, password)
        with self._sessions.begin() as session:
            staff_repository.account(session, staff.name, lock=True)
            if identities.remove(session, staff.id):
                now = self._clock.now_ms()
                end_all(session, now, staff.id, spared=staff.session_id)
                facts = {"username": staff.name}
                trail.record(session, now, staff.actor, "staff.unlink_provider", f"staff:{staff.id}", facts)

    def look(self) -> None:
        """Ask the provider for its description and keys. Raises `ProviderFailed`."""
        self._provider.look()

    # There

    def _depart(self, after: str, staff_id: int, session_id: str) -> Departure:
        self.require_provider()
        state, nonce, verifier = (secrets.token_urlsafe(_WORD_BYTES) for _ in range(3))
        ends_at = self._clock.now_ms() + WAY_MINUTES * MINUTE_MS
        way = Way(state, nonce, verifier, ends_at, after, staff_id, session_id)
        try:
            url = self._provider.sign_in_url(state, nonce, verifier)
        except Failure as failure:
            self._refuse(Why.UNANSWERED, failure)
        return Departure(url, urlsafe_b64encode(self._vault.seal(_COOKIE, msgspec.json.encode(way))).decode())

    @cached_property
    def _provider(self) -> "OpenIdProvider":
        from ticketing.services.open_id import OpenIdProvider

        settings = self._settings
        assert settings.oidc_client_id is not None
        assert settings.oidc_client_secret is not None
        assert settings.public_url is not None
        return OpenIdProvider(
            self._issuer,
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
            settings.public_url.rstrip("/") + CALLBACK_PATH,
            self._clock,
        )

    # And back

    def _way(self, cookie: str, answer: Mapping[str, str]) -> Way:
        way = self._opened(cookie)
        if way is None or self._clock.now_ms() >= way.ends_at:
            self._refuse(Why.LOST)
        if not secrets.compare_digest(way.state.encode(), answer.get("state", "").encode()):
            self._refuse(Why.LOST)
        return way

    def _opened(self, cookie: str) -> Way | None:
        with suppress(Misconfigured, ValueError, msgspec.DecodeError):
            sealed = urlsafe_b64decode(cookie.encode())
            return msgspec.json.decode(self._vault.open(_COOKIE, sealed), type=Way)
        return None

    def _subject(self, way: Way, answer: Mapping[str, str]) -> str:
        from ticketing.services.open_id import CodeUsed, NotProven, ProviderFailed

        code = answer.get("code", "")
        error = answer.get("error", "")
        if error or not code:
            self._refuse(Why.DENIED if error == "access_denied" else Why.UNANSWERED, said=error)
        try:
            return self._provider.subject(code, way.nonce, way.verifier)
        except CodeUsed as failure:
            self._refuse(Why.LOST, failure)
        except NotProven as failure:
            self._refuse(Why.NOT_PROVEN, failure)
        except ProviderFailed as failure:
            self._refuse(Why.UNANSWERED, failure)

    def _entered(self, way: Way, subject: str) -> Arrival:
        with reading(self._sessions) as session:
            staff_id = identities.staff_id_of(session, self._issuer, subject)
        if staff_id is None:
            self._refuse(Why.UNLINKED)

        def is_linked(session: Session) -> bool:
            return identities.staff_id_of(session, self._issuer, subject) == staff_id

        entered = self._accounts.login_staff_known(staff_id, is_linked)
        if entered is None:
            self._refuse(Why.DISABLED)
        return Arrival(*entered, way.after, linked=False)

    def _linked(self, way: Way, subject: str, here: Claims | None) -> Arrival:
        if here is None or (here.id, here.session_id) != (way.staff_id, way.session_id):
            self._refuse(Why.ELSEWHERE)
        try:
            with self._sessions.begin() as session:
                staff_repository.account(session, here.name, lock=True)
                now = self._clock.now_ms()
                identities.link(session, here.id, self._issuer, subject, now)
                facts = {"username": here.name, "provider": self._issuer}
                trail.record(session, now, here.actor, "staff.link_provider", f"staff:{here.id}", facts)
        except IntegrityError:
            self._refuse(Why.TAKEN)
        return Arrival(here, None, way.after, linked=True)

    def _refuse(self, why: Why, failure: Failure | None = None, said: str = "") -> NoReturn:
        """Refuse, and say in the log what the reader of the page need not know. Codes and tokens are in neither."""
        cause = repr(failure.__cause__) if failure else said if _ERROR.fullmatch(said) else None
        _log.warning("provider_sign_in_refused", why=why, failure=str(failure or ""), cause=cause)
        code = Code.UNAVAILABLE if why is Why.UNANSWERED else Code.UNAUTHENTICATED
        raise Refusal(code, why=why, provider=self.name)
