"""One API process over the servers of a test, asked through its ASGI application, and what it is filled with."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx2
from msgspec.structs import replace

from ticketing.api.application import create_app
from ticketing.api.front import Front
from ticketing.api.housekeeping import Housekeeping
from ticketing.bootstrap import AsyncServices, build_async
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import QuotaCounts
from ticketing.members import repository
from ticketing.services.cards import create_members, new_member
from ticketing.services.tokens import Claims
from ticketing.settings import Settings

HOUR_MS = 3_600_000
PIN = "135790"
EVENTS = "/api/v1/events"


class House:
    """A running API, its client, and the people of a small union: `district` with `east` and `west` below."""

    def __init__(self, services: AsyncServices, front: Front, client: httpx2.AsyncClient, app: Any) -> None:
        self.services = services
        self.front = front
        self.client = client
        self.app = app
        self.cards: dict[int, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, address: str = "203.0.113.9") -> AsyncIterator[Self]:
        """Start the application, as a server does, and stop it at the end."""
        services = build_async(settings)
        app: Any = create_app(services)
        transport = httpx2.ASGITransport(app=app, client=(address, 50_000))
        async with _running(app), httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            house = cls(services, app._onward._inner.state.front, client, app)
            await asyncio.to_thread(house._plant)
            yield house

    def _plant(self) -> None:
        self.now = self.services.keeper.now_ms()
        with self.services.sessions.begin() as session:
            district = repository.add_organisation(session, "district", "区总工会", "district", None)
            repository.add_organisation(session, "east", "东街道工会", "sub_district", district)
            repository.add_organisation(session, "west", "西街道工会", "sub_district", district)

    # People

    def add_member(self, organisation: str = "east", number: str = "6222000000000001") -> int:
        """A member with a card; their id."""
        with self.services.sessions.begin() as session:
            row = new_member(self.services.keyring, number, PIN, "王小明", organisation)
            [member] = create_members(session, [row], self.now)
        self.cards[member] = number
        return member

    def member(self, member: int, organisation: str = "east", **changes: Any) -> dict[str, str]:
        """The header of a member's session."""
        return self._signed("member", member, f"district.{organisation}", card_last_four="0001", **changes)

    def staff(self, role: str = "manager", path: str = "district", staff_id: int = 1) -> dict[str, str]:
        """The header of a staff session."""
        return self._signed("staff", staff_id, path, role=role)

    def add_staff(self, username: str, role: str, organisation: str = "district") -> dict[str, str]:
        """The header of a session of an account that SQL has."""
        password = self.services.staff.add_staff(username, role, organisation)
        token, _ = self.services.accounts.login_staff(username, password, "203.0.113.1")
        return {"authorization": f"Bearer {token}"}

    def _signed(self, kind: Any, id_: int, path: str, **more: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.services.signer.sign(self.claims(kind, id_, path, **more))}"}

    def claims(self, kind: Any, id_: int, path: str, **more: Any) -> Claims:
        """What a session says."""
        organisation = path.rpartition(".")[2]
        claims = Claims(
            kind=kind,
            id=id_,
            session_id=secrets.token_hex(8),
            issued_at=self.now,
            expires_at=self.now + HOUR_MS,
            idle_at=self.now + HOUR_MS,
            name="somebody",
            organisation_id=organisation,
            organisation_name=organisation,
            organisation_path=path,
        )
        return replace(claims, **more)

    def tell_sessions(self, member: int, **change: Any) -> None:
        """A block or a move by another process, as this one hears of it."""
        with self.services.sessions.begin() as session:
            repository.note_change(session, self.services.clock.now_ms(), f"m:{member}", **change)
        self.services.revocations.refresh()

    # Events

    def publish(self, *capacities: int, **changes: Any) -> str:
        """An event on sale now, with one quota per capacity; its id."""
        event_id = self.draft(*capacities, **changes)
        self.services.catalogue.publish(self.claims("staff", 1, "district", role="manager"), event_id)
        return event_id

    def draft(self, *capacities: int, price: int = 0, **changes: Any) -> str:
        """The same, not published."""
        quotas = tuple(
            QuotaDraft(name=f"Quota {n}", capacity=c, price=price) for n, c in enumerate(capacities, start=1)
        )
        fields: dict[str, Any] = {
            "title": "五元看大片",
            "starts_at": self.now + 48 * HOUR_MS,
            "opens_at": self.now - HOUR_MS,
            "closes_at": self.now + 24 * HOUR_MS,
            "quotas": quotas,
        }
        plan = EventDraft(**(fields | changes))
        return self.services.catalogue.create_event(self.claims("staff", 1, "district", role="manager"), plan)

    def counts(self, event_id: str, quota: int = 1) -> QuotaCounts:
        """A quota as Redis has it."""
        group = self.services.keeper.state(event_id)
        assert group is not None
        return group.events[event_id].counts[quota]

    def set_epoch(self, event_id: str, epoch: str) -> str:
        """Make Redis' group of another epoch, as after a wipe; the one before."""
        key = group_keys(event_id)[0]
        before: Any = self.services.redis.hget(key, "epoch")
        self.services.redis.hset(key, "epoch", epoch)
        return str(before.decode())

    async def count_refusals(self) -> None:
        """Hand over what the process has counted, as it does every second."""
        await Housekeeping(self.front).hand_over_counts()

    # The rush

    async def hold(
        self, event_id: str, session: dict[str, str], quantity: int = 1, key: str = "key", quota: int = 1
    ) -> httpx2.Response:
        """Ask for tickets of one quota."""
        return await self.client.post(
            f"{EVENTS}/{event_id}/holds",
            headers=session | {"idempotency-key": key},
            json={"items": [{"quota_id": f"{event_id}-{quota}", "quantity": quantity}]},
        )

    async def confirm(self, hold_id: str, session: dict[str, str], method: str = "free") -> httpx2.Response:
        """Turn a hold into an order."""
        return await self.client.post(
            f"/api/v1/holds/{hold_id}/confirm", headers=session, json={"payment": {"method": method}}
        )

    async def buy(self, event_id: str, session: dict[str, str], **wish: Any) -> Any:
        """Hold and confirm; the order."""
        held = await self.hold(event_id, session, **wish)
        assert held.status_code == 201, held.text
        sold = await self.confirm(held.json()["id"], session)
        assert sold.status_code == 200, sold.text
        return sold.json()


@asynccontextmanager
async def _running(app: Any) -> AsyncIterator[None]:
    """The application between the start and the end of its lifespan."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, asked.get, told.put))
    for moment in ("startup", "shutdown"):
        await asked.put({"type": f"lifespan.{moment}"})
        answer = await told.get()
        assert answer["type"] == f"lifespan.{moment}.complete", answer
        if moment == "startup":
            yield
    await task
