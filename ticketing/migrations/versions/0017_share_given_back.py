"""When the desk's share of an event's quotas goes to the web by itself; of events that are there, never."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    op.add_column("events", sa.Column("share_back_minutes", sa.Integer(), nullable=True))
    op.add_column("quotas", sa.Column("share_back_for", sa.BigInteger(), nullable=True))
