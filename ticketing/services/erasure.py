"""Erasing a member on their wish: the person goes, what was sold and collected stays for the accounts.

Refused while the union still owes something to whom it would forget: tickets to collect, tickets in hand, money.
"""

from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository as catalogue
from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import invalid
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import HoldStatus
from ticketing.keyring import Keyring
from ticketing.members import erasing
from ticketing.members import repository as members
from ticketing.members.numbers import read_card_number
from ticketing.members.repository import Holder
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord
from ticketing.orders.tables import REFUND_DUE
from ticketing.services import trail

_PAGE = 500

Fault = tuple[str, str]


class Person(Struct, frozen=True):
    """Whom an operator is about to erase."""

    name: str
    last_four: str


class ErasureService:
    """Finds a member by any card they ever had, and erases them. Refusals are raised."""

    def __init__(self, sessions: Sessions, keeper: Keeper, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._keyring = keyring
        self._clock = clock

    def person(self, card_number: str) -> Person:
        """Whose card this is. Raises `invalid` for a number that no card has."""
        with reading(self._sessions) as session:
            holder = self._holder(session, card_number)
        return Person(holder.member.name, holder.card.last_four)

    def erase(self, card_number: str) -> None:
        """Erase for good. Raises `invalid` that says what is in the way; `StoreUnavailable` without Redis."""
        with self._sessions.begin() as session:
            member_id = self._holder(session, card_number).member.id
            cards = erasing.lock_cards(session, member_id)
            now = self._clock.now_ms()
            faults = [*self._in_hand(session, member_id), *self._owed(session, member_id, now)]
            if faults:
                raise invalid(*faults)
            erasing.erase(session, member_id, cards)
            members.end_sessions(session, now, f"m:{member_id}", blocked=True)
            trail.record(session, now, "system", "member.erase", f"member:{member_id}", {})

    def _holder(self, session: Session, card_number: str) -> Holder:
        number = read_card_number(card_number) or ""
        holder = members.holder_by_card(session, self._keyring.card_digest(number))
        if holder is None:
            raise invalid(("card number", "is unknown"))
        return holder

    def _in_hand(self, session: Session, member_id: int) -> Iterator[Fault]:
        """What only Redis knows: live holds, and orders on their way to SQL."""
        live, coming = 0, 0
        for at in orders.cursors(session):
            recorded = self._keeper.ledger(at.group_id, member_id).holds
            live += sum(hold.status is HoldStatus.HELD for hold in recorded)
            confirmed = [hold.id for hold in recorded if hold.status is HoldStatus.CONFIRMED]
            coming += len(set(confirmed) - orders.recorded(session, confirmed))
        if live:
            yield "the member", "has tickets on hold: wait until the time to confirm them is over"
        if coming:
            yield "the member", "has just booked: wait until the order is in the books"

    def _owed(self, session: Session, member_id: int, now: int) -> Iterator[Fault]:
        mine = _all_orders(session, member_id)
        waiting = [order.number for order in mine if order.to_collect and not _is_over(session, order, now)]
        refunds = [order.number for order in mine if order.payment_status == REFUND_DUE]
        if waiting:
            yield "order", f"{', '.join(waiting)} has tickets to collect: hand them out or cancel them first"
        if refunds:
            yield "order", f"{', '.join(refunds)} is to be paid back: do that first"


def _all_orders(session: Session, member_id: int) -> list[OrderRecord]:
    found: list[OrderRecord] = []
    while True:
        before = (found[-1].confirmed_at, found[-1].number) if found else None
        page = orders.for_member(session, member_id, _PAGE, before)
        found += page
        if len(page) < _PAGE:
            return found


def _is_over(session: Session, order: OrderRecord, now: int) -> bool:
    """Whether nobody can come for these tickets any more: they are of an event that was, and stay uncollected."""
    event = catalogue.get(session, order.event_id)
    assert event is not None, "events are never deleted"
    ends = [event.starts_at, event.collect_until or 0, *(quota.starts_at or 0 for quota in event.quotas)]
    return now > max(ends) + DAY_MS
