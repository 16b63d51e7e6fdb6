"""SQL over many members and cards at once: what an import of 182,850 lines needs.

Every function works in the caller's transaction, on one piece that the caller keeps small.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert, Select, Table, Update, bindparam, func, insert, select, text, update
from sqlalchemy.orm import Session

from ticketing.database import Base
from ticketing.members.tables import ACTIVE, BLOCKED, Card, Member

_MEMBERS = Base.metadata.tables["members"]
_CARDS = Base.metadata.tables["cards"]
_CHANGES = Base.metadata.tables["session_changes"]


class NewMember(NamedTuple):
    """A member and their first card, ready to be stored."""

    name: str
    organisation_id: str
    phone: str | None
    number_digest: bytes
    last_four: str
    pin_salt: bytes
    pin_digest: bytes
    blocked: bool = False
    tag: int | None = None


class KnownCard(NamedTuple):
    """A card that SQL has, with its member."""

    number_digest: bytes
    card_id: int
    status: str
    pin_salt: bytes
    pin_digest: bytes
    pin_chosen: bool
    member_id: int
    name: str
    organisation_id: str
    phone: str | None
    tag: int | None


def known_cards(session: Session, digests: Sequence[bytes], *, lock: bool = True) -> dict[bytes, KnownCard]:
    """The cards among `digests` that SQL has; `lock` keeps them as they are read."""
    if lock:
        # In a statement of its own: one that waits reads the members as they were before it did.
        mine = select(Card.id).where(Card.number_digest.in_(digests)).order_by(Card.id)
        session.execute(mine.with_for_update())
    cards = map(KnownCard._make, session.execute(cards_query(digests)))
    return {card.number_digest: card for card in cards}


def cards_query(digests: Sequence[bytes]) -> Select[*tuple[Any, ...]]:
    """The cards with their members, as `KnownCard` has them."""
    return (
        select(
            Card.number_digest,
            Card.id,
            Card.status,
            Card.pin_salt,
            Card.pin_digest,
            Card.pin_chosen,
            Member.id,
            Member.name,
            Member.organisation_id,
            Member.phone,
            Card.tag,
        )
        .join(Member, Member.id == Card.member_id)
        .where(Card.number_digest.in_(digests))
    )


def insert_members(session: Session, rows: Sequence[NewMember], at: int) -> list[int]:
    """Store new members and their cards; their ids, in the order of `rows`."""
    if not rows:
        return []
    ids = _next_member_ids(session, len(rows))
    session.execute(insert(_MEMBERS), [_member_values(*pair, at) for pair in zip(ids, rows, strict=True)])
    session.execute(insert(_CARDS), [_card_values(*pair, at) for pair in zip(ids, rows, strict=True)])
    return ids


def update_members(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Set `name`, `organisation_id` and `phone` of the members `key`."""
    columns = ("name", "organisation_id", "phone")
    _each(session, _update(_MEMBERS, *columns), rows)


def update_pins(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Set `pin_salt` and `pin_digest` of the cards `key`; nobody needs to change that PIN."""
    _each(session, _update(_CARDS, "pin_salt", "pin_digest").values(pin_must_change=False), rows)


def update_statuses(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Set the status of the cards `key`."""
    _each(session, _update(_CARDS, "status"), rows)


def update_tags(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Set `tag` of the cards `key`."""
    _each(session, _update(_CARDS, "tag"), rows)


def insert_changes(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows of `session_changes`, all with the same columns."""
    _each(session, insert(_CHANGES), rows)


def _update(table: Table, *columns: str) -> Update:
    """Set `columns` of the row whose id is `key`."""
    return (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values({name: bindparam(name) for name in columns})
    )


def _each(session: Session, statement: Update | Insert, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(statement, rows)


def _next_member_ids(session: Session, count: int) -> list[int]:
    """Ids nobody else gets: SQLite's writer is alone until it commits; PostgreSQL's sequence gives each once."""
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(select(func.max(Member.id))) or 0
        return list(range(last + 1, last + 1 + count))
    taken = "SELECT nextval(pg_get_serial_sequence('members', 'id')) FROM generate_series(1, :count)"
    return list(session.scalars(text(taken), {"count": count}))


def _member_values(member_id: int, row: NewMember, at: int) -> dict[str, Any]:
    return {
        "id": member_id,
        "organisation_id": row.organisation_id,
        "name": row.name,
        "phone": row.phone,
        "created_at": at,
    }


def _card_values(member_id: int, row: NewMember, at: int) -> dict[str, Any]:
    return {
        "member_id": member_id,
        "number_digest": row.number_digest,
        "last_four": row.last_four,
        "tag": row.tag,
        "status": BLOCKED if row.blocked else ACTIVE,
        "pin_salt": row.pin_salt,
        "pin_digest": row.pin_digest,
        "pin_chosen": False,
        "pin_must_change": False,
        "created_at": at,
    }
