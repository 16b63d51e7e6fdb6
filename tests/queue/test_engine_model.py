"""Goal: whatever members, staff and crashes do to one event, in whatever order, I1 to I5 hold after each step.

Method: a stateful Hypothesis model drives the real scripts in the real Valkey, at times of its own
choosing, and the real drain into SQL; a plain-Python reference says what each step must answer. The
negative controls take one guard out and must be caught by the same model.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from tests.support.reference import Reference
from tests.support.reference_books import Call
from ticketing import identifiers
from ticketing.bootstrap import Services
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.tables import PUBLISHED, AllowanceGroup, Event, Quota
from ticketing.errors import Refusal
from ticketing.inventory import protocol
from ticketing.inventory.codes import Outcome
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.model import Decided, HoldRequest
from ticketing.inventory.protocol import Bounds
from ticketing.members.tables import Member, Organisation
from ticketing.orders import repository as orders
from ticketing.orders.model import PickupRecord
from ticketing.orders.tables import COLLECTED, ISSUED, VOID, Cursor, Order, Return, SetAside, Ticket
from ticketing.queue.drain import Drain
from ticketing.services.keeper import SaleKeeper, rules_of

MEMBERS, QUOTAS = (1, 2, 3), (1, 2)
HOLD_MS = 60_000
EVENTS = count(1)
a_member = st.sampled_from(MEMBERS)
a_key = st.sampled_from(["a", "b", "c"])
some_items = st.dictionaries(st.sampled_from(QUOTAS), st.integers(1, 2), min_size=1)


class Crash(Exception):
    """The process dies here."""


@dataclass
class World:
    """The servers of one test, and the members that every example shares."""

    services: Services

    def __post_init__(self) -> None:
        with self.services.sessions.begin() as session:
            session.add(Organisation(id="city", parent_id=None, name="City", kind="city", path="city"))
            session.flush()
            for member in MEMBERS:
                session.add(Member(id=member, organisation_id="city", name=f"Member {member}", created_at=0))


class Engine(RuleBasedStateMachine):
    """One event of two quotas, three members, a clock that the model moves."""

    world: World
    holds = Bundle("holds")

    @initialize(
        capacities=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        quota_limit=st.sampled_from([None, 2, 3]),
        event_limit=st.sampled_from([None, 2, 4]),
    )
    def open(self, capacities: tuple[int, int], quota_limit: int | None, event_limit: int | None) -> None:
        services = self.world.services
        self.event = f"event{next(EVENTS)}"
        self.now = services.keeper.now_ms()
        self.keeper = self._keeper()
        self.limits = quota_limit, event_limit
        self.reference = Reference()
        self.recorded: set[str] = set()
        self.collected: set[str] = set()
        self.acts = count(1)
        self._publish(dict(zip(QUOTAS, capacities, strict=True)))

    # What members do

    @rule(target=holds, member=a_member, key=a_key, items=some_items)
    def hold(self, member: int, key: str, items: dict[int, int]) -> object:
        hold_id = self.world.services.keyring.hold_id(self.event, member, "web", key)
        wish = HoldRequest(hold_id, self.event, member, "city", tuple(items.items()))
        expected = self.reference.hold(self._call(), [wish]).results[0]
        self._agree(expected, self.keeper.hold(self.event, wish))
        return hold_id if expected[0] >= 0 else multiple()

    @rule(target=holds, member=a_member, key=a_key, quota=st.sampled_from(QUOTAS))
    def buy(self, member: int, key: str, quota: int) -> object:
        """The short way, so that schedules get far."""
        hold_id = self.hold(member, key, {quota: 1})
        if isinstance(hold_id, str):
            self.confirm(hold_id)
        return hold_id

    @rule(hold_id=holds)
    def confirm(self, hold_id: str) -> None:
        member = self.reference.holds[hold_id].member
        number = self.world.services.keyring.order_number(hold_id)
        expected = self.reference.confirm(self._call(), [(hold_id, member, "free", number)]).results[0]
        self._agree(expected, self.keeper.confirm(self.event, hold_id, member, "free", number))

    @rule(hold_id=holds)
    def release(self, hold_id: str) -> None:
        member = self.reference.holds[hold_id].member
        expected = self.reference.release(self._call(), [(hold_id, member)]).results[0]
        refused = self.keeper.release(self.event, hold_id, member)
        assert (refused and refused.code) == (protocol.refusal(expected).code if expected[0] < 0 else None)

    @rule(ms=st.sampled_from([1, HOLD_MS // 2, HOLD_MS]))
    def wait_and_sweep(self, ms: int) -> None:
        self.now += ms
        self.keeper = self._keeper()
        expected = self.reference.expire(self._call(), 256).results
        assert self.keeper.expire(self.event, self._epoch()) == expected[1]

    # What staff and clerks do

    @rule(quota=st.sampled_from(QUOTAS), spare=st.integers(-2, 3), force=st.booleans())
    def resize(self, quota: int, spare: int, force: bool) -> None:
        before = self.reference.counts(self.event, quota)
        act, capacity = f"act{next(self.acts)}", max(0, before.held + before.sold + spare)
        for _ in range(2):  # every act is sent twice, as after a lost answer
            facts = (act, self.event, quota, capacity, 0, force)
            expected = self.reference.resize(self._call(), *facts).results
            answer = self.keeper.resize(self.event, self._epoch(), *facts)
            assert isinstance(answer, Refusal) == (expected[0] < 0)
            if not isinstance(answer, Refusal):
                assert answer == protocol.counts_from(expected[1])

    @rule(hold_id=holds, place=st.integers(1, 3))
    def hand_over(self, hold_id: str, place: int) -> None:
        code = f"{self.world.services.keyring.order_number(hold_id)}-{place}"
        pickup = PickupRecord("pickup", hold_id, (code,), {}, 1, "desk", None, None, self.now)
        with self.world.services.sessions.begin() as session:
            ticket = session.get(Ticket, code)
            may = ticket is not None and ticket.status == ISSUED
            won = orders.collect_tickets(session, pickup)
        assert won == may
        assert not (won and code in self.collected)
        if won:
            self.collected.add(code)

    @rule(hold_id=holds, place=st.integers(1, 3))
    def cancel(self, hold_id: str, place: int) -> None:
        code = f"{self.world.services.keyring.order_number(hold_id)}-{place}"
        with self.world.services.sessions.begin() as session:
            order = orders.get(session, hold_id, lock=True)
            issued = {ticket.code for ticket in order.tickets if ticket.status == ISSUED} if order else set()
            if order is None or code not in issued:
                return
            orders.void_tickets(session, order, [code], "cancelled", self.now)
        self._restock()

    # What processes do

    @rule()
    def drain(self) -> None:
        self._drain().run(self.event)
        self.recorded = set(self.reference.orders())

    @rule(committed=st.booleans())
    def drain_dies(self, committed: bool) -> None:
        """Before its commit, or after it and before the trim (the first trim only proves the epoch)."""
        trims = count()

        def trim(*arguments: object) -> None:
            if next(trims) > 0:
                raise Crash

        dying = patch.object(Keeper, "trim", side_effect=trim)
        if not committed:
            dying = patch.object(orders, "record_orders", side_effect=Crash)
        with dying, suppress(Crash):
            self._drain().run(self.event)

    # What always holds

    @invariant()
    def i1_counts(self) -> None:
        state = self.keeper.state(self.event)
        assert state is not None
        for quota, counts in state.events[self.event].counts.items():
            assert counts == self.reference.counts(self.event, quota)
            assert min(counts.held, counts.sold) >= 0

    @invariant()
    def i2_orders(self) -> None:
        with self.world.services.sessions() as session:
            rows = session.execute(select(Order.id, Order.position).where(Order.event_id == self.event)).all()
            tickets = session.execute(
                select(Ticket.order_id, Ticket.place, Ticket.quota_id, Ticket.status)
                .join(Order, Order.id == Ticket.order_id)
                .where(Order.event_id == self.event)
                .order_by(Ticket.order_id, Ticket.place)
            ).all()
            assert not session.scalars(select(SetAside.position).where(SetAside.group_id == self.event)).all()
        in_sql = {row.id for row in rows}
        waiting = {entry.hold.id for entry in self.keeper.read_log(self.event, 0, 1_000) if entry.hold}
        assert len({row.position for row in rows}) == len(rows)
        assert self.recorded <= in_sql
        assert in_sql | waiting == set(self.reference.orders())
        for order_id in in_sql:
            mine = [ticket for ticket in tickets if ticket.order_id == order_id]
            hold = self.reference.holds[order_id]
            seats = [item.quota for item in hold.items for _ in range(item.quantity)]
            assert [ticket.quota_id for ticket in mine] == [
                identifiers.quota_id(self.event, quota) for quota in seats
            ]
            void = [ticket.place for ticket in mine if ticket.status == VOID]
            assert sum(1 << (place - 1) for place in void) == hold.returned_places

    @invariant()
    def i3_limits(self) -> None:
        used = {
            (member, use.quota): use.held + use.bought
            for member, uses in self.keeper.all_uses(self.event)
            for use in uses
        }
        quota_limit, event_limit = self.limits
        for member in MEMBERS:
            mine = {quota: used.get((member, quota), 0) for quota in QUOTAS}
            assert all(n <= (quota_limit or 99) for n in mine.values())
            assert sum(mine.values()) <= (event_limit or 99)

    @invariant()
    def i5_handed_over_once(self) -> None:
        with self.world.services.sessions() as session:
            query = select(Ticket.code).join(Order, Order.id == Ticket.order_id)
            mine = query.where(Order.event_id == self.event, Ticket.status == COLLECTED)
            assert set(session.scalars(mine)) == self.collected

    # How

    def _agree(self, expected: list[Any], answer: Decided | Refusal) -> None:
        if isinstance(answer, Refusal):
            assert expected[0] < 0, answer.code
            refusal = protocol.refusal(expected)
            assert (answer.code, answer.facts) == (refusal.code, refusal.facts)
        else:
            assert [Outcome.EXISTS if answer.replayed else Outcome.OK, answer.hold] == expected

    def _keeper(self) -> Keeper:
        services = self.world.services
        return Keeper(services.redis, services.clock, self._bounds(), services.watermarks)

    def _bounds(self) -> Bounds:
        patient = {"abandoned_max": 10_000, "live_holds_max": 100}
        return replace(self.world.services.keeper._bounds, now_ms=self.now, **patient)

    def _call(self) -> Call:
        return Call(self._epoch(), 0, self._bounds())

    def _drain(self) -> Drain:
        services = self.world.services
        return Drain(services.sessions, self.keeper, services.clock, services.watermarks, batch_max=3)

    def _epoch(self) -> str:
        epoch = self.world.services.watermarks.epoch(self.event)
        assert epoch is not None
        return epoch

    def _restock(self) -> None:
        with self.world.services.sessions.begin() as session:
            mine = Return.order_id.in_(self.reference.holds)
            pending = session.scalars(select(Return).where(mine, Return.restocked_at.is_(None))).all()
            returns = [(row.order_id, row.places, row.goes_to) for row in pending]
            for _ in range(2):  # sent twice, as after a lost answer
                results = self.reference.restock(self._call(), returns).results
                given = self.keeper.restock(self.event, self._epoch(), returns)
                assert given == sum(count for _, count in results)
            for row in pending:
                row.restocked_at = self.now

    def _publish(self, capacities: dict[int, int]) -> None:
        services, event = self.world.services, self.event
        quota_limit, event_limit = self.limits
        with services.sessions.begin() as session:
            session.add(AllowanceGroup(id=event, organisation_id="city", name=event, per_card_limit=None))
            session.flush()
            session.add(
                Event(
                    id=event,
                    group_id=event,
                    organisation_id="city",
                    title=event,
                    starts_at=self.now,
                    state=PUBLISHED,
                    opens_at=self.now - 1,
                    closes_at=self.now + 10**9,
                    per_card_limit=event_limit,
                    hold_seconds=HOLD_MS // 1000,
                    payment_methods=["free"],
                    created_at=self.now,
                )
            )
            session.flush()
            for number, capacity in capacities.items():
                session.add(
                    Quota(
                        id=identifiers.quota_id(event, number),
                        event_id=event,
                        number=number,
                        name=str(number),
                        capacity=capacity,
                        per_card_limit=quota_limit,
                    )
                )
        SaleKeeper(services.sessions, self.keeper, services.clock).apply(event)
        with services.sessions() as session:
            cursor = session.get(Cursor, event)
            assert cursor is not None
            services.watermarks.expect(event, cursor.epoch)
            published = catalogue.get(session, event)
            assert published is not None
        self.reference.open(self._call(), 0, 0)
        self.reference.configure(self._call(), rules_of(published))


def run(world: World, *, control: bool = False) -> None:
    """Drive random schedules; a failing one shrinks to a short one. A control takes the same ones each time."""
    Engine.world = world
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=600 if control else 60,
            derandomize=control,
            phases=(Phase.generate,) if control else (Phase.generate, Phase.shrink),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.fixture
def world(services: Services) -> World:
    return World(services)


def test_the_engine_agrees_with_its_reference(world: World) -> None:
    run(world)


GUARDS = {
    "stock": ("hold", "if free < items[i + 1] then", "if false then"),
    "limit": ("hold", "if limit > 0 and used + wanted > limit then", "if false then"),
    "id": ("hold", "if known then", "if false then"),
    "once": ("release", "if hold[STATE] == CONFIRMED then", "if false then"),
    "confirm once": ("confirm", "if hold[STATE] == CONFIRMED then", "if false then"),
    "returned bits": ("restock", "bit.band(places, bit.bnot(hold[RETURNED]))", "places"),
    "in use": ("resize", "if capacity and capacity < in_use and not force then", "if false then"),
}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_control_the_model_notices_a_missing_guard(
    world: World, without: Callable[[str, str, str], None], guard: str
) -> None:
    without(*GUARDS[guard])
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run(world, control=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_control_the_model_notices_a_cursor_of_its_own_transaction(world: World) -> None:
    """The cursor is committed before the rows: a crash in between loses the orders."""
    move = orders.move_cursor

    def move_and_commit(session: object, *arguments: object) -> bool:
        with world.services.sessions.begin() as other:
            return bool(move(other, *arguments))  # type: ignore[arg-type]

    with (
        patch.object(orders, "move_cursor", side_effect=move_and_commit),
        pytest.raises((AssertionError, BaseExceptionGroup)),
    ):
        run(world, control=True)
