"""Tables of webhooks: who wants to be told, and what is told to whom."""

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.database import Base, Id, Millis, Serial

WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given_up"


class Endpoint(Base):
    """An address that is told what happens in an organisation and below it."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)  # see services.vault
    kinds: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    made_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[Millis]
    removed_at: Mapped[Millis | None]


class Delivery(Base):
    """One message to one endpoint, written in the transaction of what it tells, and sent by the worker."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
        Index("ix_webhook_deliveries_at", "at"),
    )

    id: Mapped[Serial]
    endpoint_id: Mapped[Id] = mapped_column(ForeignKey("webhook_endpoints.id"))
    message_id: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[Millis]
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    next_at: Mapped[
        Millis
    ]  # when it is tried next; while it is under way, when another worker may take it over
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(200))
    delivered_at: Mapped[Millis | None]
