"""What a desk loads before the network is away, and sends when it is back."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import NO_CONTROLS, Answer, DeskName, Id, Instant, Price, Request
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX

Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
Username = Annotated[str, Meta(min_length=1, max_length=60, pattern=NO_CONTROLS)]
TicketCode = Annotated[str, Meta(pattern=r"^[0-9A-Z]{12}-[1-9][0-9]?$")]
HANDED_MAX = 100


class ListedQuota(Answer):
    """What a ticket is for."""

    id: str
    name: str


class ListedEvent(Answer):
    """An event whose tickets this desk hands out."""

    id: str
    title: str
    quotas: list[ListedQuota]


class ListedTicket(Answer):
    """A ticket that waits."""

    code: str
    quota_id: str


class ListedOrder(Answer):
    """An order with tickets that wait, and what is still to be paid for it.

    `card` is the first 24 bits of the HMAC-SHA-256 of the card's number under `card_key`.
    """

    id: str
    number: str
    event_id: str
    name_masked: str
    card: int | None
    due: int
    currency: str
    tickets: list[ListedTicket]


class ListedGone(Answer):
    """Tickets that were handed out in one movement; without a time: that were cancelled."""

    codes: list[str]
    collected_at: datetime | None
    desk: str
    clerk: str


class DeskList(Answer):
    """Everything a desk may need without the network until `good_until`.

    `public_key` checks the seal of QR texts, whose last but one part is `key_name`, and of this list: the header
    `Desk-List-Signature` is the Ed25519 signature over `ticketing desk list 1`, a line feed, and this body. Both keys
    and the signature are base64url. `unsettled` is how many conflicts wait for somebody to settle them.
    """

    as_of: datetime
    good_until: datetime
    clerk: str
    public_key: str
    key_name: str
    card_key: str
    events: list[ListedEvent]
    orders: list[ListedOrder]
    gone: list[ListedGone]
    unsettled: int


class AwayPayment(Request):
    """What was taken at the desk."""

    method: Literal["cash", "card"]
    amount: Price


class AwayHandOver(Request):
    """Tickets of one order that were handed over without the network.

    `key` is that of `POST /desk/pickups`, should that have been tried first; `clerk` is who handed over, `at` when, by
    the device's clock put right by the server's.
    """

    key: Key
    ticket_codes: Annotated[list[TicketCode], Meta(min_length=1, max_length=TICKETS_PER_HOLD_MAX)]
    desk: DeskName
    clerk: Username
    at: Instant
    payment: AwayPayment | None = None


class AwaySending(Request):
    """What a desk has kept while the network was away; `device` is a name the device gave itself."""

    device: Id
    hand_overs: Annotated[list[AwayHandOver], Meta(min_length=1, max_length=HANDED_MAX)]


class DeskConflict(Answer):
    """What a hand-over made without the network and the books do not agree in.

    `collected`: `other` had handed the ticket out; `cancelled`, `unknown`: it was no ticket any more, or never one;
    `paid`, `unpaid`: `amount` was taken for what was paid already, or not taken for what was due.
    """

    id: int
    kind: Literal["collected", "cancelled", "unknown", "paid", "unpaid"]
    number: str
    ticket_code: str | None
    event_id: str | None
    amount: int | None
    desk: str
    clerk: str
    handed_over_at: datetime
    other_desk: str | None
    other_clerk: str | None
    other_at: datetime | None
    found_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    settled_reason: str | None


class AwayTaken(Answer):
    """What became of a hand-over.

    One that is `waiting` is sent again later; `reason` says why: `on_its_way` to SQL, `out_of_reach` of this clerk,
    `key_reused`.
    """

    key: str
    outcome: Literal["accepted", "conflict", "waiting"]
    reason: str | None
    pickup_id: str | None
    collected: list[str]
    conflicts: list[DeskConflict]


class AwayTakings(Answer):
    """What became of each, in the order they were sent, and how many conflicts nobody has settled by now."""

    results: list[AwayTaken]
    unsettled: int


class DeskConflicts(Answer):
    """The newest first; `next_cursor` asks for the following ones."""

    conflicts: list[DeskConflict]
    next_cursor: str | None
