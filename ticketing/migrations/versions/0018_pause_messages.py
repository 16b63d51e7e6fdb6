"""What members read while a sale is paused."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; no sale has a message yet."""
    op.add_column("events", sa.Column("pause_message", sa.Text(), nullable=False, server_default=""))
