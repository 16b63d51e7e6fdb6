"""What changed of events after publishing, kept for those who have tickets: a row a change, however many they are."""

from collections.abc import Collection, Mapping

from msgspec import Struct, structs
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import DRAFT, Event, EventNews

STARTS_AT, VENUE, STATE = "starts_at", "venue", "state"


class News(Struct, frozen=True):
    """One change; values are text, times in milliseconds. `quota_id` None: of the event as a whole."""

    event_id: str
    quota_id: str | None
    field: str
    before: str
    after: str
    at: int


def tell(
    session: Session,
    event: Event,
    values: Mapping[str, tuple[object, object]],
    at: int,
    quota_id: str | None = None,
) -> None:
    """Keep what changed, as field -> (before, after), for those who have tickets; nobody has any of a draft."""
    for field, (before, after) in values.items():
        if before != after and event.state != DRAFT:
            one = News(event.id, quota_id, field, str(before), str(after), at)
            session.add(EventNews(**structs.asdict(one)))


def of_events(session: Session, event_ids: Collection[str]) -> list[News]:
    """Every change of these events, oldest first."""
    columns = [getattr(EventNews, name) for name in News.__struct_fields__]
    mine = EventNews.event_id.in_(event_ids)
    return [News(*row) for row in session.execute(select(*columns).where(mine).order_by(EventNews.id))]
