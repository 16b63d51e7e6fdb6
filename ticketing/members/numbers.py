"""Card numbers and PINs as people and readers type them.

A card number is 6 to 32 digits, leading zeros included; a PIN is 4 to 12 digits. Spaces and dashes that
people put between digits are dropped, and full-width digits count as digits.
"""

import os
import re
import secrets
import unicodedata

CARD_NUMBER_RULE = "6 to 32 digits"
PIN_RULE = "4 to 12 digits"

_CARD_NUMBER = re.compile(r"[0-9]{6,32}")
_PIN = re.compile(r"[0-9]{4,12}")
_SEPARATORS = re.compile(r"[\s-]")
_ONE_TIME_PIN_DIGITS = 6
_SALT_BYTES = 16


def read_card_number(typed: str) -> str | None:
    """The card number that was typed, or None when it cannot be one."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed))
    return digits if _CARD_NUMBER.fullmatch(digits) else None


def read_pin(typed: str) -> str | None:
    """The PIN that was typed, or None when it cannot be one."""
    digits = unicodedata.normalize("NFKC", typed).strip()
    return digits if _PIN.fullmatch(digits) else None


def last_four(card_number: str) -> str:
    """What of a card number may be stored and shown."""
    return card_number[-4:]


def one_time_pin() -> str:
    """Six random digits, for a member who must choose their own at the next login."""
    return "".join(secrets.choice("0123456789") for _ in range(_ONE_TIME_PIN_DIGITS))


def new_salt() -> bytes:
    """A PIN's salt: 128 random bits."""
    return os.urandom(_SALT_BYTES)
