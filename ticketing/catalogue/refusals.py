"""How often wishes were refused in sales that are archived: what Redis had counted when it let go of them."""

from collections.abc import Collection, Mapping

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import RefusalCount


def keep(session: Session, event_ids: Collection[str], counts: Mapping[tuple[str, str], int]) -> None:
    """Keep the counts of these events by event and reason, in place of any that were kept before."""
    session.execute(delete(RefusalCount).where(RefusalCount.event_id.in_(event_ids)))
    session.add_all(
        RefusalCount(event_id=event_id, reason=reason, count=count)
        for (event_id, reason), count in counts.items()
        if event_id in event_ids
    )


def kept(session: Session, event_ids: Collection[str] | Select[str]) -> dict[tuple[str, str], int]:
    """What was kept of these events, by event and reason."""
    mine = RefusalCount.event_id.in_(event_ids)
    query = select(RefusalCount).where(mine).order_by(RefusalCount.event_id, RefusalCount.reason)
    return {(row.event_id, row.reason): row.count for row in session.scalars(query)}
