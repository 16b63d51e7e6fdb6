"""What kind of event one is, so that figures can be read by kind; of those that are there nobody said."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    op.add_column("events", sa.Column("kind", sa.String(length=20), nullable=True))
