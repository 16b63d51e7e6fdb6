"""Tables of staff accounts and of who did what."""

from sqlalchemy import JSON, ForeignKey, String
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
    """One act. `digest` is a keyed hash over the previous digest and this row, so a change shows."""

    __tablename__ = "audit_trail"

    id: Mapped[Serial]
    at: Mapped[Millis]
    actor: Mapped[str] = mapped_column(String(80))  # staff:USERNAME, member:ID, system
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120), index=True)  # event:ID, quota:ID, order:ID, card:ID
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    previous_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
