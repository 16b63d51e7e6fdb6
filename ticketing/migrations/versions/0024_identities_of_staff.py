"""Who staff are at the sign-in provider."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "staff_identities",
        sa.Column("staff_id", _SERIAL, nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_accounts.id"], name="fk_staff_identities_staff_id_staff_accounts"
        ),
        sa.PrimaryKeyConstraint("staff_id", name="pk_staff_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_staff_identities_issuer_subject"),
    )
