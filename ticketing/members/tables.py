"""Tables of organisations, members, their cards, and what ends a session early."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.database import Base, Id, Millis, Serial

ACTIVE, BLOCKED, REPLACED = "active", "blocked", "replaced"

LATE_COMMIT_MS = 5_000
"""Added to `SessionChange.not_before`: whoever signs in with what is changing, before the change commits, is
ended with the rest. A login after it is dated no earlier, so that it is not."""


class Organisation(Base):
    """A node of the union's tree; `path` is every id from the root to this one, joined by dots."""

    __tablename__ = "organisations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(String(80), ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))  # city, district, sub_district, workplace
    path: Mapped[str] = mapped_column(String(1000), unique=True)


class Member(Base):
    """A person. Limits are counted by `id`, which never leaves the engine."""

    __tablename__ = "members"

    id: Mapped[Serial]
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(30))
    language: Mapped[str | None] = mapped_column(String(10))  # of the pages, as the member last chose it
    created_at: Mapped[Millis]


class Card(Base):
    """A member's card: known by the HMAC of its number, shown by its last four digits."""

    __tablename__ = "cards"

    id: Mapped[Serial]
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    number_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    last_four: Mapped[str] = mapped_column(String(4))
    tag: Mapped[int | None]  # `Keyring.hide_tag`; None until a card of before this column is imported again
    status: Mapped[str] = mapped_column(String(10), default=ACTIVE)  # active <-> blocked; both -> replaced
    pin_salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    pin_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    pin_chosen: Mapped[bool] = mapped_column(default=False)  # by the member, so that no import sets it back
    pin_must_change: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Millis]


class SessionChange(Base):
    """What every API process must learn within 2 s: a logout, a block, a move, a new PIN or password.

    Processes read what is new once a second (`ticketing.members.revocations`); a row is only ever added,
    and no id is used twice. `subject` is `m:MEMBER_ID` or `s:STAFF_ID`. `session_id` alone: this session
    ended. `not_before` alone: every session signed earlier ended; with a `session_id`: all but that one.
    """

    __tablename__ = "session_changes"
    __table_args__ = (Index("ix_session_changes_at", "at"), {"sqlite_autoincrement": True})

    id: Mapped[Serial]
    at: Mapped[Millis]
    subject: Mapped[str] = mapped_column(String(40), index=True)
    session_id: Mapped[str | None] = mapped_column(String(40))
    not_before: Mapped[Millis | None]
    blocked: Mapped[bool | None] = mapped_column()  # the card was blocked or freed
    organisation_path: Mapped[str | None] = mapped_column(String(1000))  # the member moved here


class MemberSession(Base):
    """A login, for its member to see and to end. Nothing is judged by it: that is for the token and its changes."""

    __tablename__ = "member_sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    began_at: Mapped[Millis]
    expires_at: Mapped[Millis] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(String(60))


class Notice(Base):
    """A message to one member, shown on their pages until its time is past."""

    __tablename__ = "notices"

    id: Mapped[Serial]
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    event_id: Mapped[str | None] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[Millis]


class CardImport(Base):
    """A list of cards that staff sent, and how far it is. Its file is in `CardImportPart` while it is needed."""

    __tablename__ = "card_imports"

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation_id: Mapped[Id] = mapped_column(ForeignKey("organisations.id"), index=True)  # of who sent it
    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Millis] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(10), index=True)  # see `ticketing.members.imports`
    total: Mapped[int] = mapped_column(default=0)  # about how many lines; 0 until known
    done: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    moved: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None] = mapped_column(String(300))
    finished_at: Mapped[Millis | None]
    runner: Mapped[str | None] = mapped_column(String(40))  # who works on it, until `lease_until`
    lease_until: Mapped[Millis | None]
    attempts: Mapped[int] = mapped_column(default=0)  # since the last piece that was finished


class CardImportPart(Base):
    """A piece of what was sent, or of what was refused; encrypted, for it holds card numbers and PINs."""

    __tablename__ = "card_import_parts"

    import_id: Mapped[Id] = mapped_column(ForeignKey("card_imports.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)  # sent, refused
    place: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
