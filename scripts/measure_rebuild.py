"""Measures `ticketing rebuild` and `ticketing audit`: orders made anew and checked in seconds.

Run it by `./dev python scripts/measure_rebuild.py [ORDERS]`. It starts a Valkey and a SQLite of its own in a
temporary folder (or takes TICKETING_DATABASE_URL, a database of its own that is empty).
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import delete, update

from ticketing import migrations
from ticketing.bootstrap import AsyncServices, Services, build, build_async
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Refusal
from ticketing.inventory.model import HoldRequest
from ticketing.members.repository import add_organisation
from ticketing.orders.tables import Cursor, Order, Ticket
from ticketing.queue.worker import drain_of
from ticketing.services.audit import audit
from ticketing.services.cards import create_members, new_member
from ticketing.services.tokens import Claims
from ticketing.settings import Settings

STAFF = {"kind": "staff", "id": 1, "session_id": "s", "issued_at": 0, "expires_at": 1, "idle_at": 1}
OF = {"organisation_id": "d", "organisation_name": "d", "organisation_path": "d"}
TOGETHER = 1_024


def main(count: int) -> None:
    """Sell, drain, break, rebuild, audit."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Path(folder))
        server.start()
        url = os.environ.get("TICKETING_DATABASE_URL", f"sqlite:///{folder}/books.sqlite3")
        secret = SecretStr("a secret for measuring only, long enough")
        services = build(
            Settings(data_dir=Path(folder), redis_url=server.url, database_url=url, secret_key=secret)
        )
        try:
            _measure(services, count)
        finally:
            services.close()
            server.stop()


def _measure(services: Services, count: int) -> None:
    event_id = _on_sale(services, count)
    asyncio.run(_sell(services.settings, event_id, count))
    drain = drain_of(services)
    while drain.run(event_id):
        pass
    services.redis.delete(*services.redis.keys(f"ticketing:{{{event_id}}}:*"))
    _rebuild(services, event_id, "redis wiped")
    _rebuild(services, event_id, "nothing wrong")
    with services.sessions.begin() as session:
        for table in (Ticket, Order):
            session.execute(delete(table))
        session.execute(update(Cursor).values(position=0))
    _rebuild(services, event_id, "SQL lost every order")


def _rebuild(services: Services, event_id: str, what: str) -> None:
    began, used = time.monotonic(), time.process_time()
    rebuilt = services.rebuilds.rebuild(event_id)
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    began, used_before = time.monotonic(), time.process_time()
    report = audit(services.sessions, services.keeper)
    audited, worked = time.monotonic() - began, time.process_time() - used_before
    print(
        f"{what}: {rebuilt.orders:,} orders, {rebuilt.tickets:,} tickets in {seconds:.2f} s "
        f"({cpu:.2f} s of them at work) on {services.engine.dialect.name}; "
        f"audit in {audited:.2f} s ({worked:.2f} s of them at work): {len(report.violations)} violations"
    )


def _on_sale(services: Services, count: int) -> str:
    migrations.upgrade(services.engine, services.keyring.trail)
    now = services.keeper.now_ms()
    with services.sessions.begin() as session:
        add_organisation(session, "d", "District", "district", None)
        rows = [
            new_member(services.keyring, f"62220000{n:08}", "135790", "Member", "d") for n in range(count)
        ]
        create_members(session, rows, now)
    staff = Claims(**STAFF, **OF, name="staff", role="manager")  # type: ignore[arg-type]
    quota = QuotaDraft(name="Seats", capacity=2 * count)
    plan = EventDraft(title="Sale", starts_at=now, opens_at=now - 1, closes_at=now + 10**8, quotas=(quota,))
    event_id = services.catalogue.create_event(staff, plan)
    services.catalogue.publish(staff, event_id)
    return event_id


async def _sell(settings: Settings, event_id: str, count: int) -> None:
    async with _services(settings) as services:
        for start in range(1, count + 1, TOGETHER):
            members = range(start, min(start + TOGETHER, count + 1))
            await asyncio.gather(*(_buy(services, event_id, member) for member in members))


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[AsyncServices]:
    services = build_async(settings)
    try:
        yield services
    finally:
        await services.aclose()


async def _buy(services: AsyncServices, event_id: str, member: int) -> None:
    hold_id = services.keyring.hold_id(event_id, member, "web", "key")
    wish = HoldRequest(hold_id, event_id, member, "d", ((1, 1 + member % 2),))
    await services.inventory.hold(event_id, wish)
    number = services.keyring.order_number(hold_id)
    sold = await services.inventory.confirm(event_id, hold_id, member, "free", number)
    assert not isinstance(sold, Refusal)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
