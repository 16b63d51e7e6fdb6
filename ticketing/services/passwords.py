"""Passwords of staff: argon2id, two at a time.

One check costs about 60 ms and 64 MB, so a crowd at the staff door waits in line here and starves nobody.
"""

import secrets
from threading import BoundedSemaphore

from pwdlib import PasswordHash

AT_ONCE = 2

_hasher = PasswordHash.recommended()
_turns = BoundedSemaphore(AT_ONCE)


def hash_password(password: str) -> str:
    """The argon2id hash that SQL keeps."""
    with _turns:
        return _hasher.hash(password)


def is_password(password: str, password_hash: str) -> bool:
    """Whether `password` made `password_hash`; takes the same time either way."""
    with _turns:
        return _hasher.verify(password, password_hash)


def random_password() -> str:
    """A first password, shown once: 96 random bits, 16 URL-safe characters."""
    return secrets.token_urlsafe(12)
