"""The event that the bench sells: made as staff make one, bought by members who have a session and nothing else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from ticketing.bootstrap import Services
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.identifiers import quota_id
from ticketing.inventory.model import HoldRequest
from ticketing.rehearsal.population import (
    DISTRICT,
    Person,
    Resident,
    build_tree,
    sign_session,
    sign_staff,
)

PLENTY = 1_000_000
"""Tickets in a quota: the most that the catalogue takes."""

HOLD_SECONDS = 3_600
HOUR_MS = 3_600_000
KEY = "bench"
_SOMEBODY = Person("6200000000000001", "000000", "王小明", DISTRICT)


@dataclass
class Sale:
    """An event on sale, and ever new members."""

    services: Services
    event_id: str
    group_id: str
    quotas: int
    _members: Iterator[int] = field(default_factory=lambda: count(1_000_000))

    def member(self) -> int:
        """The id of a member who has not been here."""
        return next(self._members)

    def hold_id(self, member: int) -> str:
        """The id of the hold that `member` makes under the bench's one key."""
        return self.services.keyring.hold_id(self.event_id, member, "web", KEY)

    def wish(self, member: int, quantity: int = 1) -> HoldRequest:
        """A hold for the inventory; members spread over the quotas."""
        quota = member % self.quotas + 1
        return HoldRequest(self.hold_id(member), self.event_id, member, DISTRICT.path, ((quota, quantity),))

    def body(self, member: int) -> bytes:
        """A hold for the API."""
        quota = quota_id(self.event_id, member % self.quotas + 1)
        return b'{"items":[{"quota_id":"%s","quantity":1}]}' % quota.encode()

    def token(self, member: int) -> str:
        """A session of `member`."""
        services = self.services
        return sign_session(services.signer, Resident(member, _SOMEBODY), services.clock.now_ms())


def put_on_sale(
    services: Services, capacity: int = PLENTY, quotas: int = 4, limit: int | None = 3, wait_s: float = 1.0
) -> Sale:
    """An event with so many tickets in each quota, which opens within half a second."""
    build_tree(services.sessions)
    now = services.keeper.now_ms()
    staff, _ = sign_staff(services.signer, now)
    draft = EventDraft(
        title="五元电影",
        starts_at=now + 24 * HOUR_MS,
        opens_at=now + 500,
        closes_at=now + 12 * HOUR_MS,
        per_card_limit=limit,
        hold_seconds=HOLD_SECONDS,
        quotas=tuple(QuotaDraft(name=f"第{number}场", capacity=capacity) for number in range(1, quotas + 1)),
    )
    event_id = services.catalogue.create_event(staff, draft, "bench")
    services.catalogue.publish(staff, event_id, "bench")
    time.sleep(wait_s)
    return Sale(services, event_id, event_id, quotas)
