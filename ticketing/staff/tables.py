"""Tables of staff accounts, how they sign in, and of who did what."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.database import Base, Id, Millis, Serial


class StaffAccount(Base):
    """A person who works here: one role, for one organisation and all below it."""

    __tablename__ = "staff_accounts"

    id: Mapped[Serial]
    username: Mapped[str] = mapped_column(String(60), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2id
    role: Mapped[str] = mapped_column(String(10))  # manager, clerk, auditor, admin
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"))
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Millis]


class AuditEntry(Base):
    """One act. `digest` is a keyed hash over the previous digest and this row, so a change shows.

    Where it belongs is kept as it was then: see `ticketing.services.trail_places`. It refers to rows that may go.
    """

    __tablename__ = "audit_trail"
    __table_args__ = tuple(
        Index(f"ix_audit_trail_{column or 'at'}", *filter(None, (column, "at", "id")))
        for column in ("", "subject", "actor", "action", "organisation_id", "event_id", "member_id")
    )

    id: Mapped[Serial]
    at: Mapped[Millis]
    actor: Mapped[str] = mapped_column(String(80))  # staff:USERNAME, member:ID, system
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120))  # event:ID, quota:ID, order:ID, card:ID
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    organisation_id: Mapped[str | None] = mapped_column(String(80))
    event_id: Mapped[str | None] = mapped_column(String(80))
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    previous_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)


class SecondFactor(Base):
    """What an account's authenticator and we both know. It counts once a code of it `confirmed` it."""

    __tablename__ = "staff_second_factors"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)  # see services.vault
    created_at: Mapped[Millis]
    confirmed_at: Mapped[Millis | None]
    last_step: Mapped[int] = mapped_column(BigInteger)  # of the newest code that was taken: each opens once


class RecoveryCode(Base):
    """One of the codes that open an account once when its authenticator is lost."""

    __tablename__ = "staff_recovery_codes"

    id: Mapped[Serial]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)  # HMAC-SHA-256 under the instance's secret
    used_at: Mapped[Millis | None]


class StaffIdentity(Base):
    """Who an account's person is at the sign-in provider, which gives a `subject` to nobody else ever."""

    __tablename__ = "staff_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[Millis]


class StaffSession(Base):
    """A login of staff, to see and to end. Nothing is judged by it: that is for the token and its changes."""

    __tablename__ = "staff_sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"), index=True)
    began_at: Mapped[Millis]
    expires_at: Mapped[Millis] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(60))
    used_at: Mapped[Millis]


class ApiToken(Base):
    """By it another program calls the staff's part of the API, for its maker and within its scopes."""

    __tablename__ = "api_tokens"

    id: Mapped[Id] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)  # SHA-256 of 256 random bits
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    maker_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"))
    created_at: Mapped[Millis]
    expires_at: Mapped[Millis]
    revoked_at: Mapped[Millis | None]
    used_at: Mapped[Millis | None]
