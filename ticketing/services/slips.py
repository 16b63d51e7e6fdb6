"""What a desk prints: the receipt of a hand-over, and its tickets. The first print is the original, others copies."""

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord, PickupRecord, TicketRecord
from ticketing.services import event_access, trail
from ticketing.services.desk import require_clerk
from ticketing.services.tokens import Claims
from ticketing.staff import repository as staff


class Slip(Struct, frozen=True):
    """A hand-over as it is printed; `copy` counts the prints before this one."""

    pickup: PickupRecord
    order: OrderRecord
    tickets: tuple[TicketRecord, ...]
    event: Event
    organisation: str
    member: str
    clerk: str
    copy: int


class SlipService:
    """Prints hand-overs, and counts how often."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def make(self, clerk: Claims, pickup_id: str) -> Slip:
        """What is printed of a hand-over. Each call is a print, in the trail.

        Raises `Refusal` NOT_FOUND, also for one that was taken back or of an event out of reach, or FORBIDDEN.
        """
        require_clerk(clerk)
        with self._sessions.begin() as session:
            record = orders.pickup(session, pickup_id)
            order = orders.get(session, record.order_id) if record else None
            if record is None or order is None:
                raise Refusal(Code.NOT_FOUND)
            event = event_access.readable(session, clerk, order.event_id)
            slip = _slip(session, record, order, event, self._count(session, pickup_id))
            detail = {"pickup": pickup_id, "copy": slip.copy}
            trail.record(
                session, self._clock.now_ms(), clerk.actor, "order.print", f"order:{order.id}", detail
            )
        return slip

    def _count(self, session: Session, pickup_id: str) -> int:
        count = orders.count_print(session, pickup_id)
        if count is None:
            raise Refusal(Code.NOT_FOUND)
        return count - 1


def _slip(session: Session, record: PickupRecord, order: OrderRecord, event: Event, copy: int) -> Slip:
    organisation = members.organisation(session, event.organisation_id)
    holder = members.holder(session, order.member_id)
    clerk = staff.account_by_id(session, record.staff_id)
    return Slip(
        pickup=record,
        order=order,
        tickets=tuple(ticket for ticket in order.tickets if ticket.code in record.ticket_codes),
        event=event,
        organisation=organisation.name if organisation else "",
        member=holder.member.name if holder else "",
        clerk=clerk.username if clerk else "",
        copy=copy,
    )
