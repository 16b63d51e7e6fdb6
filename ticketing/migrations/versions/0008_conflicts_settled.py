"""Who settled a conflict of a desk, when and how."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    """Add three columns; what was found before is not settled."""
    who = sa.ForeignKey("staff_accounts.id", name="fk_desk_conflicts_settled_by_staff_accounts")
    op.add_column("desk_conflicts", sa.Column("settled_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "desk_conflicts", sa.Column("settled_by", _SERIAL, who, nullable=True), inline_references=True
    )
    op.add_column("desk_conflicts", sa.Column("settled_reason", sa.String(length=500), nullable=True))
