"""Closes the books after a rehearsal: waits for the drain, then writes down what Redis, SQL and the audit say."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ticketing.bootstrap import Services
from ticketing.catalogue import repository as catalogue
from ticketing.database import reading
from ticketing.errors import StoreUnavailable
from ticketing.identifiers import quota_id
from ticketing.orders import repository as orders
from ticketing.rehearsal.site import SiteFailed

DRAIN_SECONDS = 120.0
POLL_SECONDS = 0.05
AUDIT_SECONDS = 300.0


class Drained(Struct, frozen=True):
    """How the drain went: seconds until SQL had everything, and log entries it still lacked when we gave up."""

    seconds: float
    backlog: int


def wait_for_drain(services: Services, event_id: str) -> Drained:
    """Wait until SQL has every entry of the event's log, at most `DRAIN_SECONDS`."""
    group_id = _group_of(services, event_id)
    began = time.monotonic()
    while True:
        backlog = _backlog(services, group_id)
        seconds = time.monotonic() - began
        if backlog == 0 or seconds > DRAIN_SECONDS:
            return Drained(seconds, backlog)
        time.sleep(POLL_SECONDS)


def close(directory: Path, services: Services, event_id: str, drained: Drained) -> None:
    """Write `books.json`, as `loadtests/books.py` reads it."""
    books = {
        "quotas": _counts(services, event_id),
        "orders": list(_orders(services, event_id)),
        "backlog": drained.backlog,
        "drain_seconds": drained.seconds,
        "violations": _violations(services.settings.data_dir),
    }
    (directory / "books.json").write_bytes(msgspec.json.encode(books))


def _group_of(services: Services, event_id: str) -> str:
    with reading(services.sessions) as session:
        event = catalogue.get(session, event_id)
        assert event is not None, "the event of a rehearsal was just made"
        return event.group_id


def _backlog(services: Services, group_id: str) -> int:
    with reading(services.sessions) as session:
        cursor = orders.cursor(session, group_id)
    return (services.keeper.last_position(group_id) or 0) - (cursor.position if cursor else 0)


def _counts(services: Services, event_id: str) -> dict[str, Any]:
    state = services.keeper.state(_group_of(services, event_id))
    if state is None:
        raise StoreUnavailable("Redis no longer knows the event of this rehearsal")
    return {quota_id(event_id, number): counts for number, counts in state.events[event_id].counts.items()}


def _orders(services: Services, event_id: str) -> Iterator[dict[str, Any]]:
    with reading(services.sessions) as session:
        for order in orders.of_event(session, event_id):
            yield {
                "id": order.id,
                "member": order.member_id,
                "status": order.status,
                "tickets": [(ticket.code, ticket.quota_id, ticket.status) for ticket in order.tickets],
            }


def _violations(data_dir: Path) -> list[str]:
    """What `ticketing audit --json` finds, as an operator would ask it."""
    command = [sys.executable, "-P", "-m", "ticketing", "audit", "--json", "--data-dir", str(data_dir)]
    audit = subprocess.run(command, capture_output=True, timeout=AUDIT_SECONDS, check=False)
    try:
        report = msgspec.json.decode(audit.stdout)
        return [
            f"{violation['invariant']}: {violation['subject']}: {violation['text']}"
            for violation in report["violations"]
        ]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise SiteFailed(
            f"the audit gave no report: {audit.stderr.decode(errors='replace').strip()}"
        ) from error
