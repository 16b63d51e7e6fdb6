"""Tills: shifts of clerks, and which of them money was taken and given back in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    """Add the shifts and, to hand-overs, what a till counts; earlier hand-overs were outside any shift."""
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("staff_id", _SERIAL, nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("desk", sa.String(length=100), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("opening_cash", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", _SERIAL, nullable=True),
        sa.Column("expected_cash", sa.BigInteger(), nullable=True),
        sa.Column("expected_card", sa.BigInteger(), nullable=True),
        sa.Column("counted_cash", sa.BigInteger(), nullable=True),
        sa.Column("counted_card", sa.BigInteger(), nullable=True),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_accounts.id"], name="fk_shifts_staff_id_staff_accounts"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_shifts_organisation_id_organisations"
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["staff_accounts.id"], name="fk_shifts_closed_by_staff_accounts"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_shifts"),
    )
    open_now = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_shifts_open",
        "shifts",
        ["staff_id", "desk"],
        unique=True,
        sqlite_where=open_now,
        postgresql_where=open_now,
    )
    op.create_index("ix_shifts_opened_at", "shifts", ["opened_at"])
    for column in ("shift_id", "undone_shift_id"):
        key = sa.ForeignKey("shifts.id", name=f"fk_pickups_{column}_shifts")
        op.add_column(
            "pickups", sa.Column(column, sa.String(length=80), key, nullable=True), inline_references=True
        )
    op.add_column("pickups", sa.Column("given_back_method", sa.String(length=20), nullable=True))
    op.add_column("pickups", sa.Column("given_back_amount", sa.BigInteger(), nullable=True))
    op.create_index("ix_pickups_shift_id_at", "pickups", ["shift_id", "at"])
    op.create_index("ix_pickups_undone_shift_id_undone_at", "pickups", ["undone_shift_id", "undone_at"])
    op.execute(_GIVEN_BACK_BEFORE)


# Whether an undo gave money back was not written down, but what came after tells: then the order was due again.
_GIVEN_BACK_BEFORE = """
UPDATE pickups SET given_back_method = payment_method, given_back_amount = payment_amount
WHERE undone_at IS NOT NULL AND payment_amount IS NOT NULL AND (
  EXISTS (SELECT 1 FROM pickups later
          WHERE later.order_id = pickups.order_id AND later.payment_amount IS NOT NULL AND later.at > pickups.at)
  OR EXISTS (SELECT 1 FROM orders WHERE orders.id = pickups.order_id AND orders.payment_status = 'due')
)
"""
