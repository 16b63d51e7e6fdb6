"""PINs of cards: made, compared, replaced. A short PIN is protected by the key and the limit of attempts."""

import hmac

from ticketing.errors import invalid
from ticketing.keyring import Keyring
from ticketing.members.numbers import PIN_RULE, new_salt, read_pin
from ticketing.members.repository import PinRecord
from ticketing.members.tables import Card

_ABSENT = PinRecord(member_id=0, salt=new_salt(), digest=bytes(32), usable=False)


def set_pin(keyring: Keyring, card: Card, pin: str, *, chosen: bool) -> None:
    """Give the card a PIN. `chosen`: by the member; otherwise they must choose their own at the next login."""
    card.pin_salt = new_salt()
    card.pin_digest = keyring.pin_digest(card.pin_salt, pin)
    card.pin_chosen = chosen
    card.pin_must_change = not chosen


def is_right_pin(keyring: Keyring, record: PinRecord | None, typed: str) -> bool:
    """Whether `typed` opens the card. Takes the same time for no card, a wrong PIN and an unusable card."""
    known = record or _ABSENT
    digest = keyring.pin_digest(known.salt, read_pin(typed) or typed)
    return hmac.compare_digest(digest, known.digest) & known.usable


def new_pin(typed: str, previous: str) -> str:
    """The PIN a member chooses. Raises `Refusal` INVALID naming `new_pin`."""
    pin = read_pin(typed)
    if pin is None:
        raise invalid(("new_pin", f"must be {PIN_RULE}"))
    if pin == read_pin(previous):
        raise invalid(("new_pin", "must differ from the present PIN"))
    return pin
