"""Identifiers that more than one room reads.

- event: 8 Crockford base-32 characters in lower case, random (40 bits)
- quota: `EVENT-N`, N counted from 1 inside its event; the inventory knows only N
- order: the id of the hold it came from
- pickup, shift: keyed by who made it and their idempotency key
- ticket code: `NUMBER-I`, the order's number and the ticket's place in the order from 1
"""

import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import blake2b

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TICKET_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{12}-[1-9][0-9]?")
_ORDER_NUMBER = re.compile(r"[0-9A-HJKMNP-TV-Z]{12}")
_LOOKALIKES = str.maketrans("OIL", "011")


def new_event_id() -> str:
    """A fresh event id; 40 random bits, and SQL's primary key refuses the rare twin."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def quota_id(event_id: str, number: int) -> str:
    """The public id of an event's `number`-th quota."""
    return f"{event_id}-{number}"


def quota_number(event_id: str, quota: str) -> int | None:
    """The number inside `event_id` that `quota` names, or None when it is not of that event."""
    prefix, _, tail = quota.rpartition("-")
    if prefix != event_id or not (tail.isascii() and tail.isdecimal()) or len(tail) > 4 or tail[0] == "0":
        return None  # a leading zero would give one quota two names
    return int(tail)


def act_id(kind: str, staff_id: int, key: str) -> str:
    """The id of what a clerk does under a key, so that the same key finds it again; `kind` is a letter."""
    digest = blake2b(f"{staff_id}\n{key}".encode(), digest_size=18).digest()
    return f"{kind}.{urlsafe_b64encode(digest).decode()}"


def event_of(hold_or_order_id: str) -> str:
    """The event a hold or order id belongs to."""
    return hold_or_order_id.partition(".")[0]


def ticket_code(number: str, place: int) -> str:
    """The code of the ticket at `place` (from 1) of the order known by `number`."""
    return f"{number}-{place}"


def read_ticket_code(typed: str) -> str | None:
    """A ticket code from what a reader or a person typed, or None when it cannot be one."""
    text = _typed(typed)
    return text if _TICKET_CODE.fullmatch(text) else None


def read_order_number(typed: str) -> str | None:
    """An order number from what a person typed (spaces and dashes allowed), or None."""
    text = _typed(typed).replace("-", "")
    return text if _ORDER_NUMBER.fullmatch(text) else None


def _typed(text: str) -> str:
    return re.sub(r"\s", "", text.upper()).translate(_LOOKALIKES)
