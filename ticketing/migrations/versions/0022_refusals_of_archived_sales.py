"""Why wishes were refused in sales that have left Redis."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "refusal_counts",
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_refusal_counts_event_id_events"),
        sa.PrimaryKeyConstraint("event_id", "reason", name="pk_refusal_counts"),
    )
