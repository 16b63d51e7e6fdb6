"""Quotas in bulk, from a pasted table: looked at before anything is written, then written all or none.

In a draft a table may take the place of all its quotas. Once an event is published its table only adds to them.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import structs
from sqlalchemy.orm import Session

from ticketing.catalogue import repository, waves
from ticketing.catalogue.model import EventDraft, QuotaDraft, needed_methods
from ticketing.catalogue.quota_table import QuotaTable, read_table
from ticketing.catalogue.tables import DRAFT, Event
from ticketing.catalogue.validation import Fault, event_faults, reason_faults, refuse_if
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.services import event_access, trail
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

_CURRENCY = "CNY"


class QuotaTableService:
    """Reads tables of quotas against an event, and writes them. Refusals are raised."""

    def __init__(self, sessions: Sessions, sale_keeper: SaleKeeper, clock: ServerClock) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._clock = clock

    def look(self, staff: Claims, event_id: str, text: str, replace: bool = False) -> QuotaTable:
        """What a table would make of an event's quotas, with everything that is wrong; nothing is written."""
        event_access.require_writer(staff)
        with reading(self._sessions) as session:
            event = event_access.readable(session, staff, event_id)
            event_access.refuse_ended(event)
            return _read(event, text, replace)[0]

    def write(
        self, staff: Claims, event_id: str, text: str, reason: str = "", replace: bool = False
    ) -> QuotaTable:
        """Write every line of a table, or none: raises `invalid` with every fault as `lines[N].FIELD`."""
        refuse_if(reason_faults(reason))
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            event_access.refuse_ended(event)
            table, plan = _read(event, text, replace)
            refuse_if(table.errors())
            self._write(session, event, table, plan, replace)
            detail = {"quotas": table.quotas, "replaced": replace, "reason": reason}
            self._record(session, staff, event_id, detail)
        self._sale_keeper.apply(event_id)
        return table

    def _write(
        self, session: Session, event: Event, table: QuotaTable, plan: EventDraft, replace: bool
    ) -> None:
        if replace:
            waves.forget_settled(session, event.id)
            repository.remove_quotas(session, event)
        for quota in table.quotas:
            repository.add_quota(session, event, quota)
        event.payment_methods = list(plan.payment_methods or ())
        event.version += 1

    def _record(self, session: Session, staff: Claims, event_id: str, detail: dict[str, Any]) -> None:
        trail.record(session, self._clock.now_ms(), staff.actor, "quota.table", f"event:{event_id}", detail)


def _read(event: Event, text: str, replace: bool) -> tuple[QuotaTable, EventDraft]:
    """The table, and the event as it would be with it."""
    before = repository.plan_of(event)
    stays = () if replace else before.quotas
    currency = before.quotas[0].currency if before.quotas else _CURRENCY
    table = read_table(text, event.starts_at, currency, stays)
    quotas = (*stays, *table.quotas)
    after = structs.replace(before, quotas=quotas, payment_methods=_methods(event, before, quotas))
    faults = (*table.faults, *_state_faults(event, replace), *_event_faults(after, table))
    return structs.replace(table, faults=faults), after


def _methods(event: Event, before: EventDraft, quotas: tuple[QuotaDraft, ...]) -> tuple[str, ...]:
    """A draft takes what its prices need; who has published one decides that by themselves."""
    methods = before.payment_methods or ()
    if event.state != DRAFT:
        return methods
    needed = needed_methods(quotas)
    return needed if not before.quotas else tuple(dict.fromkeys((*methods, *needed)))


def _state_faults(event: Event, replace: bool) -> Iterator[Fault]:
    if replace and event.state != DRAFT:
        yield "replace", "cannot change once published"
    if replace and event.waiting_waves:
        yield "replace", "has waves to come"


def _event_faults(after: EventDraft, table: QuotaTable) -> Iterator[Fault]:
    """What is wrong with the event as a whole; what is wrong with a line is said there."""
    for field, reason in event_faults(after):
        if table.is_clean and not field.startswith("quotas"):
            yield field, reason
