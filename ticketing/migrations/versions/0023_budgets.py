"""Budgets of campaigns, and which of them an event's subsidy is counted against."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, and a column that refers to it."""
    op.create_table(
        "budgets",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_budgets_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
    )
    op.create_index("ix_budgets_organisation_id", "budgets", ["organisation_id"])
    key = sa.ForeignKey("budgets.id", name="fk_events_budget_id_budgets")
    op.add_column(
        "events", sa.Column("budget_id", sa.String(length=80), key, nullable=True), inline_references=True
    )
    op.create_index("ix_events_budget_id", "events", ["budget_id"])
