"""The audit trail: who did what to which event, quota, order or card.

Rows are only ever added (the database refuses the rest) and each carries the SHA-256 of the one before,
so a row changed, removed or slipped in by other means is found by `verify`. Rows cut from the end leave
no trace inside the table: an operator who fears that notes the last digest elsewhere now and then.
"""

from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.staff.tables import AuditEntry

FIRST = "0" * 64
"""What the first row has for a previous digest."""

_LOCK = 0x747261696C  # PostgreSQL's advisory lock of this trail
_VERIFY_CHUNK = 1_000


def record(
    session: Session, clock_ms: int, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Add one act to the caller's transaction.

    `actor` is `staff:USERNAME`, `member:ID` or `system` (`Claims.actor`); `action` is `object.verb`, such as
    `event.publish`; `subject` is `event:ID`, `quota:ID`, `order:ID`, `card:ID`; `detail` is plain JSON,
    without card numbers or PINs. Call it last: until the commit no other
    transaction can add to the trail.
    """
    _wait_for_turn(session)
    last = session.scalar(select(AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1)) or FIRST
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(detail))
    entry = AuditEntry(
        at=clock_ms, actor=actor, action=action, subject=subject, detail=plain, previous_digest=last
    )
    entry.digest = _digest_of(entry)
    session.add(entry)
    session.flush()


def verify(session: Session) -> int | None:
    """Walk the whole trail; the id of the first row that does not fit, or None when all do."""
    previous = FIRST
    rows = select(AuditEntry).order_by(AuditEntry.id)
    for entry in session.scalars(
        rows, execution_options={"yield_per": _VERIFY_CHUNK, "populate_existing": True}
    ):
        if entry.previous_digest != previous or entry.digest != _digest_of(entry):
            return entry.id
        previous = entry.digest
    return None


def _wait_for_turn(session: Session) -> None:
    # On SQLite the transaction has the only write lock already.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _digest_of(entry: AuditEntry) -> str:
    facts = (entry.previous_digest, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
    return sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()
