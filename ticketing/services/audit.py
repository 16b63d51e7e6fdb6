"""The audit: I1 to I5 between Redis and SQL, on a live system.

What was sold is compared exactly, at one place in the log: Redis' counts at that place against SQL's tickets
up to it plus the entries that SQL has yet to take, so an order in flight is not lost. Holds and ledgers
cannot be read at one moment: their sums are compared only where the group stood still meanwhile, and only
what every reading shows is reported.
"""

import time
from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository as catalogue
from ticketing.database import Sessions, snapshot
from ticketing.inventory.keeper import Keeper
from ticketing.orders import checks
from ticketing.orders import repository as orders
from ticketing.services.audit_group import GroupAudit, Violation

READINGS = 3
"""Readings that must agree on a violation; the first without any ends the audit."""

PAUSE_SECONDS = 0.3
"""Between two readings: longer than a batch of the drain or of the sweep takes."""


class AuditReport(Struct, frozen=True):
    """What was found. `tickets` counts those that are not void, `backlog` the entries SQL has yet to take.

    `unsettled` groups never stood still: the sums of their holds and ledgers were not compared.
    """

    ok: bool
    violations: tuple[Violation, ...]
    groups: int
    orders: int
    tickets: int
    backlog: int
    unsettled: tuple[str, ...]


class _Reading(Struct, frozen=True):
    """What one look at everything shows."""

    violations: list[Violation]
    groups: int
    backlog: int
    unsettled: tuple[str, ...]


def audit(sessions: Sessions, keeper: Keeper) -> AuditReport:
    """Check I1 to I5. Raises `StoreUnavailable` or SQLAlchemy's `OperationalError` when a server is away."""
    reading = _read(sessions, keeper)
    violations = reading.violations
    for _ in range(READINGS - 1):
        if not violations and not reading.unsettled:
            break
        time.sleep(PAUSE_SECONDS)
        reading = _read(sessions, keeper)
        violations = [violation for violation in violations if violation in reading.violations]
    with snapshot(sessions) as session:
        recorded, tickets = checks.count(session)
    return AuditReport(
        ok=not violations,
        violations=tuple(violations),
        groups=reading.groups,
        orders=recorded,
        tickets=tickets,
        backlog=reading.backlog,
        unsettled=reading.unsettled,
    )


def _read(sessions: Sessions, keeper: Keeper) -> _Reading:
    with snapshot(sessions) as session:
        groups = [
            GroupAudit(partial(snapshot, sessions), keeper, group.id) for group in catalogue.groups(session)
        ]
        violations = list(_in_sql(session))
    for group in groups:
        violations += group.read()
    unsettled = tuple(group.id for group in groups if not group.settled)
    return _Reading(violations, len(groups), sum(group.backlog for group in groups), unsettled)


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
