"""Taking a person out of the rows about them, so that nobody can read them back; the rows stay, for the accounts."""

import secrets
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ticketing.members.tables import BLOCKED, Card, Member, MemberSession, Notice

_DIGEST_BYTES, _SALT_BYTES = 32, 16


def lock_cards(session: Session, member_id: int) -> Sequence[Card]:
    """Every card the member ever had, kept from change until this transaction ends."""
    return session.scalars(select(Card).where(Card.member_id == member_id).with_for_update()).all()


def erase(session: Session, member_id: int, cards: Sequence[Card]) -> None:
    """Name, telephone and language are gone; no card number or PIN fits these cards any more."""
    nobody = {"name": "", "phone": None, "language": None}
    session.execute(update(Member).where(Member.id == member_id).values(**nobody))
    for card in cards:
        card.status = BLOCKED
        card.number_digest, card.last_four, card.tag = secrets.token_bytes(_DIGEST_BYTES), "", None
        card.pin_salt, card.pin_digest = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_DIGEST_BYTES)
    for table in (MemberSession, Notice):
        session.execute(delete(table).where(table.member_id == member_id))
