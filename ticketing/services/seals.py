"""The seal: an Ed25519 signature by which a desk without the network knows a ticket, or its own list, as ours.

A ticket's QR text is its code, its quota, whether it is still to be paid, the key's name, and the signature over
all of that: some 135 capital letters, digits, dots and dashes, which a QR code packs tighter than bytes and a
keyboard reader types under any Caps Lock. The code alone stays short and unsigned, for people to type.

The key comes from the instance's secret, so a new secret is a new key: its name in the text then says that an
older one signed, and since texts are signed whenever an order is read, members see the new one at once.
"""

import re
from base64 import b32decode, b32encode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from ticketing.errors import Refusal, invalid
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.orders.tables import DUE

TICKET = b"ticketing ticket 1\n"
LIST = b"ticketing desk list 1\n"
"""What a signature is for: one made for a list must not pass for a ticket's."""

PAID_OR_FREE, TO_BE_PAID = "0", "1"
_NAME_LENGTH = 8
_SEALED = re.compile(
    r"([0-9A-HJKMNP-TV-Z]{12}-[1-9][0-9]?)\.([0-9A-HJKMNP-TV-Z]{8}-[1-9][0-9]{0,3})\.([01])"
    r"\.([A-Z2-7]{8})\.([A-Z2-7]{103})"
)


class SealedTicket(Struct, frozen=True):
    """What a QR text of ours says; `due` is whether it was still to be paid when it was shown."""

    code: str
    quota_id: str
    due: bool


class Seal:
    """Signs tickets and lists, and reads tickets back. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """`key` is 32 secret bytes, and makes nothing else."""
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._key.public_key()
        self.public = self._public.public_bytes_raw()
        self.name = b32encode(sha256(self.public).digest()).decode()[:_NAME_LENGTH]

    def qr(self, order: OrderRecord, ticket: TicketRecord) -> str:
        """The text of a ticket's QR code."""
        due = TO_BE_PAID if order.payment_status == DUE and ticket.price else PAID_OR_FREE
        said = f"{ticket.code}.{ticket.quota_id.upper()}.{due}.{self.name}"
        return f"{said}.{_letters(self._key.sign(TICKET + said.encode()))}"

    def sign_list(self, content: bytes) -> bytes:
        """The signature over a desk's list."""
        return self._key.sign(LIST + content)

    def read(self, typed: str) -> SealedTicket | None:
        """What a QR text says; None for what is no such text. Raises `Refusal` INVALID for one we did not sign."""
        match = _SEALED.fullmatch(re.sub(r"\s", "", typed.upper()))
        if match is None:
            return None
        if match[4] != self.name:
            raise _forged("was signed with another key than this instance's")
        said = match[0].rpartition(".")[0]
        try:
            self._public.verify(_bytes(match[5]), TICKET + said.encode())
        except InvalidSignature:
            raise _forged("is not signed by this instance") from None
        return SealedTicket(match[1], match[2].lower(), match[3] == TO_BE_PAID)


def _letters(signature: bytes) -> str:
    return b32encode(signature).decode().rstrip("=")


def _bytes(letters: str) -> bytes:
    return b32decode(letters + "=" * (-len(letters) % 8))


def _forged(why: str) -> Refusal:
    return invalid(("code", why))
