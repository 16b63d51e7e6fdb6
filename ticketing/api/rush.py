"""The calls of the rush: hold, confirm, release, look up, and what is on sale.

Each reads as a story: the body's bounds, the session, the wish, the inventory's decision, the bytes. None
touches SQL. Refusals of the inventory are values, since in a rush nearly every answer is one.
"""

import msgspec

from ticketing.api import schemas, views
from ticketing.api.answers import BARE, JSON, REPLAYED, Answer, refused
from ticketing.api.board import Poster
from ticketing.api.bodies import decode, idempotency_key, require_json, require_key
from ticketing.api.contract import Operation
from ticketing.api.front import Front
from ticketing.api.holds import Holds, Items
from ticketing.api.hot import Asked, Given, HotCall
from ticketing.errors import Code, Refusal, StoreUnavailable, invalid
from ticketing.identifiers import quota_number
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, Decided

_HOLD_WISH = msgspec.json.Decoder(schemas.HoldWish)
_CONFIRMATION = msgspec.json.Decoder(schemas.Confirmation)
_encode = msgspec.json.Encoder().encode

_SALE_CODES = (
    Code.RECOVERING,
    Code.BACKLOG_FULL,
    Code.CARD_BLOCKED,
    Code.SALE_NOT_OPEN,
    Code.SALE_PAUSED,
    Code.SALE_CLOSED,
    Code.NOT_ELIGIBLE,
    Code.CARD_LIMIT_EXCEEDED,
    Code.SOLD_OUT,
)
_HOLD_CODES = (Code.NOT_FOUND, Code.HOLD_EXPIRED)


class RushCalls:
    """The hot calls over one process's services."""

    def __init__(self, front: Front) -> None:
        self._board = front.board
        self._gate = front.gate
        self._addresses = front.addresses
        self._holds = Holds(front)

    def calls(self) -> list[HotCall]:
        """Every hot call with its description."""
        return [
            HotCall(EVENT, self.event),
            HotCall(AVAILABILITY, self.availability),
            HotCall(HOLD, self.hold),
            HotCall(LOOK_UP, self.look_up),
            HotCall(RELEASE, self.release),
            HotCall(CONFIRM, self.confirm),
        ]

    # What is on sale

    def event(self, asked: Asked) -> Given:
        """The event, from memory when Redis does not answer; 304 for whoever has it already."""
        poster = self._board.fresh_poster(asked.id)
        return _event(poster, asked) if poster else self._event_in_time(asked)

    async def _event_in_time(self, asked: Asked) -> Answer:
        try:
            poster = await self._board.fresh(asked.id)
        except StoreUnavailable:
            poster = self._board.poster(asked.id)
        return _event(poster, asked)

    def availability(self, asked: Asked) -> Given:
        """The counts, at most 250 ms old."""
        poster = self._board.fresh_poster(asked.id)
        return Answer(200, poster.availability_json) if poster else self._availability_in_time(asked)

    async def _availability_in_time(self, asked: Asked) -> Answer:
        poster = await self._board.fresh(asked.id)
        if poster is None:
            raise Refusal(Code.NOT_FOUND)
        return Answer(200, poster.availability_json)

    # Holding

    async def hold(self, asked: Asked) -> Answer:
        """Take tickets for the member. The same key again gets the first answer again."""
        require_json(asked.headers, asked.body)
        address = self._address(asked)
        self._holds.require_unhurried(address)
        member = self._gate.session(asked.headers, "member", changes=True)
        require_key(asked.headers)
        wish = decode(_HOLD_WISH, asked.body)
        key = idempotency_key(asked.headers)
        items = _numbered(asked.id, wish)
        outcome = await self._holds.hold(member, asked.id, key, items, address)
        if isinstance(outcome, Refusal):
            return refused(outcome)
        view = views.hold_as_made(outcome.hold, self._board.currency_of(asked.id))
        return Answer(201, _encode(view), _headers(outcome))

    async def look_up(self, asked: Asked) -> Answer:
        """The hold as it is now."""
        member = self._gate.session(asked.headers, "member", changes=False)
        hold = await self._holds.look_up(member, asked.id)
        return Answer(200, _encode(views.hold_view(hold, self._board.currency_of(hold.event_id))))

    async def release(self, asked: Asked) -> Answer:
        """Give the tickets back; nothing is wrong with doing so twice, or too late."""
        member = self._gate.session(asked.headers, "member", changes=True)
        refusal = await self._holds.release(member, asked.id, self._address(asked))
        return Answer(204, b"", BARE) if refusal is None else refused(refusal)

    async def confirm(self, asked: Asked) -> Answer:
        """Turn the hold into an order. Repeated, also with another method: the first answer."""
        require_json(asked.headers, asked.body)
        member = self._gate.session(asked.headers, "member", changes=True)
        method = decode(_CONFIRMATION, asked.body).payment.method
        outcome = await self._holds.confirm(member, asked.id, method, self._address(asked))
        if isinstance(outcome, Refusal):
            return refused(outcome)
        view = views.order_as_confirmed(outcome.hold, self._board.currency_of(outcome.hold.event_id))
        return Answer(200, _encode(view), _headers(outcome))

    # What the stories stand on

    def _address(self, asked: Asked) -> str:
        return self._addresses.of(asked.peer, asked.headers)


def _numbered(event_id: str, wish: schemas.HoldWish) -> Items:
    """The wanted items with the numbers the inventory knows quotas by. Raises `Refusal`."""
    wanted = {item.quota_id: item.quantity for item in wish.items}
    if len(wanted) < len(wish.items):
        raise invalid(("items", "a quota may be named at most once"))
    if sum(wanted.values()) > TICKETS_PER_HOLD_MAX:
        raise invalid(("items", f"must be at most {TICKETS_PER_HOLD_MAX} tickets together"))
    items = []
    for name, quantity in wanted.items():
        number = quota_number(event_id, name)
        if number is None:
            raise Refusal(Code.NOT_FOUND)
        items.append((number, quantity))
    return tuple(items)


def _headers(outcome: Decided) -> tuple[tuple[bytes, bytes], ...]:
    return (*JSON, REPLAYED) if outcome.replayed else JSON


def _event(poster: Poster | None, asked: Asked) -> Answer:
    if poster is None:
        raise Refusal(Code.NOT_FOUND)
    etag = (b"etag", poster.etag.encode())
    if _has(asked.headers.get(b"if-none-match"), poster):
        return Answer(304, b"", (etag, (b"cache-control", b"no-cache")))
    return Answer(200, poster.event_json, (JSON[0], (b"cache-control", b"no-cache"), JSON[2], etag))


def _has(if_none_match: bytes | None, poster: Poster) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.decode("latin-1").split(",")]
    return "*" in tags or poster.etag in tags


EVENT = Operation(
    method="GET",
    path="/api/v1/events/{event_id}",
    summary="An event with its quotas; ETag over what changes",
    tag="public",
    gives=schemas.Event,
    has_etag=True,
    codes=(Code.NOT_FOUND,),
)
AVAILABILITY = Operation(
    method="GET",
    path="/api/v1/events/{event_id}/availability",
    summary="What is available and held, at most 250 ms old",
    tag="public",
    gives=schemas.Availability,
    codes=(Code.NOT_FOUND,),
)
HOLD = Operation(
    method="POST",
    path="/api/v1/events/{event_id}/holds",
    summary="Take tickets for a few minutes: all items or none",
    tag="members",
    caller="member",
    takes=schemas.HoldWish,
    gives=schemas.Hold,
    status=201,
    keyed=True,
    replays=True,
    codes=(Code.NOT_FOUND, Code.RATE_LIMITED, *_SALE_CODES),
)
LOOK_UP = Operation(
    method="GET",
    path="/api/v1/holds/{hold_id}",
    summary="A hold as it is now",
    tag="members",
    caller="member",
    gives=schemas.Hold,
    codes=(*_HOLD_CODES, Code.RECOVERING),
)
RELEASE = Operation(
    method="DELETE",
    path="/api/v1/holds/{hold_id}",
    summary="Give the tickets of a hold back",
    tag="members",
    caller="member",
    status=204,
    codes=(Code.NOT_FOUND, Code.HOLD_CONFIRMED, Code.RECOVERING),
)
CONFIRM = Operation(
    method="POST",
    path="/api/v1/holds/{hold_id}/confirm",
    summary="Turn a hold into an order",
    tag="members",
    caller="member",
    takes=schemas.Confirmation,
    gives=schemas.Order,
    replays=True,
    codes=(*_HOLD_CODES, Code.HOLD_RELEASED, Code.PAYMENT_REQUIRED, Code.CARD_BLOCKED, Code.RECOVERING),
)

OPERATIONS = (EVENT, AVAILABILITY, HOLD, LOOK_UP, RELEASE, CONFIRM)
"""The hot calls, for the OpenAPI document."""
