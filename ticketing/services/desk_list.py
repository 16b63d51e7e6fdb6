"""The list that a desk loads before the network is away: what waits for whom, and what has been handed out.

It is bounded, names are masked where it is shown, and cards are there as tags of 24 bits (`Keyring.card_tag`). It
holds what SQL had at one moment; a ticket sold since is known by the seal of its QR text.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, in_pieces, reading
from ticketing.errors import invalid
from ticketing.keyring import Keyring
from ticketing.members.tables import ACTIVE, Card, Member
from ticketing.orders.tables import COLLECTED, DUE, ISSUED, VOID, Order, Pickup, Ticket
from ticketing.services import event_access
from ticketing.services.desk import require_clerk
from ticketing.services.swipes import collecting
from ticketing.services.tokens import Claims
from ticketing.staff.tables import StaffAccount

TICKETS_MAX = 30_000
"""Tickets of one list, handed out or not: some 4 MB that a browser looks through at once."""

EVENTS_MAX = 100
GOOD_FOR_MS = 12 * 3_600_000
"""How long a desk may go by a list: a day at the desk, and no copy of it is of use the next."""


class ListedOrder(Struct, frozen=True):
    """An order with tickets that wait; `card` is the tag of the member's card, None where there is none."""

    id: str
    number: str
    event_id: str
    name: str
    card: int | None
    due: int
    currency: str
    tickets: tuple[tuple[str, str], ...]  # (code, quota id)


class ListedGone(Struct, frozen=True):
    """Tickets that do not wait any more: handed out in one movement, or (no time) cancelled."""

    codes: tuple[str, ...]
    at: int | None
    desk: str
    clerk: str


class DeskList(Struct, frozen=True):
    """Everything a desk may need of its events for half a day without the network."""

    as_of: int
    good_until: int
    clerk: str
    events: tuple[Event, ...]
    orders: tuple[ListedOrder, ...]
    gone: tuple[ListedGone, ...]


class DeskLists:
    """Makes lists."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock

    def make(self, clerk: Claims, event_ids: Collection[str] | None = None) -> DeskList:
        """The list for these events, or for all of the clerk's reach that are being collected.

        Raises `Refusal` FORBIDDEN, NOT_FOUND for an event out of reach, INVALID for more than a list may hold.
        """
        require_clerk(clerk)
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            events = _events(session, clerk, event_ids, now)
            ids = [event.id for event in events]
            _require_room(session, ids)
            rows = [row for event_id in ids for row in _rows(session, event_id)]
            waiting = [row for row in rows if row.status == ISSUED]
            people = self._people(session, {row.member_id for row in waiting})
            orders = tuple(_orders(rows, people))
            gone = (*_handed_out(session, rows), *_cancelled(rows))
        return DeskList(now, now + GOOD_FOR_MS, clerk.name, tuple(events), orders, gone)

    def _people(self, session: Session, member_ids: Collection[int]) -> dict[int, tuple[str, int | None]]:
        """Name and card's tag of each member."""
        found: dict[int, tuple[str, int | None]] = {}
        active = (Card.member_id == Member.id) & (Card.status == ACTIVE)
        query = select(Member.id, Member.name, Card.number_digest, Card.tag).outerjoin(Card, active)
        for ids in in_pieces(sorted(member_ids)):
            for member, name, digest, hidden in session.execute(query.where(Member.id.in_(ids))):
                found[member] = (name, None if hidden is None else self._keyring.hide_tag(hidden, digest))
        return found


def _events(session: Session, clerk: Claims, wanted: Collection[str] | None, now: int) -> Sequence[Event]:
    if wanted is not None:
        if not 0 < len(wanted) <= EVENTS_MAX:
            raise invalid(("events", f"name 1 to {EVENTS_MAX} events"))
        return [event_access.readable(session, clerk, event_id) for event_id in dict.fromkeys(wanted)]
    mine = collecting(session, clerk, now)
    if len(mine) > EVENTS_MAX:
        raise invalid(("events", f"are {len(mine)}; name the {EVENTS_MAX} at most that this desk serves"))
    return mine


def _require_room(session: Session, event_ids: Sequence[str]) -> None:
    counted = select(func.count()).select_from(Ticket).join(Order, Order.id == Ticket.order_id)
    tickets = session.scalar(counted.where(Order.event_id.in_(event_ids))) or 0
    if tickets > TICKETS_MAX:
        raise invalid(
            ("events", f"have {tickets} tickets; a list holds {TICKETS_MAX}: name fewer events in `events`")
        )


class _Row(Struct, frozen=True, gc=False):
    order_id: str
    number: str
    event_id: str
    member_id: int
    currency: str
    payment_status: str
    code: str
    quota_id: str
    price: int
    status: str
    pickup_id: str | None


_COLUMNS = (
    *(Order.id, Order.number, Order.event_id, Order.member_id, Order.currency, Order.payment_status),
    *(Ticket.code, Ticket.quota_id, Ticket.price, Ticket.status, Ticket.pickup_id),
)


def _rows(session: Session, event_id: str) -> Iterator[_Row]:
    query = select(*_COLUMNS).join(Ticket, Ticket.order_id == Order.id).where(Order.event_id == event_id)
    return (_Row(*row) for row in session.execute(query.order_by(Order.id, Ticket.place)))


def _orders(rows: Sequence[_Row], people: dict[int, tuple[str, int | None]]) -> Iterator[ListedOrder]:
    for _, seats in groupby(rows, key=lambda row: row.order_id):
        tickets = list(seats)
        waiting = tuple((row.code, row.quota_id) for row in tickets if row.status == ISSUED)
        if not waiting:
            continue
        first = tickets[0]
        standing = (row.price for row in tickets if row.status != VOID)
        name, card = people[first.member_id]
        yield ListedOrder(
            id=first.order_id,
            number=first.number,
            event_id=first.event_id,
            name=name,
            card=card,
            due=sum(standing) if first.payment_status == DUE else 0,
            currency=first.currency,
            tickets=waiting,
        )


def _handed_out(session: Session, rows: Sequence[_Row]) -> Iterator[ListedGone]:
    by_pickup: dict[str, list[str]] = {}
    for row in rows:
        if row.status == COLLECTED and row.pickup_id is not None:
            by_pickup.setdefault(row.pickup_id, []).append(row.code)
    query = select(Pickup.id, Pickup.at, Pickup.desk, StaffAccount.username)
    query = query.join(StaffAccount, StaffAccount.id == Pickup.staff_id)
    for ids in in_pieces(sorted(by_pickup)):
        for pickup_id, at, desk, clerk in session.execute(query.where(Pickup.id.in_(ids))):
            yield ListedGone(tuple(by_pickup[pickup_id]), at, desk, clerk)


def _cancelled(rows: Sequence[_Row]) -> Iterator[ListedGone]:
    void = tuple(row.code for row in rows if row.status == VOID)
    if void:
        yield ListedGone(void, None, "", "")
