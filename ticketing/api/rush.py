"""The calls of the rush: hold, confirm, release, look up, and what is on sale.

Each reads as a story: the body's bounds, the session, the wish, the inventory's decision, the bytes. None
touches SQL. Refusals of the inventory are values, since in a rush nearly every answer is one.
"""

import msgspec

from ticketing.api import schemas, views
from ticketing.api.answers import BARE, JSON, REPLAYED, Answer, refused
from ticketing.api.board import Poster
from ticketing.api.bodies import HOT_BODY_BYTES_MAX, decode, idempotency_key, read_body, require_json
from ticketing.api.contract import Operation
from ticketing.api.dispatch import Asked, HotCall
from ticketing.api.front import Front
from ticketing.api.problems import invalid
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.identifiers import event_of, quota_id, quota_number
from ticketing.inventory.model import TICKETS_PER_HOLD_MAX, Decided, Hold, HoldRequest, HoldStatus
from ticketing.services.tokens import Claims

Items = tuple[tuple[int, int], ...]
"""(quota number, quantity) each."""

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
_AFTER_NOT_FOUND = frozenset(
    {Code.IDEMPOTENCY_KEY_REUSED, Code.RECOVERING, Code.BACKLOG_FULL, Code.CARD_BLOCKED}
)
_HOLD_CODES = (Code.NOT_FOUND, Code.HOLD_EXPIRED)


class RushCalls:
    """The hot calls over one process's services."""

    def __init__(self, front: Front) -> None:
        services = front.services
        self._inventory = services.inventory
        self._keyring = services.keyring
        self._clock = services.clock
        self._backlog_max = services.settings.backlog_max
        self._board = front.board
        self._gate = front.gate
        self._addresses = front.addresses
        self._live_holds = front.live_holds
        self._tally = front.tally

    def calls(self) -> list[HotCall]:
        """Every hot call with its description."""
        return [
            (EVENT, self.event),
            (AVAILABILITY, self.availability),
            (HOLD, self.hold),
            (LOOK_UP, self.look_up),
            (RELEASE, self.release),
            (CONFIRM, self.confirm),
        ]

    # What is on sale

    async def event(self, asked: Asked) -> Answer:
        """The event, from memory when Redis does not answer; 304 for whoever has it already."""
        try:
            poster = await self._board.fresh(asked.id)
        except StoreUnavailable:
            poster = self._board.poster(asked.id)
        if poster is None:
            raise Refusal(Code.NOT_FOUND)
        etag = (b"etag", poster.etag.encode())
        if _has(asked.headers.get(b"if-none-match"), poster):
            return Answer(304, b"", (etag, (b"cache-control", b"no-cache")))
        return Answer(200, poster.event_json, (JSON[0], (b"cache-control", b"no-cache"), JSON[2], etag))

    async def availability(self, asked: Asked) -> Answer:
        """The counts, at most 250 ms old."""
        poster = await self._board.fresh(asked.id)
        if poster is None:
            raise Refusal(Code.NOT_FOUND)
        return Answer(200, poster.availability_json)

    # Holding

    async def hold(self, asked: Asked) -> Answer:
        """Take tickets for the member. The same key again gets the first answer again."""
        body = await self._json_body(asked)
        address = self._unhurried_address(asked)
        member = self._gate.session(asked.headers, "member", changes=True)
        key = idempotency_key(asked.headers)
        items = _numbered(asked.id, decode(_HOLD_WISH, body))
        group_id = await self._group_of(asked.id)
        wish = HoldRequest(
            id=self._keyring.hold_id(asked.id, member.id, "web", key),
            event_id=asked.id,
            member=member.id,
            organisations=self._gate.organisations(member),
            items=items,
        )
        decide = self._decided_before if self._gate.is_blocked(member) else self._inventory.hold
        outcome = await decide(group_id, wish)
        if isinstance(outcome, Refusal):
            refusal = self._first(asked.id, items, outcome)
            self._tally.refused(group_id, asked.id, refusal.code.value)
            return refused(_in_public(asked.id, refusal))
        if not outcome.replayed:
            self._live_holds.add(address, outcome.hold.id, outcome.hold.expires_at)
        view = views.hold_as_made(outcome.hold, self._board.currency_of(asked.id))
        return Answer(201, _encode(view), _headers(outcome))

    async def look_up(self, asked: Asked) -> Answer:
        """The hold as it is now."""
        member = self._gate.session(asked.headers, "member", changes=False)
        group_id = await self._group_of_own(asked.id, member)
        hold = await self._inventory.look_up(group_id, asked.id)
        if hold is None:
            raise Refusal(Code.HOLD_EXPIRED)  # ours, by its id, and so old that Redis let it go
        return Answer(200, _encode(views.hold_view(hold, self._board.currency_of(hold.event_id))))

    async def release(self, asked: Asked) -> Answer:
        """Give the tickets back; nothing is wrong with doing so twice, or too late."""
        member = self._gate.session(asked.headers, "member", changes=True)
        group_id = await self._group_of_own(asked.id, member)
        refusal = await self._inventory.release(group_id, asked.id, member.id)
        if refusal is not None and refusal.code is not Code.NOT_FOUND:
            return refused(refusal)
        self._live_holds.drop(self._address(asked), asked.id)
        return Answer(204, b"", BARE)

    async def confirm(self, asked: Asked) -> Answer:
        """Turn the hold into an order. Repeated, also with another method: the first answer."""
        body = await self._json_body(asked)
        member = self._gate.session(asked.headers, "member", changes=True)
        method = decode(_CONFIRMATION, body).payment.method
        group_id = await self._group_of_own(asked.id, member)
        if self._gate.is_blocked(member):
            outcome = await self._confirmed_before(group_id, asked.id)
        else:
            number = self._keyring.order_number(asked.id)
            outcome = await self._inventory.confirm(group_id, asked.id, member.id, method, number)
        if isinstance(outcome, Refusal):
            # An id of ours that Redis does not know was let go long ago.
            gone = outcome.code is Code.NOT_FOUND
            return refused(Refusal(Code.HOLD_EXPIRED) if gone else outcome)
        self._live_holds.drop(self._address(asked), asked.id)
        view = views.order_as_confirmed(outcome.hold, self._board.currency_of(outcome.hold.event_id))
        return Answer(200, _encode(view), _headers(outcome))

    # What the stories stand on

    async def _json_body(self, asked: Asked) -> bytes:
        body = await read_body(asked.receive, asked.headers, HOT_BODY_BYTES_MAX)
        require_json(asked.headers, body)
        return body

    def _address(self, asked: Asked) -> str:
        return self._addresses.of(asked.scope, asked.headers)

    def _unhurried_address(self, asked: Asked) -> str:
        address = self._address(asked)
        wait_ms = self._live_holds.wait_ms(address, self._clock.now_ms())
        if wait_ms:
            raise Refusal(Code.RATE_LIMITED, retry_after_ms=wait_ms)
        return address

    async def _group_of(self, event_id: str) -> str:
        group_id = await self._board.group_of(event_id)
        if group_id is None:
            raise Refusal(Code.NOT_FOUND)
        return group_id

    async def _group_of_own(self, hold_id: str, member: Claims) -> str:
        """The group of the member's own hold; an id made for somebody else is not found, without a look."""
        if not self._keyring.owns_hold(hold_id, member.id):
            raise Refusal(Code.NOT_FOUND)
        return await self._group_of(event_of(hold_id))

    async def _decided_before(self, group_id: str, wish: HoldRequest) -> Decided | Refusal:
        """What a blocked card gets: the stored answer of a known key, else the refusal that comes first."""
        known = await self._inventory.look_up(group_id, wish.id)
        if known is not None:
            same = _wanted(known) == sorted(wish.items)
            return Decided(known, replayed=True) if same else Refusal(Code.IDEMPOTENCY_KEY_REUSED)
        await self._board.fresh(wish.event_id)
        if group_id in self._board.recovering():
            return Refusal(Code.RECOVERING)
        if self._board.backlogs().get(group_id, 0) >= self._backlog_max:
            return Refusal(Code.BACKLOG_FULL)
        return Refusal(Code.CARD_BLOCKED)

    def _first(self, event_id: str, items: Items, refusal: Refusal) -> Refusal:
        """The refusal that the contract lets answer first: an unknown quota goes before what Redis saw."""
        card = self._board.card(event_id)
        if refusal.code not in _AFTER_NOT_FOUND or card is None:
            return refusal
        known = {quota.number for quota in card.event.quotas}
        return refusal if all(number in known for number, _ in items) else Refusal(Code.NOT_FOUND)

    async def _confirmed_before(self, group_id: str, hold_id: str) -> Decided | Refusal:
        known = await self._inventory.look_up(group_id, hold_id)
        if known is not None and known.status is HoldStatus.CONFIRMED:
            return Decided(known, replayed=True)
        return Refusal(Code.CARD_BLOCKED)


def _numbered(event_id: str, wish: schemas.HoldWish) -> Items:
    """The wanted items with the numbers the inventory knows quotas by. Raises `Refusal`."""
    names = [item.quota_id for item in wish.items]
    if len(set(names)) < len(names):
        raise invalid(("items", "a quota may be named at most once"))
    if sum(item.quantity for item in wish.items) > TICKETS_PER_HOLD_MAX:
        raise invalid(("items", f"must be at most {TICKETS_PER_HOLD_MAX} tickets together"))
    numbers = [quota_number(event_id, name) for name in names]
    items = tuple((n, item.quantity) for n, item in zip(numbers, wish.items, strict=True) if n is not None)
    if len(items) < len(names):
        raise Refusal(Code.NOT_FOUND)
    return items


def _wanted(hold: Hold) -> list[tuple[int, int]]:
    return sorted((item.quota, item.quantity) for item in hold.items)


def _in_public(event_id: str, refusal: Refusal) -> Refusal:
    """The refusal with the quota's public id instead of its number."""
    if "quota" not in refusal.facts:
        return refusal
    facts = dict(refusal.facts)
    return Refusal(refusal.code, quota_id=quota_id(event_id, facts.pop("quota")), **facts)


def _headers(outcome: Decided) -> tuple[tuple[bytes, bytes], ...]:
    return (*JSON, REPLAYED) if outcome.replayed else JSON


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
    codes=_HOLD_CODES,
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
