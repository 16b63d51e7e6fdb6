"""All SQL of the webhooks' room. Commits nothing."""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from ticketing.clock import DAY_MS
from ticketing.database import insert_into
from ticketing.hooks.tables import DELIVERED, GIVEN_UP, WAITING, Delivery, Endpoint

LOG_MAX = 100
KEPT_MS = 30 * DAY_MS
"""How long a message that is done stays in the log."""

_PURGED_AT_ONCE = 500


class Due(Struct, frozen=True):
    """A delivery that a worker has taken on, and where it goes."""

    id: int
    endpoint_id: str
    message_id: str
    kind: str
    body: str
    attempts: int
    url: str
    sealed_secret: bytes


def is_anybody_listening(session: Session) -> bool:
    """Whether there is an endpoint that is told anything."""
    return session.scalar(select(Endpoint.id).where(Endpoint.active).limit(1)) is not None


def write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add messages; one that is there already stays as it is."""
    statement = insert_into(session, Delivery.__table__)
    session.execute(statement.on_conflict_do_nothing(index_elements=["endpoint_id", "message_id"]), rows)


def due(session: Session, now: int, most: int, of_one: int, full: Collection[str] = ()) -> list[Due]:
    """What waits to be sent, oldest first: at most so many, of one endpoint no more than its part, of `full` ones none.

    So endpoints that are slow or down, and whose messages pile up, stand in nobody's way.
    """
    place = func.row_number().over(
        partition_by=Delivery.endpoint_id, order_by=(Delivery.next_at, Delivery.id)
    )
    waiting = [Delivery.state == WAITING, Delivery.next_at <= now, Endpoint.active]
    waiting.append(Delivery.endpoint_id.not_in(full))
    ranked = (
        select(Delivery.id, place.label("place"))
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(*waiting)
        .subquery()
    )
    columns = [
        Delivery.id,
        Delivery.endpoint_id,
        Delivery.message_id,
        Delivery.kind,
        Delivery.body,
        Delivery.attempts,
        Endpoint.url,
        Endpoint.sealed_secret,
    ]
    query = (
        select(*columns)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .join(ranked, ranked.c.id == Delivery.id)
        .where(ranked.c.place <= of_one)
        .order_by(Delivery.next_at, Delivery.id)
        .limit(most)
    )
    found: list[Any] = list(session.execute(query).all())
    return [Due(*row) for row in found]


def take_on(session: Session, delivery_id: int, attempts: int, until: int) -> bool:
    """Take a delivery on until then; False when another worker has. Who dies with it leaves it to be taken over."""
    mine = (Delivery.id == delivery_id, Delivery.state == WAITING, Delivery.attempts == attempts)
    taken = update(Delivery).where(*mine).values(attempts=attempts + 1, next_at=until)
    return session.scalar(taken.returning(Delivery.id)) is not None


def note_delivered(session: Session, delivery_id: int, status: int, at: int) -> None:
    """The receiver has it."""
    values = {"state": DELIVERED, "last_status": status, "last_error": None, "delivered_at": at}
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))


def note_failed(
    session: Session, delivery_id: int, attempt: int, status: int | None, error: str, next_at: int | None
) -> None:
    """The receiver has not confirmed it at this attempt; try again then, or never. A replay since is left alone."""
    mine = (Delivery.id == delivery_id, Delivery.attempts == attempt, Delivery.state == WAITING)
    values: dict[str, Any] = {"last_status": status, "last_error": error[:200]}
    values |= {"state": GIVEN_UP} if next_at is None else {"next_at": next_at}
    session.execute(update(Delivery).where(*mine).values(**values))


def replay(session: Session, endpoint_id: str, delivery_id: int | None, now: int) -> int:
    """Send one message again, or all that were given up; how many."""
    wanted = Delivery.id == delivery_id if delivery_id is not None else Delivery.state == GIVEN_UP
    again = update(Delivery).where(Delivery.endpoint_id == endpoint_id, wanted)
    values = {"state": WAITING, "attempts": 0, "next_at": now}
    return len(session.execute(again.values(**values).returning(Delivery.id)).all())


def log_of(session: Session, endpoint_id: str) -> Sequence[Delivery]:
    """The newest messages of an endpoint."""
    mine = select(Delivery).where(Delivery.endpoint_id == endpoint_id)
    return session.scalars(mine.order_by(Delivery.id.desc()).limit(LOG_MAX)).all()


def purge(session: Session, now: int) -> int:
    """Forget messages that have been done for long, or that nobody will be told any more; some at a time; how many."""
    removed = select(Endpoint.id).where(Endpoint.removed_at.is_not(None))
    done = or_(Delivery.state != WAITING, Delivery.endpoint_id.in_(removed))
    old = select(Delivery.id).where(Delivery.at < now - KEPT_MS, done)
    ids = session.scalars(old.limit(_PURGED_AT_ONCE)).all()
    if ids:
        session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)
