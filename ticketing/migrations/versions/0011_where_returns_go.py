"""Where tickets that come back go: on sale on the web, as all of them until now, or into the desk's share."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; every return that is there went to the web."""
    op.add_column("returns", sa.Column("goes_to", sa.String(length=10), nullable=False, server_default="web"))
