"""Lists of cards that staff send over the pages, and how far each is."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COUNTS = ("total", "done", "accepted", "added", "changed", "moved", "refused")


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "card_imports",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("failure", sa.String(length=300), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("runner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_card_imports_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_card_imports"),
    )
    for column in ("organisation_id", "at", "state"):
        op.create_index(f"ix_card_imports_{column}", "card_imports", [column])
    op.create_table(
        "card_import_parts",
        sa.Column("import_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["card_imports.id"], name="fk_card_import_parts_import_id_card_imports"
        ),
        sa.PrimaryKeyConstraint("import_id", "kind", "place", name="pk_card_import_parts"),
    )
