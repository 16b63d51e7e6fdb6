"""Sessions, holds and orders of members."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import (
    Answer,
    CardNumber,
    HoldStatus,
    Id,
    Method,
    OrderStatus,
    PaymentStatus,
    Request,
    Scope,
    Secret,
    TicketStatus,
)
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX


class Login(Request):
    """A card and its PIN."""

    card_number: CardNumber
    pin: Secret


class Member(Answer):
    """Whom a card belongs to; the number shows its last four digits only."""

    name: str
    card_masked: str
    organisation: str
    organisation_name: str


class MemberSession(Answer):
    """A member's session; `token` goes into `Authorization: Bearer`."""

    token: str
    expires_at: datetime
    member: Member


class PinChange(Request):
    """The PIN known now and the one from now on."""

    pin: Secret
    new_pin: Secret


class Allowance(Answer):
    """One limit that applies to the member, and how much of it is in hand and bought.

    `quota_id` is set when `scope` is `quota`; `allowance_group` when it is `group`.
    """

    event_id: str
    scope: Scope
    limit: int
    held: int
    bought: int
    quota_id: str | UnsetType = UNSET
    allowance_group: str | UnsetType = UNSET


class NoticeChange(Answer):
    """What changed of an event since one booked: `starts_at` (RFC 3339) or `venue`, of a quota or of the whole."""

    field: str
    before: str
    after: str
    quota_id: str | None


class Notice(Answer):
    """A message to one member.

    `hold_void`, `event_moved` (with `changes`), `event_cancelled`, `not_collected` (they went back), or another kind.
    """

    kind: str
    text: str
    event_id: str | None
    at: datetime
    changes: list[NoticeChange]


class Me(Answer):
    """The member of this session."""

    member: Member
    allowances: list[Allowance]
    notices: list[Notice]


class WantedItem(Request):
    """So many tickets of one quota."""

    quota_id: Id
    quantity: Annotated[int, Meta(ge=1, le=TICKETS_PER_HOLD_MAX)]


WantedItems = Annotated[list[WantedItem], Meta(min_length=1, max_length=TICKETS_PER_HOLD_MAX)]


class HoldWish(Request):
    """All of the items or none; each quota at most once."""

    items: WantedItems


class Item(Answer):
    """Tickets of one quota, at the price of the moment they were held."""

    quota_id: str
    quantity: int
    price: int


class Hold(Answer):
    """Tickets taken out of a quota for a card until `expires_at`."""

    id: str
    event_id: str
    status: HoldStatus
    items: list[Item]
    amount: int
    currency: str
    created_at: datetime
    expires_at: datetime


class PaymentChoice(Request):
    """How the member will pay: `free`, `desk`, or a configured provider."""

    method: Method


class Confirmation(Request):
    """Turn a hold into an order."""

    payment: PaymentChoice


class Payment(Answer):
    """What was agreed, and where the money stands."""

    method: str
    status: PaymentStatus


class Ticket(Answer):
    """One seat: `code` can be typed, `qr` is what its QR code shows.

    In an order that is read, `qr` is signed, so that a desk without the network can check it. In the answer to a
    confirm it is the code alone, which a desk takes as well.
    """

    code: str
    qr: str
    quota_id: str
    status: TicketStatus
    collected_at: datetime | None


class Order(Answer):
    """A confirmed hold. `number` is for people; `recorded_at` is null until SQL has it."""

    id: str
    number: str
    event_id: str
    status: OrderStatus
    items: list[Item]
    amount: int
    currency: str
    payment: Payment
    tickets: list[Ticket]
    confirmed_at: datetime
    recorded_at: datetime | None


class Orders(Answer):
    """A member's orders, newest first; `next_cursor` asks for the following ones."""

    orders: list[Order]
    next_cursor: str | None


TicketCodes = Annotated[list[Id], Meta(min_length=1, max_length=TICKETS_PER_HOLD_MAX)]


class Cancellation(Request):
    """Tickets to give back; all of the order when absent."""

    ticket_codes: TicketCodes | None = None
