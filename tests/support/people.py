"""A small union: two sub-districts, members with cards, staff, and the services that know them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.keyring import Keyring
from ticketing.members import repository
from ticketing.members.revocations import Revocations
from ticketing.members.tables import Card, Member
from ticketing.services import trail
from ticketing.services.card_import import ImportReport, import_cards
from ticketing.services.cards import CardService, create_members, new_member
from ticketing.services.sessions import SessionService
from ticketing.services.staff import StaffService
from ticketing.services.tokens import Claims, TokenSigner
from ticketing.settings import Settings
from ticketing.staff.tables import AuditEntry

CARD, PIN = "0062220001", "135790"
OTHER_CARD, OTHER_PIN = "0062220002", "246802"
ADDRESS = "203.0.113.7"
PASSWORD = "correct horse battery"
DAY_MS = 86_400_000


def unguard_trail(session: Session) -> None:
    """Take off what keeps the audit trail from being changed, as somebody with the database's password could."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("DROP TRIGGER audit_trail_append_only ON audit_trail"))
        return
    for verb in ("UPDATE", "DELETE"):
        session.execute(text(f"DROP TRIGGER audit_trail_no_{verb}"))


class Taken(NamedTuple):
    """What most tests ask of an import."""

    accepted: int
    changed: int
    refused: list[tuple[int, str]]

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Of a whole report."""
        return cls(*report[:3])


class Union:
    """The district with the sub-districts `east` and `west`, and what the tests do with its people."""

    def __init__(
        self, sessions: Sessions, keyring: Keyring, storage: Storage | None = None, **settings: object
    ) -> None:
        self.sessions = sessions
        self.keyring = keyring
        self.clock = ServerClock()
        self.signer = TokenSigner(keyring.session)
        self.limiter = FixedWindowRateLimiter(storage or MemoryStorage())
        self.settings = Settings.model_validate(settings)
        self.accounts = SessionService(
            sessions, keyring, self.signer, self.limiter, self.clock, self.settings
        )
        self.cards = CardService(sessions, keyring, self.clock)
        self.staff = StaffService(sessions, self.clock)
        self.revocations = Revocations(sessions, DAY_MS)
        self._plant()

    def _plant(self) -> None:
        with self.sessions.begin() as session:
            district = repository.add_organisation(session, "district", "区总工会", "district", None)
            for name, label in (("east", "东街道工会"), ("west", "西街道工会")):
                repository.add_organisation(session, name, label, "sub_district", district)
            people = [
                new_member(self.keyring, CARD, PIN, "王小明", "east"),
                new_member(self.keyring, OTHER_CARD, OTHER_PIN, "李华", "west"),
            ]
            self.member, self.other_member = create_members(session, people, self.clock.now_ms())

    def claims(self, organisation_path: str = "district", role: str = "manager") -> Claims:
        """A signed-in manager, clerk, auditor or admin of that organisation."""
        now = self.clock.now_ms()
        return Claims(
            kind="staff",
            id=1,
            session_id="a-staff-session",
            issued_at=now,
            expires_at=now + DAY_MS,
            idle_at=now + DAY_MS,
            name=f"{role}-of-{organisation_path}",
            role=role,
            organisation_id=organisation_path.rpartition(".")[2],
            organisation_name=organisation_path,
            organisation_path=organisation_path,
        )

    def sign_in(self, card_number: str = CARD, pin: str = PIN) -> Claims:
        """A member's session."""
        return self.accounts.login_member(card_number, pin, ADDRESS)[1]

    def verdict(self, claims: Claims) -> str | None:
        """What another process knows of a session a second later."""
        self.revocations.refresh()
        return self.revocations.check(claims)

    def card(self, card_number: str = CARD) -> Card:
        """The card as SQL has it."""
        with reading(self.sessions) as session:
            digest = self.keyring.card_digest(card_number)
            return session.scalars(select(Card).where(Card.number_digest == digest)).one()

    def person(self, member_id: int) -> Member:
        """The member as SQL has them."""
        with reading(self.sessions) as session:
            return session.get_one(Member, member_id)

    def import_text(
        self, *lines: str, header: str = "card_number,name,organisation,pin,phone,status"
    ) -> Taken:
        """Import the lines of a CSV file."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "cards.csv"
            file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
            return Taken.of(import_cards(file, self.sessions, self.keyring, self.clock))

    def acts(self) -> list[str]:
        """The actions of the audit trail, oldest first; the chain must hold."""
        with reading(self.sessions) as session:
            assert trail.verify(session) is None
            return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
