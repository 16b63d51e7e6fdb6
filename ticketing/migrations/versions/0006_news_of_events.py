"""What changed of events after publishing, for those who have tickets; and when a cancelled event's were void."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and a column; nothing that is there changes."""
    op.create_table(
        "event_news",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("quota_id", sa.String(length=80), nullable=True),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_event_news_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_event_news"),
    )
    op.create_index("ix_event_news_event_id", "event_news", ["event_id"])
    op.add_column("events", sa.Column("voided_at", sa.BigInteger(), nullable=True))
