"""Let each act of the trail know where it belongs, and let it be searched; rows of before, which are signed, do not."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SEARCHED = ("subject", "actor", "action", "organisation_id", "event_id", "member_id")


def upgrade() -> None:
    """Add columns and indexes; no row is touched."""
    op.add_column("audit_trail", sa.Column("organisation_id", sa.String(length=80), nullable=True))
    op.add_column("audit_trail", sa.Column("event_id", sa.String(length=80), nullable=True))
    op.add_column("audit_trail", sa.Column("member_id", sa.BigInteger(), nullable=True))
    op.drop_index("ix_audit_trail_subject", "audit_trail")
    op.create_index("ix_audit_trail_at", "audit_trail", ["at", "id"])
    for column in SEARCHED:
        op.create_index(f"ix_audit_trail_{column}", "audit_trail", [column, "at", "id"])
