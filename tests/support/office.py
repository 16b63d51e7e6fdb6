"""A union's office: a small tree of organisations, its staff, and the services they work with."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from ticketing.catalogue import repository
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.catalogue.tables import Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, EventState, HoldRequest
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring
from ticketing.members.tables import Organisation
from ticketing.services import trail
from ticketing.services.campaigns import CampaignService
from ticketing.services.catalogue import CatalogueService
from ticketing.services.checking import CheckService
from ticketing.services.keeper import SaleKeeper
from ticketing.services.quota_tables import QuotaTableService
from ticketing.services.quotas import QuotaService
from ticketing.services.stats import StatsService
from ticketing.services.tokens import Claims
from ticketing.services.waves import WaveService
from ticketing.staff.tables import AuditEntry

HOUR_MS = 3_600_000
TREE = ("district", "district.street-1", "district.street-10", "district.street-1.mill")


def claims(path: str, role: str = "manager", **changes: Any) -> Claims:
    """A staff member of the organisation at `path`."""
    organisation = path.rpartition(".")[2]
    fields: dict[str, Any] = {
        "kind": "staff",
        "id": 1,
        "session_id": "session",
        "issued_at": 0,
        "expires_at": 1,
        "idle_at": 1,
        "name": f"{role}-of-{organisation}",
        "role": role,
        "organisation_id": organisation,
        "organisation_name": organisation,
        "organisation_path": path,
    }
    return Claims(**(fields | changes))


def keeper_on(client: redis.Redis, clock: ServerClock) -> Keeper:
    """A keeper as another process has it: with nothing remembered."""
    return Keeper(client, clock, Bounds(live_holds_max=100), Watermarks())


class Office:
    """Everything staff work with, over the servers of a test."""

    def __init__(self, sessions: Sessions, redis_url: str, keyring: Keyring) -> None:
        self.sessions = sessions
        self.keyring = keyring
        self.clock = ServerClock()
        self.redis = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
        self.keeper = keeper_on(self.redis, self.clock)
        self.now = self.keeper.now_ms()
        self.sale_keeper = SaleKeeper(sessions, self.keeper, self.clock)
        self.catalogue = CatalogueService(sessions, self.sale_keeper, self.clock)
        self.waves = WaveService(sessions, self.sale_keeper, self.keeper, self.clock)
        self.checks = CheckService(sessions, self.clock)
        self.campaigns = CampaignService(sessions, self.catalogue)
        self.quota_tables = QuotaTableService(sessions, self.sale_keeper, self.clock)
        self.quotas = QuotaService(sessions, self.sale_keeper, self.keeper, self.clock)
        self.stats = StatsService(sessions, self.keeper, self.clock)
        self.district = claims("district")
        self.street = claims("district.street-1")
        self._plant_tree()

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    def _plant_tree(self) -> None:
        with self.sessions.begin() as session:
            for path in TREE:
                parent, _, node = path.rpartition(".")
                above = parent.rpartition(".")[2] or None
                session.add(Organisation(id=node, parent_id=above, name=node, kind="workplace", path=path))
                session.flush()

    def draft(self, *capacities: int, **changes: Any) -> EventDraft:
        """An event on sale now, with one free quota per capacity."""
        quotas = tuple(QuotaDraft(name=f"Quota {n}", capacity=c) for n, c in enumerate(capacities, start=1))
        fields: dict[str, Any] = {
            "title": "五元看大片",
            "starts_at": self.now + 48 * HOUR_MS,
            "opens_at": self.now - HOUR_MS,
            "closes_at": self.now + 24 * HOUR_MS,
            "quotas": quotas,
        }
        return EventDraft(**(fields | changes))

    def drafted(self, *capacities: int, **changes: Any) -> str:
        """The id of a fresh draft of the district."""
        return self.catalogue.create_event(self.district, self.draft(*capacities, **changes))

    def published(self, *capacities: int, **changes: Any) -> str:
        """The id of a fresh event on sale."""
        event_id = self.drafted(*capacities, **changes)
        self.catalogue.publish(self.district, event_id)
        return event_id

    def event(self, event_id: str) -> Event:
        """The event as SQL has it."""
        with reading(self.sessions) as session:
            event = repository.get(session, event_id)
        assert event is not None
        return event

    def in_redis(self, event_id: str) -> EventState | None:
        """The event as Redis has it."""
        group = self.keeper.state(self.event(event_id).group_id)
        return group.events.get(event_id) if group else None

    def hold(
        self, event_id: str, member: int, *items: tuple[int, int], key: str = "key"
    ) -> Decided | Refusal:
        """A member's wish for (quota, quantity) pairs."""
        hold_id = self.keyring.hold_id(event_id, member, "web", key)
        wish = HoldRequest(hold_id, event_id, member, "district.street-1", items)
        return self.keeper.hold(self.event(event_id).group_id, wish)

    def buy(self, event_id: str, member: int, *items: tuple[int, int], key: str = "key") -> str:
        """Hold and confirm; the order's id."""
        held = self.hold(event_id, member, *items, key=key)
        assert isinstance(held, Decided)
        number = self.keyring.order_number(held.hold.id)
        sold = self.keeper.confirm(self.event(event_id).group_id, held.hold.id, member, "free", number)
        assert isinstance(sold, Decided)
        return sold.hold.id

    def story(self) -> list[tuple[str, str]]:
        """(action, subject) of every act in the audit trail, after checking its chain."""
        with reading(self.sessions) as session:
            assert trail.verify(session) is None
            rows = session.execute(select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id))
            return [(action, subject) for action, subject in rows]
