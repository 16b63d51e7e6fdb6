"""`ticketing rebuild`: makes a group's counts, ledgers and order records in Redis anew from SQL and what survives.

1. The group is fenced while its cursor is locked: from now on nothing is decided, in any process.
2. What only Redis still knows goes into SQL: orders, cancels, capacities.
3. The group is written beside the old one, from SQL.
4. SQL gets the new epoch, the members of void holds are told, and then Redis puts the new group in place.

It may stop after any step: the group goes on refusing, nothing is lost, and the same command does it all
again. Of two at once the later one wins, since a fence carries the token of who set it.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, structs
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import log as catalogue_log
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue import waves
from ticketing.catalogue.tables import AllowanceGroup, Event
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading, snapshot
from ticketing.errors import Code, Refusal
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Hold, HoldStatus, Item, QuotaCounts
from ticketing.inventory.restore import Remains, Restore
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring
from ticketing.orders import books
from ticketing.orders import repository as orders
from ticketing.orders.books import Sold
from ticketing.orders.model import CursorRecord
from ticketing.services import trail
from ticketing.services.keeper import rules_of
from ticketing.services.survivors import Survivors

Progress = Callable[[int, int], None]
"""Told (orders written, orders in all)."""

_EPOCH_BYTES = 8
_TELL_EVERY = 1_000
_OVERTAKEN = "is being rebuilt by somebody else since; see whether that ends, or run this again"
_ORPHANED = "has orders in Redis, and SQL has it as a draft or not at all: publish it, then run this again"
_NEVER_OPENED = "was never on sale, or is archived: there is nothing to rebuild"


class GroupRebuilt(Struct, frozen=True):
    """What was made of one group. `problems` name, one by one, what a person has to look at."""

    group: str
    events: tuple[str, ...]
    orders: int
    tickets: int
    brought_back: int
    voided_holds: int
    seconds: float
    problems: tuple[str, ...]


class RebuildService:
    """Rebuilds groups, one at a time."""

    def __init__(
        self,
        sessions: Sessions,
        keeper: Keeper,
        keyring: Keyring,
        clock: ServerClock,
        watermarks: Watermarks,
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._keyring = keyring
        self._clock = clock
        self._watermarks = watermarks

    def group_of(self, event_id: str) -> str:
        """The group an event belongs to; a group's own id names it too. Raises `Refusal` NOT_FOUND."""
        with reading(self._sessions) as session:
            known = catalogue.get_group(session, event_id)
            group_id = known.id if known else catalogue_log.group_of(session, event_id)
        if group_id is None:
            raise _refused(Code.NOT_FOUND, event_id, "is no event of this instance")
        return group_id

    def rebuild(self, group_id: str, progress: Progress | None = None) -> GroupRebuilt:
        """Make a group anew and let it sell again; every live hold is void.

        Raises `Refusal` (`not_found`, or `recovering` when another rebuild has begun since),
        `StoreUnavailable`, or SQLAlchemy's error: then the group refuses until it is rebuilt again.
        """
        self._keeper.now_ms()  # by Redis' clock, also what is written into SQL
        restore = self._keeper.restore(group_id, secrets.token_hex(_EPOCH_BYTES))
        work = _Rebuild(self._sessions, self._keeper, restore, self._keyring, self._clock, progress)
        rebuilt, position = work.run()
        self._watermarks.expect(group_id, restore.token, position)
        return rebuilt


class _Rebuild:
    def __init__(
        self,
        sessions: Sessions,
        keeper: Keeper,
        restore: Restore,
        keyring: Keyring,
        clock: ServerClock,
        progress: Progress | None,
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._restore = restore
        self._keyring = keyring
        self._clock = clock
        self._progress = progress
        self._group_id = restore.group_id

    def run(self) -> tuple[GroupRebuilt, int]:
        """What was made, and the position its log goes on from."""
        began = time.monotonic()
        at, remains, events = self._fence()
        event_ids = [event.id for event in events]
        survivors = Survivors(self._sessions, self._keyring, self._clock, at)
        survivors.read(self._restore, event_ids)
        if survivors.orphans:
            raise _refused(Code.NOT_FOUND, ", ".join(sorted(survivors.orphans)), _ORPHANED)
        survivors.bring_back()
        ahead = remains.position > at.position
        capacities = _capacities(events, remains.stock if ahead else {})
        written = _Written(survivors, self._progress)
        self._write(written, events, capacities)
        position = self._open(events, remains, capacities, survivors)
        rebuilt = GroupRebuilt(
            group=self._group_id,
            events=tuple(event_ids),
            orders=written.orders,
            tickets=written.tickets,
            brought_back=survivors.brought_back,
            voided_holds=len(survivors.void),
            seconds=round(time.monotonic() - began, 3),
            problems=tuple(survivors.problems),
        )
        return rebuilt, position

    def _fence(self) -> tuple[CursorRecord, Remains, Sequence[Event]]:
        with self._sessions.begin() as session:
            group = catalogue.lock_group(session, self._group_id)
            if group is not None and group.opened_at is None and self._restore.is_known():
                self._adopt(session, group)
            at = orders.cursor(session, self._group_id, lock=True)
            if at is None or group is None or group.archived_at is not None:
                raise _refused(Code.NOT_FOUND, self._group_id, _NEVER_OPENED)
            remains = self._restore.fence()
            return at, remains, catalogue.of_group(session, self._group_id)

    def _adopt(self, session: Session, group: AllowanceGroup) -> None:
        """SQL went back to before the group was opened; Redis knows better."""
        group.epoch = group.epoch or self._restore.token
        group.opened_at = self._clock.now_ms()
        session.flush()
        orders.open_cursor(session, group.id, group.epoch)

    def _write(
        self, written: "_Written", events: Sequence[Event], capacities: dict[tuple[str, int], QuotaCounts]
    ) -> None:
        event_ids = [event.id for event in events]
        with snapshot(self._sessions) as session:
            written.total = books.count_orders(session, event_ids)
            written.to_share = books.on_their_way_to_the_desk(session, event_ids)
            self._restore.add(written.recorded(books.all_sold(session, event_ids)))
        self._restore.add(written.unrecorded())
        self._restore.add(written.survivors.ended.values())
        self._restore.complete([rules_of(event) for event in events], capacities)

    def _open(
        self,
        events: Sequence[Event],
        remains: Remains,
        capacities: dict[tuple[str, int], QuotaCounts],
        survivors: Survivors,
    ) -> int:
        with self._sessions.begin() as session:
            group = catalogue.lock_group(session, self._group_id)
            at = orders.cursor(session, self._group_id, lock=True)
            assert at is not None, "cursors are never deleted"
            assert group is not None, "groups that were opened are never deleted"
            if not self._restore.is_mine():
                raise _refused(Code.RECOVERING, self._group_id, _OVERTAKEN)
            highest = books.highest_position(session, [event.id for event in events])
            position = max(at.position, remains.position, highest)
            books.renew_cursor(session, self._group_id, self._restore.token, position)
            group.epoch = self._restore.token
            _follow(session, capacities)
            if remains.position > at.position:
                self._follow_waves(session)
            catalogue.void_again(session, self._group_id)
            for event in events:
                catalogue.mark_applied(session, event.id, event.version)
            self._note(session, position, survivors)
        # A Redis that is behind does not know what has become of these since.
        void = survivors.void_at_desk() if remains.position == position else []
        if not self._restore.open(position, group.per_card_limit, void):
            raise _refused(Code.RECOVERING, self._group_id, _OVERTAKEN)
        return position

    def _follow_waves(self, session: Session) -> None:
        """The capacities that were just taken from Redis have the waves that it has added."""
        acts = {waves.act_of(wave.id): wave.id for wave in waves.unreleased(session, self._group_id)}
        done = self._keeper.acts(self._group_id, list(acts))
        waves.mark_released(session, [acts[act] for act in done], self._clock.now_ms())

    def _note(self, session: Session, position: int, survivors: Survivors) -> None:
        survivors.tell_members(session)
        detail = {
            "epoch": self._restore.token,
            "position": position,
            "brought_back": survivors.brought_back,
            "voided_holds": len(survivors.void),
            "problems": len(survivors.problems),
        }
        trail.record(
            session, self._clock.now_ms(), "system", "group.rebuild", f"group:{self._group_id}", detail
        )


class _Written:
    """Turns SQL's orders into holds, tells how far it is, and counts."""

    def __init__(self, survivors: Survivors, progress: Progress | None) -> None:
        self.survivors = survivors
        self.to_share: dict[str, int] = {}
        """Tickets on their way into the desk's share, as places by order."""
        self.total = 0
        self.orders = 0
        self.tickets = 0
        self._progress = progress
        self._seen: set[str] = set()

    def recorded(self, records: Iterator[Sold]) -> Iterator[Hold]:
        """SQL's orders as the holds they were; a survivor that tells it differently is named."""
        for order in records:
            hold = hold_from_order(order)
            survivor = self.survivors.confirmed.get(order.id)
            if survivor is not None and not _same(hold, survivor):
                self.survivors.problems.append(
                    f"{order.id}: SQL and Redis tell it differently; SQL's word stands"
                )
            self.survivors.forget(order.id)
            self._count(order)
            yield self._with_its_returns(hold, survivor)
        self._tell()

    def _with_its_returns(self, hold: Hold, survivor: Hold | None) -> Hold:
        """What Redis does not have yet of a share comes with its restock, which knows where it goes."""
        waits = self.to_share.get(hold.id, 0)
        if not waits:
            return hold
        there = survivor.returned_places if survivor is not None else 0
        return structs.replace(hold, returned_places=hold.returned_places & ~(waits & ~there))

    def unrecorded(self) -> Iterator[Hold]:
        """Confirmed holds that SQL does not take; their seats stay sold."""
        confirmed = self.survivors.confirmed
        return (hold for id_, hold in confirmed.items() if id_ not in self._seen)

    def _count(self, order: Sold) -> None:
        self._seen.add(order.id)
        self.orders += 1
        self.tickets += order.tickets - order.void_places.bit_count()
        if self.orders % _TELL_EVERY == 0:
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.orders, self.total)


def hold_from_order(order: Sold) -> Hold:
    """The confirmed hold that an order was, so that both of its answers replay verbatim."""
    items = [
        Item(identifiers.quota_number(order.event_id, quota) or 0, quantity, price)
        for quota, quantity, price in order.items
    ]
    return Hold(
        id=order.id,
        event_id=order.event_id,
        member=order.member_id,
        status=HoldStatus.CONFIRMED,
        created_at=order.created_at,
        expires_at=order.hold_expires_at,
        items=tuple(items),
        channel=order.channel,
        confirmed_at=order.confirmed_at,
        payment_method=order.payment_method,
        number=order.number,
        position=order.position,
        returned_places=order.void_places,
    )


def _same(hold: Hold, survivor: Hold) -> bool:
    return structs.replace(survivor, returned_places=hold.returned_places) == hold


def _capacities(
    events: Sequence[Event], newer: dict[tuple[str, int], QuotaCounts]
) -> dict[tuple[str, int], QuotaCounts]:
    """Capacity and withheld of every quota: as Redis has decided them, when it is ahead of SQL, else SQL's."""
    in_sql = {
        (event.id, quota.number): QuotaCounts(quota.capacity, quota.withheld, 0, 0)
        for event in events
        for quota in event.quotas
    }
    return in_sql | {key: counts for key, counts in newer.items() if key in in_sql}


def _follow(session: Session, capacities: dict[tuple[str, int], QuotaCounts]) -> None:
    for (event_id, number), counts in capacities.items():
        quota_id = identifiers.quota_id(event_id, number)
        catalogue_log.follow_capacity(session, quota_id, counts.capacity, counts.withheld)


def _refused(code: Code, subject: str, reason: str) -> Refusal:
    return Refusal(code, errors=[{"field": subject, "reason": reason}])
