"""Venues and merchants of the programme, and which of them an event is at."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, and a column that refers to it."""
    op.create_table(
        "venues",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("contract_number", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("state_reason", sa.String(length=500), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_venues_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_venues"),
    )
    op.create_index("ix_venues_organisation_id", "venues", ["organisation_id"])
    key = sa.ForeignKey("venues.id", name="fk_events_venue_id_venues")
    op.add_column(
        "events", sa.Column("venue_id", sa.String(length=80), key, nullable=True), inline_references=True
    )
    op.create_index("ix_events_venue_id", "events", ["venue_id"])
