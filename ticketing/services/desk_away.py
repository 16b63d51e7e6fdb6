"""Hand-overs that a desk made without the network: into the books, or into the list of conflicts.

The tickets are in people's hands. So nothing here is refused for what the books say by now: what fits is booked
as if it had come in time, and what does not is kept, named and shown to staff. Only what cannot be judged yet
waits at the desk: an order on its way to SQL, or one of events that the sender may not see.

A hand-over's id is that of the pickup that the same clerk and key make online. So one whose answer was lost when
the network went is found in the books and is no conflict with itself.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.inventory.keeper import Keeper
from ticketing.orders import away, till
from ticketing.orders import repository as orders
from ticketing.orders.away import AwayRecord, ConflictRecord, NewConflict
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.tables import COLLECTED, DUE, ISSUED, PAID
from ticketing.services import event_access, trail, webhook_outbox
from ticketing.services.desk import DESK_ROLES, pickup_id, require_clerk
from ticketing.services.orders import OrderService
from ticketing.services.swipes import on_their_way
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff

PAGE_MAX = 100
"""Conflicts on one page."""

ACCEPTED, CONFLICT, WAITING = "accepted", "conflict", "waiting"
ON_ITS_WAY, OUT_OF_REACH, KEY_REUSED = "on_its_way", "out_of_reach", "key_reused"
"""Why a hand-over waits: its order is not in SQL yet; another clerk must send it; its key was used for another."""

READERS = DESK_ROLES | {"auditor"}


class Sent(Struct, frozen=True):
    """A hand-over as a desk sends it: `clerk` is who made it, `at` when (ms); all tickets are of one order."""

    key: str
    ticket_codes: tuple[str, ...]
    desk: str
    clerk: str
    at: int
    payment_method: str | None = None
    payment_amount: int | None = None


class NamedConflict(Struct, frozen=True):
    """A conflict with the names of both clerks, and of who settled it."""

    record: ConflictRecord
    clerk: str
    other_clerk: str | None
    settled_by: str | None = None


class Taken(Struct, frozen=True):
    """What became of one hand-over."""

    key: str
    outcome: str
    reason: str | None = None
    pickup_id: str | None = None
    collected: tuple[str, ...] = ()
    conflicts: tuple[NamedConflict, ...] = ()


class AwayService:
    """Takes what desks send when the network is back."""

    def __init__(self, sessions: Sessions, keeper: Keeper, clock: ServerClock, orders_: OrderService) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._clock = clock
        self._orders = orders_

    def take(self, sender: Claims, device: str, sent: Sequence[Sent]) -> list[Taken]:
        """Book each hand-over once; what became of each, however often it is sent.

        Raises `Refusal` FORBIDDEN, or INVALID for one whose tickets are of several orders.
        """
        require_clerk(sender)
        if any(len({code.partition("-")[0] for code in one.ticket_codes}) != 1 for one in sent):
            raise invalid(("hand_overs", "the tickets of each must be of one order"))
        return [self._take(sender, device, one) for one in sent]

    def conflicts(
        self, clerk: Claims, cursor: str | None = None, settled: bool | None = None
    ) -> tuple[list[NamedConflict], str | None]:
        """The newest conflicts that this clerk's organisation is told of, and the cursor of the next page.

        `settled`: only those that were settled, or only those that were not.
        """
        event_access.require_staff(clerk)
        if clerk.role not in READERS:
            raise Refusal(Code.FORBIDDEN)
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
            raise invalid(("cursor", "not a cursor of ours"))
        before = int(cursor) if cursor else None
        with reading(self._sessions) as session:
            mine = event_access.organisations_below(clerk)
            found = away.conflicts(session, mine, PAGE_MAX + 1, before, settled)
            page = found[:PAGE_MAX]
            following = str(page[-1].id) if len(found) > PAGE_MAX else None
            return _named(session, page), following

    def unsettled(self, clerk: Claims) -> int:
        """How many conflicts of this clerk's reach wait for somebody to settle them."""
        require_clerk(clerk)
        with reading(self._sessions) as session:
            return away.unsettled(session, event_access.organisations_below(clerk))

    def settle(self, manager: Claims, conflict_id: int, reason: str) -> NamedConflict:
        """Note that people have put a conflict right, and how; repeated, the first note stands.

        Not for clerks: they would close what they may have caused. Raises `Refusal` NOT_FOUND, also for a conflict
        that others are told of, INVALID without a reason, or FORBIDDEN.
        """
        event_access.require_writer(manager)
        if not reason.strip():
            raise invalid(("reason", "is required"))
        with self._sessions.begin() as session:
            mine = event_access.organisations_below(manager)
            found = away.conflict(session, mine, conflict_id)
            if found is None:
                raise Refusal(Code.NOT_FOUND)
            now = self._clock.now_ms()
            if away.settle(session, conflict_id, manager.id, reason, now):
                detail = {"conflict": conflict_id, "kind": found.kind, "reason": reason}
                order = orders.by_number(session, found.number)
                subject = f"order:{order.id if order else found.number}"
                trail.record(session, now, manager.actor, "desk_conflict.settle", subject, detail)
            settled = away.conflict(session, mine, conflict_id)
            assert settled is not None, "conflicts are never deleted"
            (named,) = _named(session, [settled])
        return named

    def _take(self, sender: Claims, device: str, sent: Sent) -> Taken:
        with self._sessions.begin() as session:
            record = self._record(session, sender, device, sent)
            # The cursors first: an order drained since is found, or its cursor is behind.
            cursors = orders.cursors(session)
            found = orders.by_number(session, record.number)
            if found is None and on_their_way(self._keeper, cursors):
                return Taken(sent.key, WAITING, ON_ITS_WAY)
            order = self._orders.lock(session, found.id) if found else None
            organisation_id = _told(session, sender, order)
            if organisation_id is None:
                return Taken(sent.key, WAITING, OUT_OF_REACH)
            if away.add(session, record):
                self._book(session, sender, record, order, organisation_id)
            known = away.hand_over(session, record.id)
            if known is None or not _same(known, record):
                return Taken(sent.key, WAITING, KEY_REUSED)
            return _answer(session, sent.key, known)

    def _record(self, session: Session, sender: Claims, device: str, sent: Sent) -> AwayRecord:
        account = staff.account(session, sent.clerk)
        staff_id = account.id if account else sender.id
        now = self._clock.now_ms()
        return AwayRecord(
            id=pickup_id(staff_id, sent.key),
            device=device,
            number=sent.ticket_codes[0].partition("-")[0],
            ticket_codes=tuple(sorted(set(sent.ticket_codes))),
            desk=sent.desk,
            staff_id=staff_id,
            sent_by=sender.id,
            payment_method=sent.payment_method,
            payment_amount=sent.payment_amount,
            at=min(sent.at, now),
            received_at=now,
        )

    def _book(
        self,
        session: Session,
        sender: Claims,
        record: AwayRecord,
        order: OrderRecord | None,
        organisation_id: str,
    ) -> None:
        known = orders.pickup(session, record.id)
        found: list[NewConflict] = []
        if order is None:
            found = [NewConflict(away.UNKNOWN, code) for code in record.ticket_codes]
        elif known is None:
            found = [*_of_tickets(session, record, order), *_of_money(record, order)]
            _collect(session, record, order)
        away.add_conflicts(session, record, found, order.event_id if order else None, organisation_id)
        detail: dict[str, object] = {
            "pickup": record.id,
            "tickets": list(record.ticket_codes),
            "desk": record.desk,
            "clerk": record.staff_id,
            "device": record.device,
            "at": record.at,
            "paid": record.payment_amount,
            "conflicts": [[conflict.kind, conflict.ticket_code] for conflict in found],
        }
        subject = f"order:{order.id if order else record.number}"
        trail.record(session, record.received_at, sender.actor, "order.pick_up_away", subject, detail)


def _told(session: Session, sender: Claims, order: OrderRecord | None) -> str | None:
    """Whose staff are told of a conflict; None for an order out of the sender's reach."""
    if order is None:
        return sender.organisation_id
    try:
        return event_access.readable(session, sender, order.event_id).organisation_id
    except Refusal:
        return None


def _of_tickets(session: Session, record: AwayRecord, order: OrderRecord) -> list[NewConflict]:
    status = {ticket.code: ticket.status for ticket in order.tickets}
    found = []
    for code in record.ticket_codes:
        if code not in status:
            found.append(NewConflict(away.UNKNOWN, code))
        elif status[code] == COLLECTED:
            other = orders.standing_pickup_of(session, [code])
            found.append(NewConflict(away.COLLECTED, code, other_pickup_id=other.id if other else None))
        elif status[code] != ISSUED:
            found.append(NewConflict(away.CANCELLED, code))
    return found


def _of_money(record: AwayRecord, order: OrderRecord) -> list[NewConflict]:
    taken, due = record.payment_amount or 0, order.amount_due
    if taken > due:
        return [NewConflict(away.PAID, amount=taken - due)]
    handed = any(ticket.code in record.ticket_codes for ticket in order.to_collect)
    return [NewConflict(away.UNPAID, amount=due - taken)] if taken < due and handed else []


def _collect(session: Session, record: AwayRecord, order: OrderRecord) -> None:
    """Hand out what is still issued. Money that covers what is due pays the order, as online."""
    waiting = {ticket.code for ticket in order.to_collect}
    codes = tuple(code for code in record.ticket_codes if code in waiting)
    if not codes:
        return
    due = order.amount_due
    paid = due if due and (record.payment_amount or 0) >= due else None
    pickup = PickupRecord(
        id=record.id,
        order_id=order.id,
        ticket_codes=codes,
        request=_request(record, order),
        staff_id=record.staff_id,
        desk=record.desk,
        payment_method=record.payment_method if paid else None,
        payment_amount=paid,
        at=max(record.at, order.confirmed_at),
    )
    shift = till.joins(session, record.staff_id, record.desk, order.currency)
    added = orders.add_pickup(session, pickup, shift) and orders.collect_tickets(session, pickup)
    assert added, f"{record.id} was new, and its tickets were issued while the order was locked"
    webhook_outbox.collected(session, order, pickup, record.received_at)
    if paid:
        orders.change_payment(session, order.id, DUE, PAID)


def _request(record: AwayRecord, order: OrderRecord) -> dict[str, object]:
    """As the same hand-over asks online, so that its key answers there too."""
    return {
        "order_id": order.id,
        "ticket_codes": sorted(record.ticket_codes),
        "desk": record.desk,
        "payment": record.payment_method,
    }


def _same(known: AwayRecord, record: AwayRecord) -> bool:
    return (known.ticket_codes, known.device) == (record.ticket_codes, record.device)


def _answer(session: Session, key: str, record: AwayRecord) -> Taken:
    conflicts = _named(session, away.conflicts_of(session, record.id))
    pickup = orders.pickup(session, record.id)
    return Taken(
        key=key,
        outcome=CONFLICT if conflicts else ACCEPTED,
        pickup_id=pickup.id if pickup else None,
        collected=pickup.ticket_codes if pickup else (),
        conflicts=tuple(conflicts),
    )


def _named(session: Session, found: Sequence[ConflictRecord]) -> list[NamedConflict]:
    ids = {id_ for one in found for id_ in (one.staff_id, one.other_staff_id, one.settled_by)}
    names = staff.usernames(session, [staff_id for staff_id in ids if staff_id is not None])
    return [
        NamedConflict(
            one, names[one.staff_id], names.get(one.other_staff_id or 0), names.get(one.settled_by or 0)
        )
        for one in found
    ]
