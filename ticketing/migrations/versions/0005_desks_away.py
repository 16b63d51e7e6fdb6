"""What a desk without the network finds a card by."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; a card of before has its tag when it is imported again."""
    op.add_column("cards", sa.Column("tag", sa.Integer(), nullable=True))
