"""Signing in and out: members by card number and PIN, staff by name and password.

An unknown card, a wrong PIN and a blocked card are told apart by nobody outside: each costs the same one
look-up, the same HMAC and the same counters, and gets the same answer. What a login gives is a signed token;
ending it early is a row in `session_changes` that every process reads within two seconds.
"""

from collections.abc import Callable
from functools import cached_property

from limits.strategies import RateLimiter
from msgspec.structs import replace
from sqlalchemy.orm import Session

from ticketing.clock import MINUTE_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.members.numbers import read_card_number
from ticketing.members.repository import Holder, PinRecord
from ticketing.members.tables import ACTIVE, Card
from ticketing.services import trail
from ticketing.services.attempts import Attempts
from ticketing.services.passwords import hash_password, is_password, random_password
from ticketing.services.pins import is_right_pin, new_pin, set_pin
from ticketing.services.second_factor import SecondFactors
from ticketing.services.tokens import Claims, TokenSigner, new_session_id
from ticketing.settings import Settings
from ticketing.staff import logins as staff_logins
from ticketing.staff import repository as staff
from ticketing.staff.names import read_username
from ticketing.staff.tables import StaffAccount

STEP_MINUTES = 5
"""How long after the password the code may come."""


class SessionService:
    """Login, logout, the member's own PIN, and the idle life of a session in the browser."""

    def __init__(
        self,
        sessions: Sessions,
        keyring: Keyring,
        signer: TokenSigner,
        limiter: RateLimiter,
        clock: ServerClock,
        settings: Settings,
    ) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._signer = signer
        self._clock = clock
        self._settings = settings
        self.attempts = Attempts(
            limiter, settings.login_failures_per_card, settings.login_failures_per_address
        )
        self._steps = TokenSigner(keyring.step)
        self.factors = SecondFactors(sessions, keyring, clock, self.attempts)

    def require_unhurried(self, address: str) -> None:
        """Raise `Refusal` RATE_LIMITED with `retry_after_ms` for an address of too many failed logins."""
        self.attempts.require_unhurried(address)

    def login_member(self, card_number: str, pin: str, address: str) -> tuple[str, Claims]:
        """A member's token and claims, good until `expires_at`; `renew` makes the browser's of it.

        Raises `Refusal` BAD_CREDENTIALS, or RATE_LIMITED with `retry_after_ms` after too many failures of
        the card or of the client's `address`: alike whether the card exists or not.
        """
        digest = self._keyring.card_digest(read_card_number(card_number) or card_number)
        self.attempts.begin(_card(digest), address)
        claims = self._judge_pin(digest, pin)
        if claims is None:
            self.attempts.failed(address)
            raise Refusal(Code.BAD_CREDENTIALS)
        self.attempts.succeeded(_card(digest))
        return self._signer.sign(claims), claims

    def login_staff(
        self, username: str, password: str, address: str, code: str | None = None
    ) -> tuple[str, Claims]:
        """A staff token and claims, as `login_member`; an unknown or disabled account costs the same hash.

        SECOND_FACTOR_NEEDED when the password is right and the account's `code` is missing.
        """
        claims = self._begin_staff(username, password, address)
        if self.factors.is_needed(claims.id):
            if not code:
                raise Refusal(Code.SECOND_FACTOR_NEEDED)
            self._require_code(claims, code, address)
        claims = self._bound_to_enrol(claims)
        return self._signer.sign(claims), claims

    def login_staff_first_step(self, username: str, password: str, address: str) -> tuple[Claims, str | None]:
        """For a page that asks for the code after the password: the claims, and a text where a code is needed.

        The text says who gave the password, for `login_staff_second_step`; the claims must not be signed then.
        """
        return self._first_step(self._begin_staff(username, password, address))

    def login_staff_known(
        self, staff_id: int, is_known: Callable[[Session], bool]
    ) -> tuple[Claims, str | None] | None:
        """The same for whom something else than a password has shown to be this account's person.

        None when the account is disabled, or when `is_known` says that this is no longer so.
        """
        claims = self._staff_claims(staff_id, self._clock.now_ms(), lambda _, session: is_known(session))
        return None if claims is None else self._first_step(claims)

    def _first_step(self, claims: Claims) -> tuple[Claims, str | None]:
        if not self.factors.is_needed(claims.id):
            return self._bound_to_enrol(claims), None
        soon = min(claims.expires_at, claims.issued_at + STEP_MINUTES * MINUTE_MS)
        return claims, self._steps.sign(replace(claims, idle_at=soon))

    def login_staff_second_step(self, step: str, code: str, address: str) -> Claims:
        """The claims of who gave the password and now the code. UNAUTHENTICATED when that was too long ago."""
        claims = self._steps.verify(step, self._clock.now_ms())
        if claims is None:
            raise Refusal(Code.UNAUTHENTICATED)
        self._require_code(claims, code, address)
        return replace(claims, idle_at=claims.expires_at)

    def _require_code(self, claims: Claims, code: str, address: str) -> None:
        if not self.factors.judge(claims.id, code, address):
            raise Refusal(Code.BAD_CREDENTIALS)

    def _bound_to_enrol(self, claims: Claims) -> Claims:
        """The claims of an account that has no second factor, where one is required."""
        required = self._settings.staff_second_factor == "required"
        enrolled = required and self.factors.is_needed(claims.id)
        return replace(claims, must_enrol=required and not enrolled)

    def _begin_staff(self, username: str, password: str, address: str) -> Claims:
        name = read_username(username) or username
        self.attempts.begin(f"staff:{name}", address)
        claims = self._judge_password(name, password)
        if claims is None:
            self.attempts.failed(address)
            raise Refusal(Code.BAD_CREDENTIALS)
        self.attempts.succeeded(f"staff:{name}")
        return claims

    def renew(self, claims: Claims) -> str:
        """A token of the same session for the browser: it ends when idle, and never lives past `expires_at`."""
        minutes = self._settings
        idle = minutes.member_idle_minutes if claims.kind == "member" else minutes.staff_idle_minutes
        idle_at = min(claims.expires_at, self._clock.now_ms() + idle * MINUTE_MS)
        return self._signer.sign(replace(claims, idle_at=idle_at))

    def sign(self, claims: Claims) -> str:
        """A token of claims that a sign-in here gave."""
        return self._signer.sign(claims)

    def logout(self, claims: Claims, *, everywhere: bool = False) -> None:
        """End this session in every process, or with `everywhere` all that the person signed in to before."""
        now = self._clock.now_ms()
        with self._sessions.begin() as session:
            if everywhere:
                members.end_sessions(session, now, claims.subject)
            if claims.kind == "staff":
                staff_logins.remove_all(session, claims.id) if everywhere else staff_logins.remove(
                    session, claims.id, claims.session_id
                )
            members.note_change(session, now, claims.subject, session_id=claims.session_id)

    def change_pin(self, claims: Claims, pin: str, new: str) -> tuple[str, Claims]:
        """Set the member's own PIN and end all their other sessions; this one goes on, also under its old token.

        Raises `Refusal` INVALID naming `new_pin`, BAD_CREDENTIALS, CARD_BLOCKED, or RATE_LIMITED.
        """
        chosen = new_pin(new, previous=pin)
        target = f"member:{claims.id}"
        self.attempts.begin(target)
        with self._sessions.begin() as session:
            card = self._own_card(session, claims, pin)
            now = self._clock.now_ms()
            set_pin(self._keyring, card, chosen, chosen=True)
            members.end_sessions(session, now, claims.subject, spared=claims.session_id)
            trail.record(session, now, claims.actor, "card.change_pin", f"card:{card.id}", {})
        self.attempts.succeeded(target)
        changed = replace(claims, pin_must_change=False)
        return self._signer.sign(changed), changed

    # Members

    def _judge_pin(self, card_digest: bytes, pin: str) -> Claims | None:
        # A PIN that changes meanwhile is either seen by the last reading, or ends this session as an earlier one.
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            record = members.pin_record(session, card_digest)
            if not is_right_pin(self._keyring, record, pin) or record is None:
                return None
            ended_before = members.sessions_ended_before(session, f"m:{record.member_id}")
            holder = members.holder_by_card(session, card_digest)
        if holder is None or holder.card.pin_digest != record.digest:
            return None
        return self._member_claims(holder, max(now, ended_before))

    def _member_claims(self, holder: Holder, now: int) -> Claims:
        expires_at = now + self._settings.member_session_minutes * MINUTE_MS
        return Claims(
            kind="member",
            id=holder.member.id,
            session_id=new_session_id(),
            issued_at=now,
            expires_at=expires_at,
            idle_at=expires_at,
            name=holder.member.name,
            organisation_id=holder.organisation.id,
            organisation_name=holder.organisation.name,
            organisation_path=holder.organisation.path,
            card_last_four=holder.card.last_four,
            pin_must_change=holder.card.pin_must_change,
        )

    def _own_card(self, session: Session, claims: Claims, pin: str) -> Card:
        holder = members.holder(session, claims.id, lock=True)
        if holder is None or claims.kind != "member":
            raise Refusal(Code.BAD_CREDENTIALS)
        card = holder.card
        if card.status != ACTIVE:
            raise Refusal(Code.CARD_BLOCKED)
        record = PinRecord(claims.id, card.pin_salt, card.pin_digest, usable=True)
        if not is_right_pin(self._keyring, record, pin):
            raise Refusal(Code.BAD_CREDENTIALS)
        return card

    # Staff

    def _judge_password(self, username: str, password: str) -> Claims | None:
        now = self._clock.now_ms()
        absent = self._absent_hash
        with reading(self._sessions) as session:
            account = staff.account(session, username)
        right = is_password(password, account.password_hash if account else absent)
        if not right or account is None or account.disabled:
            return None
        known = account.password_hash
        return self._staff_claims(account.id, now, lambda account, _: account.password_hash == known)

    def _staff_claims(
        self, staff_id: int, began_at: int, is_known: Callable[[StaffAccount, Session], bool]
    ) -> Claims | None:
        # As with a PIN: what was taken away meanwhile is seen by this reading, or ends the session as an earlier one.
        with reading(self._sessions) as session:
            ended_before = members.sessions_ended_before(session, f"s:{staff_id}")
            account = staff.account_by_id(session, staff_id)
            if account is None or account.disabled or not is_known(account, session):
                return None
            organisation = members.organisation_of(session, account.organisation_id)
        now = max(began_at, ended_before)
        expires_at = now + self._settings.staff_session_minutes * MINUTE_MS
        return Claims(
            kind="staff",
            id=account.id,
            session_id=new_session_id(),
            issued_at=now,
            expires_at=expires_at,
            idle_at=expires_at,
            name=account.username,
            role=account.role,
            organisation_id=organisation.id,
            organisation_name=organisation.name,
            organisation_path=organisation.path,
        )

    @cached_property
    def _absent_hash(self) -> str:
        """What the password of an account that does not exist is compared with."""
        return hash_password(random_password())


def _card(digest: bytes) -> str:
    return f"card:{digest.hex()}"
