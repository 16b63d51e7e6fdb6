"""What becomes of tickets that nobody collected in time, by event: as until now they stay the members'."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns; nothing becomes of the tickets of events that are there."""
    op.add_column(
        "events", sa.Column("uncollected", sa.String(length=10), nullable=False, server_default="keep")
    )
    op.add_column("events", sa.Column("returned_until", sa.BigInteger(), nullable=True))
