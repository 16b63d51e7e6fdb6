"""The second factor of staff: a code of an authenticator (TOTP, RFC 6238), or a recovery code.

A code opens once: the time step of the newest one taken is remembered, and only a later one counts. A clock may be
one step (30 s) off. Recovery codes are kept as keyed digests, the authenticator's secret in the vault.
"""

import re
import secrets

import pyotp
from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.keyring import CROCKFORD, Keyring
from ticketing.services import trail
from ticketing.services.attempts import Attempts
from ticketing.services.passwords import is_password
from ticketing.services.staff_sessions import end_all
from ticketing.services.tokens import Claims
from ticketing.services.vault import Vault
from ticketing.staff import factors
from ticketing.staff import repository as staff_repository
from ticketing.staff.tables import SecondFactor

ISSUER = "Ticketing"
STEP_MS = 30_000
RECOVERY_CODES = 10

_RECOVERY_LETTERS = 12  # 60 bits
_TOTP_CODE = re.compile(r"[0-9]{6}")


class Enrolment(Struct, frozen=True):
    """What an authenticator is given: the secret as text, and the address its QR code shows."""

    secret: str
    uri: str


class FactorState(Struct, frozen=True):
    """Whether an account has a second factor, since when, and how many recovery codes are left."""

    confirmed_at: int | None
    recovery_codes_left: int


class SecondFactors:
    """Sets second factors up and judges codes. Raises `Refusal`s."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock, attempts: Attempts) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._vault = Vault(keyring.vault)
        self._clock = clock
        self._attempts = attempts

    def state(self, staff: Claims) -> FactorState:
        """What the account has."""
        with reading(self._sessions) as session:
            known = factors.factor(session, staff.id)
            left = factors.recovery_codes_left(session, staff.id)
        return FactorState(known.confirmed_at if known else None, left)

    def is_needed(self, staff_id: int) -> bool:
        """Whether a sign-in of this account needs a code."""
        with reading(self._sessions) as session:
            return factors.is_confirmed(session, staff_id)

    def judge(self, staff_id: int, code: str, address: str) -> bool:
        """Whether the code is right, which uses it up. RATE_LIMITED after too many wrong ones."""
        target = f"code:{staff_id}"
        self._attempts.begin(target, address)
        with self._sessions.begin() as session:
            right = self._take(session, staff_id, code)
        if right:
            self._attempts.succeeded(target)
        else:
            self._attempts.failed(address)
        return right

    def begin(self, staff: Claims, password: str) -> Enrolment:
        """Make a secret, which counts once `confirm` has seen a code of it. BAD_CREDENTIALS for a wrong password.

        INVALID when one is confirmed already: it must be taken away first, which needs a code of it.
        """
        self.require_password(staff, password)
        secret = pyotp.random_base32()
        sealed = self._vault.seal(_purpose(staff.id), secret.encode())
        with self._sessions.begin() as session:
            known = factors.factor(session, staff.id, lock=True)
            if known is not None and known.confirmed_at is not None:
                raise invalid(("second_factor", "is set up already"))
            factors.remove(session, staff.id)
            session.add(
                SecondFactor(
                    staff_id=staff.id, sealed_secret=sealed, created_at=self._clock.now_ms(), last_step=0
                )
            )
        return _enrolment(secret, staff.name)

    def pending(self, staff: Claims) -> Enrolment | None:
        """What `begin` made, to show it again after a mistyped code; None once it is confirmed."""
        with reading(self._sessions) as session:
            known = factors.factor(session, staff.id)
        if known is None or known.confirmed_at is not None:
            return None
        return _enrolment(self._secret(known), staff.name)

    def confirm(self, staff: Claims, code: str) -> list[str]:
        """Let the new secret count from now on, end all other sessions, and give the recovery codes, this once."""
        target = f"code:{staff.id}"
        self._attempts.begin(target)
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        with self._sessions.begin() as session:
            known = factors.factor(session, staff.id, lock=True)
            if known is None or known.confirmed_at is not None:
                raise invalid(("second_factor", "set up one first"))
            if not self._take_totp(session, known, code):
                raise invalid(("code", "is not the authenticator's"))
            now = self._clock.now_ms()
            known.confirmed_at = now
            digests = [self._keyring.recovery_digest(staff.id, _plain(each)) for each in codes]
            factors.replace_recovery_codes(session, staff.id, digests)
            end_all(session, now, staff.id, spared=staff.session_id)
            self._record(session, now, staff.actor, "staff.enrol_second_factor", staff.id)
        self._attempts.succeeded(target)
        return codes

    def turn_off(self, staff: Claims, password: str, code: str, address: str) -> None:
        """Take the account's second factor away and end all its sessions, this one too."""
        self.require_password(staff, password)
        if not self.judge(staff.id, code, address):
            raise Refusal(Code.BAD_CREDENTIALS)
        with self._sessions.begin() as session:
            self.remove(session, staff.id, staff.actor, "staff.remove_second_factor")

    def remove(self, session: Session, staff_id: int, actor: str, action: str) -> bool:
        """Take an account's second factor away and end its sessions; whether it had one. On record either way."""
        now = self._clock.now_ms()
        had_one = factors.remove(session, staff_id)
        end_all(session, now, staff_id)
        self._record(session, now, actor, action, staff_id)
        return had_one

    # Codes

    def _take(self, session: Session, staff_id: int, code: str) -> bool:
        known = factors.factor(session, staff_id)
        if known is None or known.confirmed_at is None:
            return False
        if _TOTP_CODE.fullmatch(code.strip()):
            return self._take_totp(session, known, code)
        digest = self._keyring.recovery_digest(staff_id, _plain(code))
        return factors.take_recovery_code(session, staff_id, digest, self._clock.now_ms())

    def _take_totp(self, session: Session, known: SecondFactor, code: str) -> bool:
        totp, now = pyotp.TOTP(self._secret(known)), self._clock.now_ms() // STEP_MS
        typed = code.strip()
        for step in (now - 1, now, now + 1):
            if secrets.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
                return factors.take_step(session, known.staff_id, step)
        return False

    def _secret(self, known: SecondFactor) -> str:
        return self._vault.open(_purpose(known.staff_id), known.sealed_secret).decode()

    # The account

    def require_password(self, staff: Claims, password: str) -> None:
        """A session that somebody left open must not be enough to change how its account is opened."""
        target = f"staff:{staff.name}"
        self._attempts.begin(target)
        with reading(self._sessions) as session:
            account = staff_repository.account_by_id(session, staff.id)
        if account is None or not is_password(password, account.password_hash):
            raise Refusal(Code.BAD_CREDENTIALS)
        self._attempts.succeeded(target)

    @staticmethod
    def _record(session: Session, now: int, actor: str, action: str, staff_id: int) -> None:
        name = staff_repository.usernames(session, [staff_id])[staff_id]
        trail.record(session, now, actor, action, f"staff:{staff_id}", {"username": name})


def _purpose(staff_id: int) -> str:
    return f"second factor of staff {staff_id}"


def _enrolment(secret: str, username: str) -> Enrolment:
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER))


def _recovery_code() -> str:
    letters = "".join(secrets.choice(CROCKFORD) for _ in range(_RECOVERY_LETTERS))
    return "-".join(letters[start : start + 4] for start in range(0, _RECOVERY_LETTERS, 4))


def _plain(code: str) -> str:
    """A recovery code without what people add when they type it."""
    return re.sub(r"[\s-]", "", code).upper()
