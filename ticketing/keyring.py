"""The keys, all derived from the one secret of an instance.

Card numbers, PINs, sessions, hold ids, the audit trail, signed tickets, uploaded lists and what must be read back
each have a key of their own, so that none can stand in for another. The secret lives outside SQL and Redis
(`TICKETING_SECRET_KEY`, or a file that embedded mode makes); losing it makes every card number unknown, so it belongs
in the backup.
"""

import hmac
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Self

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and letters that people do not take for one another."""

_PAIRS = [high + low for high in CROCKFORD for low in CROCKFORD]
_PAIR_SHIFTS = range(50, -1, -10)

_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BODY_BYTES, _CHECK_BYTES = 12, 6
_MARK_BYTES = 4
_TAG_BYTES = 3


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Derived keys; makes and recognises the identifiers that depend on them."""

    card: bytes
    pin: bytes
    session: bytes
    hold: bytes
    number: bytes
    trail: bytes
    ticket: bytes
    desk: bytes
    tag: bytes
    step: bytes
    recovery: bytes
    vault: bytes
    upload: bytes

    @classmethod
    def derive(cls, secret: str) -> Self:
        """Derive every key from `secret` by HMAC-SHA-256 over the key's name."""
        master = secret.encode()
        return cls(*(hmac.digest(master, name.encode(), "sha256") for name in cls.__slots__))

    def card_digest(self, card_number: str) -> bytes:
        """What SQL keeps instead of a card number: 32 bytes of HMAC-SHA-256."""
        return hmac.digest(self.card, card_number.encode(), "sha256")

    def card_tag(self, card_number: str) -> int:
        """By what a desk without the network finds a card: 24 bits under the key `desk`, which desks are given.

        Few enough that many numbers share them: who steals a desk's list and key cannot tell which it was.
        """
        return int.from_bytes(hmac.digest(self.desk, card_number.encode(), "sha256")[:_TAG_BYTES], "big")

    def hidden_tag(self, card_number: str, card_digest: bytes) -> int:
        """A card's tag as SQL keeps it."""
        return self.hide_tag(self.card_tag(card_number), card_digest)

    def hide_tag(self, tag: int, card_digest: bytes) -> int:
        """A tag as SQL keeps it, and again: the tag. So who steals SQL and a desk's key has no tags of all cards."""
        mask = hmac.digest(self.tag, card_digest, "sha256")[:_TAG_BYTES]
        return tag ^ int.from_bytes(mask, "big")

    def pin_digest(self, salt: bytes, pin: str) -> bytes:
        """HMAC-SHA-256 over a random salt and the PIN; the attempt limit does the rest."""
        return hmac.digest(self.pin, salt + pin.encode(), "sha256")

    def recovery_digest(self, staff: int, code: str) -> bytes:
        """What SQL keeps instead of a recovery code, which is random enough to need no salt."""
        return hmac.digest(self.recovery, f"{staff}\n{code}".encode(), "sha256")

    def hold_id(self, event_id: str, member: int, channel: str, idempotency_key: str) -> str:
        """The id that makes a hold repeatable: `event.24 characters`.

        Twelve bytes come from (event, member, channel, key), six from those and the member again,
        so that `owns_hold` can tell an id made for this member without asking Redis.
        """
        made_of = f"{event_id}\n{member}\n{channel}\n{idempotency_key}"
        return self._hold_id(event_id, member, _keyed(self.hold, made_of.encode(), _BODY_BYTES))

    def desk_hold_id(self, event_id: str, member: int, staff: int, idempotency_key: str) -> str:
        """The id of a hold that a clerk makes at the desk: the same, but its last four bytes of twelve are the clerk's.

        So who sold is known (`sold_by`) even when only Redis ever heard of the sale, and nothing more is written.
        """
        plain = self.hold_id(event_id, member, f"desk.{staff}", idempotency_key)
        drawn = _bytes_of(plain)[: _BODY_BYTES - _MARK_BYTES]
        return self._hold_id(event_id, member, drawn + self._mark(drawn, staff))

    def sold_by(self, hold_id: str, staff: Iterable[int]) -> int | None:
        """Which of these clerks made a hold at the desk; None when none of them did."""
        body = _bytes_of(hold_id)[:_BODY_BYTES]
        drawn, mark = body[:-_MARK_BYTES], body[-_MARK_BYTES:]
        return next((one for one in staff if hmac.compare_digest(mark, self._mark(drawn, one))), None)

    def _mark(self, drawn: bytes, staff: int) -> bytes:
        return _keyed(self.hold, drawn + f"\nsold by {staff}".encode(), _MARK_BYTES)

    def _hold_id(self, event_id: str, member: int, body: bytes) -> str:
        check = _keyed(self.hold, f"{event_id}\n{member}\n".encode() + body, _CHECK_BYTES)
        return f"{event_id}.{urlsafe_b64encode(body + check).decode()}"

    def owns_hold(self, hold_id: str, member: int) -> bool:
        """Whether `hold_id` was made here for `member`, even if Redis no longer knows it."""
        event_id = hold_id.partition(".")[0]
        try:
            raw = _bytes_of(hold_id)
        except ValueError:
            return False
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        expected = _keyed(self.hold, f"{event_id}\n{member}\n".encode() + body, _CHECK_BYTES)
        return len(body) == _BODY_BYTES and hmac.compare_digest(check, expected)

    def order_number(self, hold_id: str) -> str:
        """The order's number for people: 12 Crockford base-32 characters (60 bits) of the hold id.

        Ticket codes are this number, a dash and the ticket's place in the order.
        """
        bits = int.from_bytes(_keyed(self.number, hold_id.encode(), 8), "big")
        return "".join([_PAIRS[bits >> shift & 1023] for shift in _PAIR_SHIFTS])


def _keyed(key: bytes, data: bytes, size: int) -> bytes:
    keyed = _begun(key, size).copy()
    keyed.update(data)
    return keyed.digest()


@lru_cache(maxsize=16)
def _begun(key: bytes, size: int) -> blake2b:
    """A hash that has taken the key in; what is the same for every id is computed once."""
    return blake2b(key=key, digest_size=size)


def _bytes_of(hold_id: str) -> bytes:
    """Raises `ValueError` for what is not base64url in full."""
    return a2b_base64(hold_id.partition(".")[2].encode().translate(_FROM_URL_SAFE), strict_mode=True)
