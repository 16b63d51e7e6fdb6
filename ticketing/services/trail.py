"""The audit trail: who did what to which event, quota, order or card.

Rows are only ever added (the database refuses the rest), and each carries a keyed hash over the hash of the
row before and its own content. So a row changed, removed, slipped in or moved by other means is found by
`verify`, and who can write to the database but has not the secret cannot make the chain fit again. Rows cut
from its end leave no trace inside the table: `services.witness` remembers the end elsewhere.
"""

import hmac
from collections.abc import Iterable
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from ticketing.database import TRAIL_KEY
from ticketing.services.trail_places import NOWHERE, Place, places_of
from ticketing.staff import repository
from ticketing.staff.repository import TrailRow
from ticketing.staff.tables import AuditEntry

FIRST = "0" * 64
"""What the first row has for a previous digest."""

CHANGED = "does not hold what was written into it"
MISPLACED = "does not follow the one before: something was removed, slipped in or moved there"


class Break(msgspec.Struct, frozen=True):
    """The first row at which the chain breaks, and how."""

    entry_id: int
    what: str


class Act(NamedTuple):
    """What was done to what, as `record` takes it."""

    action: str
    subject: str
    detail: dict[str, Any]


def record(
    session: Session, clock_ms: int, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Add one act to the caller's transaction.

    `actor` is `staff:USERNAME`, `member:ID` or `system` (`Claims.actor`); `action` is `object.verb`, such as
    `event.publish`; `subject` is `event:ID`, `quota:ID`, `order:ID`, `card:ID`; `detail` is plain JSON,
    without card numbers or PINs. Call it last: until the commit no other transaction can add to the trail.
    """
    record_all(session, clock_ms, actor, [Act(action, subject, detail)])


def record_all(session: Session, clock_ms: int, actor: str, acts: Iterable[Act]) -> None:
    """Add many acts of one actor at once, in their order; otherwise as `record`."""
    acts = list(acts)
    places = places_of(session, {act.subject for act in acts}, actor)
    repository.lock_trail(session)
    end = repository.newest_of_trail(session)
    previous = FIRST if end is None else end.digest
    entries: list[AuditEntry] = []
    for act in acts:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(act.detail))
        entry = AuditEntry(
            at=clock_ms,
            actor=actor,
            action=act.action,
            subject=act.subject,
            detail=plain,
            previous_digest=previous,
            **places[act.subject]._asdict(),
        )
        previous = entry.digest = _digest_of(session, entry)
        entries.append(entry)
    repository.add_entries(session, entries)


def verify(session: Session) -> Break | None:
    """Walk the whole trail; where it breaks first, or None when every row fits."""
    previous = FIRST
    with closing(repository.trail(session)) as rows:
        for row in rows:
            if row.digest != _digest_of(session, row):
                return Break(row.id, CHANGED)
            if row.previous_digest != previous:
                return Break(row.id, MISPLACED)
            previous = row.digest
    return None


def is_signed_here(session: Session) -> bool | None:
    """Whether the first or the newest row was signed with this secret; None when there is none."""
    newest = repository.newest_of_trail(session)
    with closing(repository.trail(session)) as rows:
        first = next(rows, None)
    if newest is None or first is None:
        return None
    return any(row.digest == _digest_of(session, row) for row in (first, newest))


def _digest_of(session: Session, entry: AuditEntry | TrailRow) -> str:
    facts = (entry.previous_digest, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
    place = Place(entry.organisation_id, entry.event_id, entry.member_id)
    signed = facts if place == NOWHERE else (*facts, *place)  # rows of before places were kept have none
    content = msgspec.json.encode(signed, order="deterministic")
    return hmac.digest(session.info[TRAIL_KEY], content, "sha256").hex()
