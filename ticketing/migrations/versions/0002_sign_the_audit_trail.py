"""Sign the audit trail: its chain of plain hashes becomes one of keyed hashes.

A row that does not fit the old chain, and all after it, stay as they are: what was changed before stays visible.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import context, op

from ticketing.errors import Misconfigured

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FIRST = "0" * 64
CHUNK = 1_000

TRAIL = sa.table(
    "audit_trail",
    sa.column("id", sa.BigInteger),
    sa.column("at", sa.BigInteger),
    sa.column("actor", sa.String),
    sa.column("action", sa.String),
    sa.column("subject", sa.String),
    sa.column("detail", sa.JSON),
    sa.column("previous_digest", sa.String),
    sa.column("digest", sa.String),
)

SQLITE_APPEND_ONLY = """
CREATE TRIGGER audit_trail_no_UPDATE BEFORE UPDATE ON audit_trail
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
"""


def upgrade() -> None:
    """Sign every row, oldest first."""
    key = context.config.attributes.get("trail_key")
    if key is None:
        if op.get_bind().execute(sa.select(TRAIL.c.id).limit(1)).first() is not None:
            raise Misconfigured("the audit trail is signed with the secret: TICKETING_SECRET_KEY is not set")
        return
    _guard(False)
    last, old, new = 0, FIRST, FIRST
    while rows := _after(last):
        updates = []
        for row in rows:
            if row.previous_digest != old or row.digest != hashlib.sha256(_content(old, row)).hexdigest():
                break
            signed = hmac.digest(key, _content(new, row), "sha256").hex()
            updates.append({"row": row.id, "before": new, "signed": signed})
            last, old, new = row.id, row.digest, signed
        _write(updates)
        if len(updates) < len(rows):
            break
    _guard(True)


def _after(last: int) -> Sequence[sa.Row[Any]]:
    return (
        op.get_bind()
        .execute(sa.select(TRAIL).where(TRAIL.c.id > last).order_by(TRAIL.c.id).limit(CHUNK))
        .all()
    )


def _content(previous: str, row: sa.Row[Any]) -> bytes:
    facts = (previous, row.at, row.actor, row.action, row.subject, row.detail)
    return msgspec.json.encode(facts, order="deterministic")


def _write(updates: list[dict[str, object]]) -> None:
    if updates:
        change = (
            TRAIL.update()
            .where(TRAIL.c.id == sa.bindparam("row"))
            .values(previous_digest=sa.bindparam("before"), digest=sa.bindparam("signed"))
        )
        op.get_bind().execute(change, updates)


def _guard(on: bool) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE audit_trail {'ENABLE' if on else 'DISABLE'} TRIGGER audit_trail_append_only")
    else:
        op.execute(SQLITE_APPEND_ONLY if on else "DROP TRIGGER audit_trail_no_UPDATE")
