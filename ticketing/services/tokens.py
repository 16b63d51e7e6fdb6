"""Session tokens: signed, and checked without I/O.

A token is its claims (a MessagePack array) in base64url, a dot, and a keyed BLAKE2b of that (RFC 7693) in
hexadecimal. It proves who signed in and when; what has ended a session since then is for
`ticketing.members.revocations` to say.

All of that is for the rush, where each of 180,000 tokens is seen once or twice: keyed BLAKE2b is a single
call into C, where an HMAC is several; its digest comes in hexadecimal without another call; and an array is
decoded without looking names up. So a check costs 2 microseconds, less than keeping tokens in memory would save.
"""

import secrets
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from hashlib import blake2b
from hmac import compare_digest
from typing import Literal

import msgspec

from ticketing.members.repository import is_at_or_below

TOKEN_LENGTH_MAX = 4_096
"""Characters of a token; a longer text is refused unread."""

_DIGEST_BYTES = 24
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Claims(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who a session belongs to, as it was at login. Times are milliseconds by Redis' clock.

    A token has the fields in this order, so a new one comes last.

    `issued_at` stays what it was at login when a session is renewed. `idle_at` is when it ends unless
    renewed, never after `expires_at`. A member has `card_last_four`; staff have `role`, and the username
    as `name`; who `must_enrol` may set up a second factor and nothing else.
    With `scopes` it is another program that calls, by an API token, for whoever made that.
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
    must_enrol: bool = False
    scopes: tuple[str, ...] | None = None

    @property
    def subject(self) -> str:
        """How `session_changes` names the person: `m:ID` or `s:ID`."""
        return f"{self.kind[0]}:{self.id}"

    @property
    def actor(self) -> str:
        """How the audit trail names who acts: `member:ID`, `staff:USERNAME`, or `token:ID` for a program."""
        if self.scopes is not None:
            return f"token:{self.session_id}"
        return f"staff:{self.name}" if self.kind == "staff" else f"member:{self.id}"

    def covers(self, organisation_path: str) -> bool:
        """Whether `organisation_path` is the person's own organisation or lies below it."""
        return is_at_or_below(organisation_path, self.organisation_path)


class TokenSigner:
    """Signs claims and reads them back. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """`key` is at most 64 bytes, and signs nothing else."""
        self._keyed = blake2b(key=key, digest_size=_DIGEST_BYTES)
        self._decoder = msgspec.msgpack.Decoder(Claims)

    def sign(self, claims: Claims) -> str:
        """A token for `claims`: URL-safe, and accepted only by the holder of the same key."""
        payload = urlsafe_b64encode(msgspec.msgpack.encode(claims)).rstrip(b"=")
        return f"{payload.decode()}.{self._signature(payload)}"

    def verify(self, token: str, now_ms: int) -> Claims | None:
        """The claims of a token that we signed and whose time is not past; None for anything else."""
        if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            return None
        said, _, signature = token.partition(".")
        payload = said.encode()
        if not compare_digest(signature, self._signature(payload)):
            return None
        claims = self._decoder.decode(a2b_base64(payload.translate(_FROM_URL_SAFE) + b"=="))
        return claims if now_ms < claims.idle_at and now_ms < claims.expires_at else None

    def _signature(self, payload: bytes) -> str:
        keyed = self._keyed.copy()
        keyed.update(payload)
        return keyed.hexdigest()


def new_session_id() -> str:
    """A fresh session id: 128 random bits, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)
