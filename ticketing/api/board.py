"""What is on sale, in the memory of one process.

Once a second housekeeping reads from SQL what has changed of the published events (titles, texts, prices) and
from Redis the state of every group on sale, and of one that is over until a reading shows so and SQL has all of
it; a request that wants counts fresher than that makes one read, which all that wait share. So the rush never
touches SQL, and Redis is asked at most four times a second for each group. When SQL is away the board goes on
with what it has.
"""

import asyncio
import time
from collections.abc import Iterator
from hashlib import blake2b

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import DBAPIError

from ticketing.api import schemas, views
from ticketing.api.event_cards import Card, eligible
from ticketing.catalogue import tables
from ticketing.catalogue.stamps import Stamp, by_ids, stamps
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import StoreUnavailable
from ticketing.inventory.model import EventRules, EventState, GroupState, QuotaCounts
from ticketing.inventory.rush import Inventory, Mark
from ticketing.inventory.watermarks import Watermarks
from ticketing.members import repository as members
from ticketing.orders import repository as orders

FRESH_SECONDS = 0.25
"""The greatest age of counts that are called fresh."""

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Reading(Struct, frozen=True):
    """A group as Redis had it at `at` (seconds by the monotonic clock); `state` None: Redis does not know it."""

    at: float
    now_ms: int
    state: GroupState | None
    recovering: bool


class Poster(Struct, frozen=True):
    """One event, rendered from one reading: the objects, and their bytes for the wire.

    `held` is over all its quotas; `next_due` is when the earliest live hold of its group ends, in milliseconds.
    """

    event: schemas.Event
    summary: schemas.EventSummary
    event_json: bytes
    etag: str
    availability: schemas.Availability
    availability_json: bytes
    held: int
    next_due: int | None


class EventBoard:
    """The published events with their counts."""

    def __init__(
        self, sessions: Sessions, inventory: Inventory, watermarks: Watermarks, clock: ServerClock
    ) -> None:
        self._sessions = sessions
        self._inventory = inventory
        self._watermarks = watermarks
        self._clock = clock
        self._cards: dict[str, Card] = {}
        self._groups: dict[str, str] = {}
        self._readings: dict[str, Reading] = {}
        self._marks: dict[str, Mark | None] = {}
        self._reads: dict[str, asyncio.Task[Reading]] = {}
        self._posters: dict[str, tuple[Reading | None, Card, Poster]] = {}
        self._catalogue_read: asyncio.Task[None] | None = None
        self._recorded: dict[str, tuple[str, int]] = {}
        self.suspects: list[str] = []
        """Groups whose log had dropped entries that SQL, asked later, had not recorded."""
        self.sql_answers = False
        self.redis_answers = False

    # From memory, in any thread; counts at most about a second old while Redis answers

    def event(self, event_id: str) -> schemas.Event | None:
        """A published event."""
        poster = self.poster(event_id)
        return poster.event if poster else None

    def events(self) -> list[schemas.Event]:
        """Every published event, soonest sale first."""
        return [poster.event for poster in self._by_sale()]

    def summaries(self) -> list[schemas.EventSummary]:
        """The same without their quotas."""
        return [poster.summary for poster in self._by_sale()]

    def _by_sale(self) -> list[Poster]:
        posters = [self.poster(event_id) for event_id in list(self._cards)]
        known = [poster for poster in posters if poster is not None]
        return sorted(known, key=lambda poster: (poster.event.opens_at, poster.event.id))

    def availability(self, event_id: str) -> schemas.Availability | None:
        """The counts of a published event."""
        poster = self.poster(event_id)
        return poster.availability if poster else None

    def card(self, event_id: str) -> Card | None:
        """A published event as SQL has it."""
        return self._cards.get(event_id)

    def cards(self) -> list[Card]:
        """Every published event as SQL has it."""
        return list(self._cards.values())

    def currency_of(self, event_id: str) -> str:
        """The currency of an event; all its quotas share one."""
        card = self._cards.get(event_id)
        return card.currency if card else views.CURRENCY

    def groups(self) -> set[str]:
        """The groups of every published event."""
        return {card.event.group_id for card in self._cards.values()} - self.archived()

    def recovering(self) -> list[str]:
        """The groups that Redis forgot, or that it remembers as they were before."""
        archived = self.archived()
        readings = self._readings.items()
        return sorted(group for group, reading in readings if reading.recovering and group not in archived)

    def archived(self) -> set[str]:
        """The groups whose sales are over for so long that only SQL has them."""
        return {card.group_id for card in self._cards.values() if card.is_archived}

    def is_archived(self, event_id: str) -> bool:
        """Whether an event's sale is over for so long that only SQL has it."""
        card = self._cards.get(event_id)
        return card is not None and card.is_archived

    def backlogs(self) -> dict[str, int]:
        """Log entries that SQL has not recorded yet, by group."""
        archived = self.archived()
        readings = self._readings.items()
        return {group: r.state.backlog for group, r in readings if r.state and group not in archived}

    def state_of(self, event_id: str) -> EventState | None:
        """A published event's rules and counts as Redis last had them; None while it is recovering."""
        known = self._reading_of(event_id)
        if known is None or known.state is None or known.recovering:
            return None
        return known.state.events.get(event_id)

    def counts(self) -> Iterator[tuple[str, int, QuotaCounts]]:
        """Every quota that Redis knows, as (event id, number, counts)."""
        for event_id in list(self._cards):
            state = self.state_of(event_id)
            for number, counts in (state.counts if state else {}).items():
                yield event_id, number, counts

    def _reading_of(self, event_id: str) -> Reading | None:
        card = self._cards.get(event_id)
        return self._readings.get(card.group_id) if card else None

    # Fresh, in the event loop

    def fresh_poster(self, event_id: str) -> Poster | None:
        """A published event whose counts are fresh as they stand; None when somebody must look."""
        known = self._reading_of(event_id)
        if known is None or time.monotonic() - known.at >= FRESH_SECONDS:
            return None
        return self.poster(event_id)

    async def fresh(self, event_id: str) -> Poster | None:
        """A published event with counts at most 250 ms old.

        None when there is no such event. Raises `StoreUnavailable` when Redis does not answer.
        """
        group_id = await self.group_of(event_id)
        if event_id not in self._cards:
            if group_id is None:
                return None
            await self.read_catalogue()
        if group_id is not None:
            await self._fresh_reading(group_id)
        return self.poster(event_id)

    def known_group(self, event_id: str) -> str | None:
        """The group of an event that this process has met."""
        return self._groups.get(event_id)

    async def group_of(self, event_id: str) -> str | None:
        """The group of an event; one that was published a moment ago is found in Redis' directory."""
        group_id = self.known_group(event_id)
        if group_id is None:
            # A hot call runs without a task, and redis-py's time limits want one.
            group_id = await asyncio.create_task(self._inventory.group_of(event_id))
            if group_id is not None:
                self._groups[event_id] = group_id
        return group_id

    async def read_catalogue(self) -> None:
        """Read from SQL what has changed; callers at the same time share one read."""
        if self._catalogue_read is None or self._catalogue_read.done():
            self._catalogue_read = asyncio.create_task(self._refresh_catalogue())
        await asyncio.shield(self._catalogue_read)

    async def refresh(self) -> None:
        """Read everything once; housekeeping does it every second."""
        await self.read_catalogue()
        try:
            self._groups.update(await self._inventory.directory())
            self.redis_answers = True
            await self._read_groups(self._live_groups())
        except StoreUnavailable:
            self.redis_answers = False

    async def learn(self, group_id: str) -> None:
        """Read what staff have just changed, however fresh the last reading is."""
        await self._refresh_catalogue()
        await self._read_group(group_id)

    async def settle(self) -> None:
        """Wait for the reads under way."""
        reads = [*self._reads.values(), *([self._catalogue_read] if self._catalogue_read else [])]
        await asyncio.gather(*reads, return_exceptions=True)

    # How it is read

    async def _refresh_catalogue(self) -> None:
        dropped = {group: r.state for group, r in self._readings.items() if r.state is not None}
        try:
            cards = await asyncio.to_thread(self._read_cards)
        except DBAPIError as error:
            if self.sql_answers:
                _log.warning("sql_away", error=str(error.orig))
            self.sql_answers = False
            return
        self.sql_answers = True
        self.suspects = [group for group, state in dropped.items() if self._lacks(group, state)]
        self._cards = cards
        self._groups.update({event_id: card.event.group_id for event_id, card in cards.items()})

    def _read_cards(self) -> dict[str, Card]:
        with reading(self._sessions) as session:
            cursors = orders.cursors(session)
            for cursor in cursors:
                self._watermarks.expect(cursor.group_id, cursor.epoch, cursor.position)
            present = stamps(session)
            stale = {id_ for id_, stamp in present.items() if not self._has(id_, stamp)}
            events = by_ids(session, stale) if stale else ()
            wanted = {id_ for event in events for id_ in (event.organisation_id, *eligible(event))}
            names = members.organisation_names(session, wanted)
        self._recorded = {cursor.group_id: (cursor.epoch, cursor.position) for cursor in cursors}
        fresh = {e.id: Card.of(e, names, present[e.id]) for e in events}
        return {
            id_: fresh.get(id_) or self._cards[id_] for id_ in present if id_ in fresh or id_ in self._cards
        }

    def _lacks(self, group_id: str, state: GroupState) -> bool:
        epoch, position = self._recorded.get(group_id, ("", 0))
        return epoch == state.epoch and position < state.dropped_up_to and state.fenced_by is None

    def _has(self, event_id: str, stamp: Stamp) -> bool:
        card = self._cards.get(event_id)
        return card is not None and card.stamp == stamp

    def _live_groups(self) -> list[str]:
        """The groups of which another reading may still show something new."""
        live = {card.event.group_id for card in self._cards.values() if not self._is_settled(card)}
        return sorted(live - self.archived())

    def _is_settled(self, card: Card) -> bool:
        """Whether the last reading shows the event's end as staff wish it, nothing in hand, and all of it in SQL."""
        known = self._readings.get(card.event.group_id)
        if known is None or known.recovering or known.state is None:
            return False
        state = known.state.events.get(card.event.id)
        is_over = state is not None and _is_over(state.rules, card.event.version, known.now_ms)
        return is_over and known.state.next_due is None and known.state.backlog == 0

    async def _read_groups(self, group_ids: list[str]) -> None:
        """Read what has changed of these groups; of a thousand on sale most stand still most of the time."""
        asked = time.monotonic()
        marks = await self._inventory.marks(group_ids)
        answered = time.monotonic()
        for group_id, mark in zip(group_ids, marks, strict=True):
            known = self._readings.get(group_id)
            if known is not None and known.state is not None and self._marks.get(group_id) == mark:
                self._readings[group_id] = replace(
                    known, at=max(known.at, asked), now_ms=self._clock.now_ms()
                )
                continue
            reading_ = await self._fresh_reading(group_id)
            # A reading from before the mark lacks what the mark has, and a change in the very millisecond of the
            # mark would not show in the next one.
            settled = reading_.at >= answered and reading_.now_ms > mark.changed_at
            self._marks[group_id] = mark if settled else None

    async def _fresh_reading(self, group_id: str) -> Reading:
        reading_ = self._readings.get(group_id)
        if reading_ is not None and time.monotonic() - reading_.at < FRESH_SECONDS:
            return reading_
        task = self._reads.get(group_id)
        if task is None or task.done():
            task = self._reads[group_id] = asyncio.create_task(self._read_group(group_id))
        return await asyncio.shield(task)

    async def _read_group(self, group_id: str) -> Reading:
        at = time.monotonic()
        try:
            state = await self._inventory.state(group_id)
        except StoreUnavailable:
            self.redis_answers = False
            raise
        self.redis_answers = True
        if state is None and self._may_be_archived(group_id):
            await self.read_catalogue()
        now_ms = state.now if state else self._clock.now_ms()
        result = Reading(at, now_ms, state, self._is_recovering(group_id, state))
        self._readings[group_id] = result
        return result

    def _may_be_archived(self, group_id: str) -> bool:
        """Whether SQL is to be asked why Redis does not know a group: once, and of an ended sale alone."""
        before = self._readings.get(group_id)
        now = self._clock.now_ms()
        ends = [c.event.closes_at for c in self._cards.values() if c.event.group_id == group_id]
        return bool(ends) and max(ends) < now and not (before and before.recovering)

    def _is_recovering(self, group_id: str, state: GroupState | None) -> bool:
        if state is None:
            return self._watermarks.epoch(group_id) is not None
        return not state.as_expected

    # How it is rendered

    def poster(self, event_id: str) -> Poster | None:
        """A published event as it was last read, rendered."""
        card = self._cards.get(event_id)
        if card is None:
            return None
        reading_ = self._readings.get(card.group_id)
        kept = self._posters.get(event_id)
        if kept is not None and kept[0] is reading_ and kept[1] is card:
            return kept[2]
        poster = self._render(card, reading_)
        self._posters[event_id] = (reading_, card, poster)
        return poster

    def _render(self, card: Card, reading_: Reading | None) -> Poster:
        group = reading_.state if reading_ else None
        state = group.events.get(card.event.id) if group else None
        now_ms = reading_.now_ms if reading_ else self._clock.now_ms()
        over = card.event.group.archived_at is not None
        recovering = reading_ is not None and reading_.recovering and not over
        status = "recovering" if recovering else views.sale_status(card.event, state, now_ms)
        event = views.event_view(card.event, card.organisation_name, state, status)
        counts = views.availability(card.event, state, status, now_ms)
        event_json = _encode(event)
        etag = f'"{blake2b(event_json, digest_size=12).hexdigest()}"'
        return Poster(
            event=event,
            summary=views.without_quotas(event),
            event_json=event_json,
            etag=etag,
            availability=counts,
            availability_json=_encode(counts),
            held=sum(quota.held for quota in counts.quotas.values()),
            next_due=group.next_due if group else None,
        )


def _is_over(rules: EventRules, version: int, now_ms: int) -> bool:
    """Whether the sale is over by these rules: ended for good, or at the end of a window no later version moves."""
    if rules.state in (tables.CLOSED, tables.CANCELLED):
        return True
    return now_ms >= rules.closes_at and rules.version >= version
