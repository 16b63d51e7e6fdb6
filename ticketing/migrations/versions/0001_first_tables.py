"""The first tables, of every room."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")

SQLITE_APPEND_ONLY = """
CREATE TRIGGER audit_trail_no_{verb} BEFORE {verb} ON audit_trail
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
"""

POSTGRESQL_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$
"""

POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail
EXECUTE FUNCTION refuse_change()
"""


def upgrade() -> None:
    """Make every table; rooms follow each other by what refers to what."""
    _people()
    _messages()
    _staff()
    _groups()
    _events()
    _quotas()
    _sales()
    _handing_over()
    _bookkeeping()
    _append_only()


def _people() -> None:
    """Organisations, members, their cards."""
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("parent_id", sa.String(length=80), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["organisations.id"], name="fk_organisations_parent_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("path", name="uq_organisations_path"),
    )
    op.create_index("ix_organisations_parent_id", "organisations", ["parent_id"])
    op.create_table(
        "members",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_members_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
    )
    op.create_index("ix_members_organisation_id", "members", ["organisation_id"])
    op.create_table(
        "cards",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("member_id", SERIAL, nullable=False),
        sa.Column("number_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("pin_salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("pin_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pin_chosen", sa.Boolean(), nullable=False),
        sa.Column("pin_must_change", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_cards_member_id_members"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.UniqueConstraint("number_digest", name="uq_cards_number_digest"),
    )
    op.create_index("ix_cards_member_id", "cards", ["member_id"])


def _messages() -> None:
    """What ends a session early, and notices to members."""
    op.create_table(
        "session_changes",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=True),
        sa.Column("organisation_path", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_session_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_changes_at", "session_changes", ["at"])
    op.create_index("ix_session_changes_subject", "session_changes", ["subject"])
    op.create_table(
        "notices",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("member_id", SERIAL, nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_notices_member_id_members"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_member_id", "notices", ["member_id"])


def _staff() -> None:
    """Accounts, and the trail of who did what."""
    op.create_table(
        "staff_accounts",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("username", sa.String(length=60), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_staff_accounts_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_staff_accounts"),
        sa.UniqueConstraint("username", name="uq_staff_accounts_username"),
    )
    op.create_table(
        "audit_trail",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous_digest", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_trail"),
        sa.UniqueConstraint("digest", name="uq_audit_trail_digest"),
    )
    op.create_index("ix_audit_trail_subject", "audit_trail", ["subject"])


def _groups() -> None:
    """What shares a limit."""
    op.create_table(
        "allowance_groups",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("per_card_limit", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.String(length=20), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_allowance_groups_organisation_id_organisations",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_allowance_groups"),
    )
    op.create_index("ix_allowance_groups_organisation_id", "allowance_groups", ["organisation_id"])


def _events() -> None:
    """What is put on sale as one."""
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("group_id", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("venue", sa.String(length=200), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("per_card_limit", sa.Integer(), nullable=True),
        sa.Column("eligible_organisations", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("hold_seconds", sa.Integer(), nullable=False),
        sa.Column("payment_methods", sa.JSON(), nullable=False),
        sa.Column("cancellable_until", sa.BigInteger(), nullable=True),
        sa.Column("collect_until", sa.BigInteger(), nullable=True),
        sa.Column("pickup", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["allowance_groups.id"], name="fk_events_group_id_allowance_groups"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_events_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_group_id", "events", ["group_id"])
    op.create_index("ix_events_organisation_id", "events", ["organisation_id"])


def _quotas() -> None:
    """The counted pools of an event."""
    op.create_table(
        "quotas",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("face_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("per_card_limit", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_quotas_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_quotas"),
        sa.UniqueConstraint("event_id", "number", name="uq_quotas_event_id_number"),
    )
    op.create_index("ix_quotas_event_id", "quotas", ["event_id"])


def _sales() -> None:
    """What was sold."""
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("member_id", SERIAL, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payment_method", sa.String(length=20), nullable=False),
        sa.Column("payment_status", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hold_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_orders_event_id_events"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_orders_member_id_members"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_event_id", "orders", ["event_id"])
    op.create_index("ix_orders_member_id_confirmed_at", "orders", ["member_id", "confirmed_at"])
    op.create_index("ix_orders_number", "orders", ["number"])
    op.create_table(
        "tickets",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("quota_id", sa.String(length=80), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("collected_at", sa.BigInteger(), nullable=True),
        sa.Column("pickup_id", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_tickets_order_id_orders"),
        sa.ForeignKeyConstraint(["quota_id"], ["quotas.id"], name="fk_tickets_quota_id_quotas"),
        sa.PrimaryKeyConstraint("code", name="pk_tickets"),
    )
    op.create_index("ix_tickets_order_id", "tickets", ["order_id"])
    op.create_index("ix_tickets_pickup_id", "tickets", ["pickup_id"])
    op.create_index("ix_tickets_quota_id", "tickets", ["quota_id"])


def _handing_over() -> None:
    """What was handed over, and what came back."""
    op.create_table(
        "pickups",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("ticket_codes", sa.JSON(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("staff_id", SERIAL, nullable=False),
        sa.Column("desk", sa.String(length=100), nullable=False),
        sa.Column("payment_method", sa.String(length=20), nullable=True),
        sa.Column("payment_amount", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", SERIAL, nullable=True),
        sa.Column("undo_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_pickups_order_id_orders"),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_accounts.id"], name="fk_pickups_staff_id_staff_accounts"
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["staff_accounts.id"], name="fk_pickups_undone_by_staff_accounts"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pickups"),
    )
    op.create_index("ix_pickups_order_id", "pickups", ["order_id"])
    op.create_table(
        "returns",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("restocked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_returns_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_returns"),
    )
    op.create_index("ix_returns_order_id", "returns", ["order_id"])
    op.create_index("ix_returns_restocked_at", "returns", ["restocked_at"])


def _bookkeeping() -> None:
    """How far the log is recorded, and what was set aside."""
    op.create_table(
        "cursors",
        sa.Column("group_id", sa.String(length=80), nullable=False),
        sa.Column("epoch", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["allowance_groups.id"], name="fk_cursors_group_id_allowance_groups"
        ),
        sa.PrimaryKeyConstraint("group_id", name="pk_cursors"),
    )
    op.create_table(
        "set_aside",
        sa.Column("group_id", sa.String(length=80), nullable=False),
        sa.Column("epoch", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "epoch", "position", name="pk_set_aside"),
    )


def _append_only() -> None:
    """The audit trail only grows, whatever the code above it does."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_REFUSE)
        op.execute(POSTGRESQL_APPEND_ONLY)
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(SQLITE_APPEND_ONLY.format(verb=verb))
