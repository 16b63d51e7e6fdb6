"""The audit: I1 to I5 between Redis and SQL, on a live system.

What was sold is compared exactly, at one place in the log: Redis' counts at that place against SQL's tickets
up to it plus the entries that SQL has yet to take, so an order in flight is not lost. What cannot be read
at one moment (holds and ledgers are scanned) is read again, and only what every reading shows is reported.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository as catalogue
from ticketing.database import Sessions
from ticketing.inventory.keeper import Keeper
from ticketing.orders import checks
from ticketing.orders import repository as orders
from ticketing.services.audit_group import GroupAudit, Violation

READINGS = 3
"""Readings that must agree on a violation; the first without any ends the audit."""

PAUSE_SECONDS = 0.3
"""Between two readings: longer than a batch of the drain or of the sweep takes."""


class AuditReport(Struct, frozen=True):
    """What was found. `tickets` counts those that are not void, `backlog` the entries SQL has yet to take."""

    ok: bool
    violations: tuple[Violation, ...]
    groups: int
    orders: int
    tickets: int
    backlog: int


def audit(sessions: Sessions, keeper: Keeper) -> AuditReport:
    """Check I1 to I5. Raises `StoreUnavailable` or SQLAlchemy's `OperationalError` when a server is away."""
    violations, backlog, groups = _read(sessions, keeper)
    for _ in range(READINGS - 1):
        if not violations:
            break
        time.sleep(PAUSE_SECONDS)
        again, backlog, groups = _read(sessions, keeper)
        violations = [violation for violation in violations if violation in again]
    with snapshot(sessions) as session:
        recorded, tickets = checks.count(session)
    return AuditReport(not violations, tuple(violations), groups, recorded, tickets, backlog)


def _read(sessions: Sessions, keeper: Keeper) -> tuple[list[Violation], int, int]:
    with snapshot(sessions) as session:
        groups = [group.id for group in catalogue.groups(session)]
        violations = list(_in_sql(session))
    backlog = 0
    for group_id in groups:
        group = GroupAudit(partial(snapshot, sessions), keeper, group_id)
        violations += group.read()
        backlog += group.backlog
    return violations, backlog, len(groups)


def _in_sql(session: Session) -> Iterator[Violation]:
    for entry in orders.set_aside_entries(session):
        text = f"log entry {entry.position} was set aside: {entry.reason}"
        yield Violation("I2", entry.group_id, f"{entry.group_id}/{entry.position}", text)
    for number in checks.numbers_given_twice(session):
        yield Violation("I4", "", number, "two orders have this number")
    for order_id in checks.orders_that_do_not_add_up(session):
        yield Violation("I2", "", order_id, "the order's tickets do not add up to its amount")
    for code in checks.tickets_collected_without_a_pickup(session):
        yield Violation("I5", "", code, "the ticket is collected, but no hand-over of it stands")
    for pickup_id in checks.pickups_without_their_tickets(session):
        yield Violation("I5", "", pickup_id, "the hand-over stands, but not for all of its tickets")


@contextmanager
def snapshot(sessions: Sessions) -> Iterator[Session]:
    """A session whose every read is of the same moment."""
    with sessions() as session:
        options: dict[str, object] = {"read_only": True}
        if session.get_bind().dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        session.connection(execution_options=options)
        yield session
