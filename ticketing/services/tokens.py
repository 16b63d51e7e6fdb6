"""Session tokens: signed, checked without I/O, remembered once checked.

A token is its claims as JSON in base64url, a dot, and an HMAC-SHA-256. It proves who signed in and when;
what has ended a session since then is for `ticketing.members.revocations` to say.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Literal

import msgspec
from itsdangerous import BadSignature, Signer

TOKEN_LENGTH_MAX = 4_096
"""Characters of a token; a longer text is refused unread."""

VERIFIED_MAX = 20_000
"""Tokens a process remembers as verified; about 20 MB when full."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who a session belongs to, as it was at login. Times are milliseconds by Redis' clock.

    `issued_at` stays what it was at login when a session is renewed. `idle_at` is when it ends unless
    renewed, never after `expires_at`. A member has `card_last_four`; staff have `role`, and the username
    as `name`.
    """

    kind: Literal["member", "staff"]
    id: int
    session_id: str
    issued_at: int
    expires_at: int
    idle_at: int
    name: str
    organisation_id: str
    organisation_name: str
    organisation_path: str
    card_last_four: str = ""
    role: str = ""
    pin_must_change: bool = False

    @property
    def subject(self) -> str:
        """How `session_changes` names the person: `m:ID` or `s:ID`."""
        return f"{self.kind[0]}:{self.id}"

    @property
    def actor(self) -> str:
        """How the audit trail names the person: `member:ID` or `staff:USERNAME`."""
        return f"staff:{self.name}" if self.kind == "staff" else f"member:{self.id}"

    def covers(self, organisation_path: str) -> bool:
        """Whether `organisation_path` is the person's own organisation or lies below it."""
        return organisation_path == self.organisation_path or organisation_path.startswith(
            f"{self.organisation_path}."
        )


class TokenSigner:
    """Signs claims and reads them back. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        self._signer = Signer(key, salt="ticketing.session", digest_method=sha256)
        self._decoder = msgspec.json.Decoder(Claims)
        self._open_once = lru_cache(maxsize=VERIFIED_MAX)(self._open)

    def sign(self, claims: Claims) -> str:
        """A token for `claims`: URL-safe, and accepted only by the holder of the same key."""
        payload = urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=")
        return self._signer.sign(payload).decode()

    def verify(self, token: str, now_ms: int) -> Claims | None:
        """The claims of a token that we signed and whose time is not past; None for anything else."""
        if len(token) > TOKEN_LENGTH_MAX:
            return None
        try:
            claims = self._open_once(token)
        except (BadSignature, ValueError, msgspec.MsgspecError):
            return None
        return claims if now_ms < claims.idle_at and now_ms < claims.expires_at else None

    def _open(self, token: str) -> Claims:
        # A failure is raised, not returned, so that forged tokens are never remembered.
        payload = self._signer.unsign(token)
        return self._decoder.decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))


def new_session_id() -> str:
    """A fresh session id: 128 random bits, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)
