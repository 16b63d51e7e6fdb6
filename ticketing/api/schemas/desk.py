"""What clerks send and see."""

from datetime import datetime
from typing import Literal

from ticketing.api.schemas.base import Answer, CardNumber, DeskName, Id, QrText, Request
from ticketing.api.schemas.members import Allowance, Member, Order, TicketCodes, WantedItems


class Swipe(Request):
    """Exactly one of: a card's number, a ticket's code or QR text, an order's number."""

    card_number: CardNumber | None = None
    code: QrText | None = None
    number: Id | None = None


class HandedOut(Answer):
    """Who handed tickets out, when and where."""

    collected_at: datetime
    desk: str
    clerk: str


class WentBack(Answer):
    """So many tickets of an order went back then, because nobody had collected them in time."""

    order_id: str
    number: str
    event_id: str
    tickets: int
    at: datetime


class Swiped(Answer):
    """Who stands at the desk, and what waits for them.

    `handed_out` says what became of the ticket or order that was swiped when nothing of it is left, `went_back` which
    tickets of theirs went back in the last 30 days, newest first. `unfinished` names the orders that are sales of a
    desk which broke off: no till counts their money, so ask whether they were paid.
    """

    member: Member
    orders: list[Order]
    allowances: list[Allowance]
    handed_out: HandedOut | None
    went_back: list[WentBack]
    unfinished: list[str]


class DeskPayment(Request):
    """How what is due was paid at the desk."""

    method: Literal["cash", "card"]


class PickupWish(Request):
    """Hand over tickets of one order; all that are left when `ticket_codes` is absent."""

    order_id: Id
    desk: DeskName
    ticket_codes: TicketCodes | None = None
    payment: DeskPayment | None = None


class GivenBack(Answer):
    """Money that a clerk hands back, and how it had been paid."""

    method: str
    amount: int


class Pickup(Answer):
    """Tickets handed over in one movement.

    Once it is undone, `given_back` is what the clerk hands back; `sale_void` says that it was a sale at the desk, of
    which no ticket stands any more.
    """

    pickup_id: str
    order_id: str
    collected: list[str]
    collected_at: datetime
    desk: str
    undone_at: datetime | None
    given_back: GivenBack | None
    sale_void: bool


class DeskSale(Order):
    """An order sold at the desk and handed over; `pickup_id` names it for an undo."""

    pickup_id: str


class SlipTicket(Answer):
    """A ticket as it is printed."""

    code: str
    qr: str
    quota: str
    starts_at: datetime | None
    price: int
    face_price: int


class Slip(Answer):
    """The receipt and the tickets of a hand-over; `copy` counts the prints before this one, so 0 is the original.

    `amount` was taken with this hand-over, by `method`; 0 and null when nothing was due.
    """

    pickup_id: str
    copy: int
    organisation: str
    title: str
    venue: str
    starts_at: datetime
    order_number: str
    name_masked: str
    currency: str
    amount: int
    method: Literal["cash", "card"] | None
    desk: str
    clerk: str
    collected_at: datetime
    tickets: list[SlipTicket]


class Share(Answer):
    """What is kept of a quota for the desk, and what the web has left."""

    quota_id: str
    withheld: int
    available: int


class SalePayment(Request):
    """How a sale at the desk was paid."""

    method: Literal["cash", "card", "free"]


class SaleWish(Request):
    """Sell at the desk: the same stock, the same limit, collected at once."""

    card_number: CardNumber
    event_id: Id
    items: WantedItems
    payment: SalePayment
    desk: DeskName
