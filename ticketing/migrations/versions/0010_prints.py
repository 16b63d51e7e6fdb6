"""How often the receipt and the tickets of a hand-over were printed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a count; what was handed over before was printed by nobody."""
    op.add_column("pickups", sa.Column("prints", sa.Integer(), nullable=False, server_default="0"))
