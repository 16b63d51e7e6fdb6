"""Where the sales of desks are found by their time, among the orders of everybody."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index over few rows."""
    of_desks = sa.text("channel = 'desk'")
    op.create_index(
        "ix_orders_of_desks", "orders", ["confirmed_at"], sqlite_where=of_desks, postgresql_where=of_desks
    )
