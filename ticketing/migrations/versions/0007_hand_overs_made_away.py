"""Hand-overs made without the network, and what they and the books do not agree in."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "away_hand_overs",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("device", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("ticket_codes", sa.JSON(), nullable=False),
        sa.Column("desk", sa.String(length=100), nullable=False),
        sa.Column("staff_id", _SERIAL, nullable=False),
        sa.Column("sent_by", _SERIAL, nullable=False),
        sa.Column("payment_method", sa.String(length=20), nullable=True),
        sa.Column("payment_amount", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        _key("away_hand_overs", "staff_id", "staff_accounts"),
        _key("away_hand_overs", "sent_by", "staff_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_away_hand_overs"),
    )
    op.create_table(
        "desk_conflicts",
        sa.Column("id", _SERIAL, nullable=False, autoincrement=True),
        sa.Column("hand_over_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("ticket_code", sa.String(length=20), nullable=True),
        sa.Column("event_id", sa.String(length=80), nullable=True),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("other_pickup_id", sa.String(length=80), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        _key("desk_conflicts", "hand_over_id", "away_hand_overs"),
        _key("desk_conflicts", "event_id", "events"),
        _key("desk_conflicts", "organisation_id", "organisations"),
        _key("desk_conflicts", "other_pickup_id", "pickups"),
        sa.PrimaryKeyConstraint("id", name="pk_desk_conflicts"),
    )
    op.create_index("ix_desk_conflicts_hand_over_id", "desk_conflicts", ["hand_over_id"])
    op.create_index("ix_desk_conflicts_organisation_id_id", "desk_conflicts", ["organisation_id", "id"])


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}_{to}")
