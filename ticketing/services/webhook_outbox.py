"""What webhooks tell, written in the transaction of what happened: so it is told if, and only if, that happened.

A message has an id that comes from what it tells, so a replay of the log or a repeated act writes it once. When nobody
listens, all of this is one small SELECT. Bodies have ids, counts and amounts; no names, card numbers or ticket codes.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Event
from ticketing.clock import to_rfc3339
from ticketing.database import in_pieces
from ticketing.hooks import repository as hooks
from ticketing.hooks.kinds import CANCELLED, COLLECTED, CONFIRMED, SOLD_OUT
from ticketing.hooks.tables import WAITING, Endpoint
from ticketing.members.repository import is_at_or_below
from ticketing.members.tables import Organisation
from ticketing.orders.model import OrderRecord, PickupRecord
from ticketing.orders.voiding import Voided


class Message(Struct, frozen=True):
    """Something to tell about an event: `key` tells it from others of its kind."""

    key: str
    event_id: str
    at: int
    data: dict[str, object]


class Listener(Struct, frozen=True):
    """An endpoint, and where in the tree it listens."""

    endpoint_id: str
    path: str

    def hears(self, path: str) -> bool:
        """Whether what happens at `path` is its business."""
        return is_at_or_below(path, self.path)


def confirmed(session: Session, orders: Sequence[OrderRecord], now: int) -> None:
    """Orders were recorded."""

    def messages() -> Iterator[Message]:
        for order in orders:
            tickets = len(order.tickets)
            yield Message(order.id, order.event_id, order.confirmed_at, _of_order(order, tickets))

    _tell(session, CONFIRMED, messages, now)


def cancelled(session: Session, event_id: str, voided: Collection[Voided], now: int) -> None:
    """Tickets of these orders became void."""

    def messages() -> Iterator[Message]:
        for each in voided:
            data: dict[str, object] = {"order_id": each.order_id, "event_id": event_id}
            data["tickets"] = each.places.bit_count()
            yield Message(f"{each.order_id}:{each.places}", event_id, now, data)

    _tell(session, CANCELLED, messages, now)


def collected(session: Session, order: OrderRecord, pickup: PickupRecord, now: int) -> None:
    """Tickets of an order were handed out."""

    def messages() -> Iterator[Message]:
        data = _of_order(order, len(pickup.ticket_codes)) | {"pickup_id": pickup.id}
        yield Message(pickup.id, order.event_id, pickup.at, data)

    _tell(session, COLLECTED, messages, now)


def sold_out(session: Session, event_id: str, capacity: int, now: int) -> None:
    """The last ticket of an event was sold. Told once for a capacity: a raised quota may sell out again."""

    def messages() -> Iterator[Message]:
        data: dict[str, object] = {"event_id": event_id, "capacity": capacity}
        yield Message(f"{event_id}:{capacity}", event_id, now, data)

    _tell(session, SOLD_OUT, messages, now)


def listeners(session: Session, kind: str) -> list[Listener]:
    """Who is told of this kind."""
    places = select(Endpoint.id, Organisation.path, Endpoint.kinds).join(
        Organisation, Organisation.id == Endpoint.organisation_id
    )
    found = session.execute(places.where(Endpoint.active))
    return [Listener(endpoint_id, path) for endpoint_id, path, kinds in found if kind in kinds]


def _tell(session: Session, kind: str, messages: Callable[[], Iterator[Message]], now: int) -> None:
    listening = listeners(session, kind)
    if not listening:
        return
    told = list(messages())
    paths = _paths(session, {message.event_id for message in told})
    rows = [
        _row(kind, message, listener, now)
        for message in told
        for listener in listening
        if listener.hears(paths[message.event_id])
    ]
    for part in in_pieces(rows):
        hooks.write(session, part)


def _row(kind: str, message: Message, listener: Listener, now: int) -> dict[str, object]:
    body = {"type": kind, "timestamp": to_rfc3339(message.at), "data": message.data}
    return {
        "endpoint_id": listener.endpoint_id,
        "message_id": f"{kind}:{message.key}",
        "kind": kind,
        "body": msgspec.json.encode(body).decode(),
        "at": now,
        "state": WAITING,
        "attempts": 0,
        "next_at": now,
    }


def _paths(session: Session, event_ids: Collection[str]) -> dict[str, str]:
    place = select(Event.id, Organisation.path).join(Organisation, Organisation.id == Event.organisation_id)
    found: dict[str, str] = {}
    for ids in in_pieces(sorted(event_ids)):
        found.update((row[0], row[1]) for row in session.execute(place.where(Event.id.in_(ids))))
    return found


def _of_order(order: OrderRecord, tickets: int) -> dict[str, object]:
    return {
        "order_id": order.id,
        "event_id": order.event_id,
        "tickets": tickets,
        "amount": order.amount,
        "currency": order.currency,
    }
