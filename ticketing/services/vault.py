"""Secrets that must be read back, such as that of an authenticator, as SQL may hold them: AES-256-GCM.

What a secret is for goes into its seal, so that one row's bytes open nothing in another's place.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticketing.errors import Misconfigured

_NONCE_BYTES = 12


class Vault:
    """Seals and opens. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """`key` is 32 secret bytes, and seals nothing else."""
        self._cipher = AESGCM(key)

    def seal(self, purpose: str, secret: bytes) -> bytes:
        """`secret` as SQL keeps it; `purpose` says what and whose it is."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for this purpose. Raises `Misconfigured` when another secret key sealed it."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except InvalidTag as error:
            raise Misconfigured(f"TICKETING_SECRET_KEY is not the one that sealed the {purpose}") from error
