"""The audit trail: who did what to which event, quota, order or card.

Rows are only ever added (the database refuses the rest) and each carries the SHA-256 of the one before,
so a row changed, removed or slipped in by other means is found by `verify`. Rows cut from the end leave
no trace inside the table: an operator who fears that notes the last digest elsewhere now and then.
"""

from contextlib import closing
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ticketing.staff import repository
from ticketing.staff.tables import AuditEntry

FIRST = "0" * 64
"""What the first row has for a previous digest."""


def record(
    session: Session, clock_ms: int, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Add one act to the caller's transaction.

    `actor` is `staff:USERNAME`, `member:ID` or `system` (`Claims.actor`); `action` is `object.verb`, such as
    `event.publish`; `subject` is `event:ID`, `quota:ID`, `order:ID`, `card:ID`; `detail` is plain JSON,
    without card numbers or PINs. Call it last: until the commit no other transaction can add to the trail.
    """
    repository.lock_trail(session)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(detail))
    entry = AuditEntry(
        at=clock_ms,
        actor=actor,
        action=action,
        subject=subject,
        detail=plain,
        previous_digest=repository.last_digest(session) or FIRST,
    )
    entry.digest = _digest_of(entry)
    repository.add_entry(session, entry)


def verify(session: Session) -> int | None:
    """Walk the whole trail; the id of the first row that does not fit, or None when all do."""
    previous = FIRST
    with closing(repository.trail(session)) as entries:
        for entry in entries:
            if entry.previous_digest != previous or entry.digest != _digest_of(entry):
                return entry.id
            previous = entry.digest
    return None


def _digest_of(entry: AuditEntry) -> str:
    facts = (entry.previous_digest, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
    return sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()
