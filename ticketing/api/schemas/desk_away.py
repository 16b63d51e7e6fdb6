"""What a desk loads before the network is away, and sends when it is back."""

from datetime import datetime

from ticketing.api.schemas.base import Answer


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
    and the signature are base64url.
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
