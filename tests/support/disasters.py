"""What can befall a sale's books: Redis or SQL goes back, and a rebuild dies at a crossing of its choosing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from redis import Redis
from redis.client import Pipeline
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from tests.support.shop import Shop
from ticketing.catalogue.tables import Quota
from ticketing.database import reading
from ticketing.inventory.keys import group_keys
from ticketing.inventory.model import Decided, Hold, HoldStatus, QuotaCounts
from ticketing.members.tables import Notice
from ticketing.orders.tables import Cursor, Order, Return, Ticket
from ticketing.services.audit import audit
from ticketing.services.rebuild import GroupRebuilt, RebuildService
from ticketing.staff.tables import AuditEntry

BUYER, CANCELLER, LATE_BUYER, HOLDER, WAVERER = 1, 2, 3, 4, 5


class Died(Exception):
    """The process is gone."""


class Story:
    """An event in which everything has happened once; its group has the event's id."""

    def __init__(self, shop: Shop, *, drained: bool = True) -> None:
        self.shop = shop
        self.event = shop.sale(10, 10, per_card_limit=4)
        self.bought = [
            shop.buy(self.event, BUYER, (1, 2), (2, 1)),
            shop.buy(self.event, CANCELLER, (2, 2)),
        ]
        shop.drain().run(self.event)
        number = shop.keyring.order_number(self.bought[1])
        shop.orders.cancel(CANCELLER, self.bought[1], [f"{number}-1"])
        shop.sale_keeper.resize(self.event, 1, 12, 3, act_id=f"act-{self.event}")
        self.bought.append(shop.buy(self.event, LATE_BUYER, (1, 1)))
        held = shop.hold(self.event, HOLDER, (1, 1))
        wavered = shop.hold(self.event, WAVERER, (1, 1))
        assert isinstance(held, Decided)
        assert isinstance(wavered, Decided)
        shop.keeper.release(self.event, wavered.hold.id, WAVERER)
        self.held, self.wavered = held.hold, wavered.hold
        if drained:
            shop.drain().run(self.event)

    @property
    def expected(self) -> dict[int, QuotaCounts]:
        """The counts after a rebuild: what is sold, and no hold."""
        return {1: QuotaCounts(12, 3, 0, 3), 2: QuotaCounts(10, 0, 0, 2)}

    def replays(self) -> list[Any]:
        """What the members of the orders get when they repeat hold and confirm."""
        shop, number = self.shop, self.shop.keyring.order_number
        wishes: list[tuple[int, list[tuple[int, int]]]] = [
            (BUYER, [(1, 2), (2, 1)]),
            (CANCELLER, [(2, 2)]),
            (LATE_BUYER, [(1, 1)]),
        ]
        answers: list[Any] = []
        for (member, items), order in zip(wishes, self.bought, strict=True):
            answers.append(shop.hold(self.event, member, *items))
            answers.append(shop.keeper.confirm(self.event, order, member, "free", number(order)))
        return answers

    def books(self) -> Any:
        """Everything that must be the same however often and wherever a rebuild was interrupted."""
        with reading(self.shop.sessions) as session:
            orders = session.execute(
                select(Order.id, Order.position, Order.status, Order.amount, Order.hold_expires_at)
                .where(Order.event_id == self.event)
                .order_by(Order.id)
            ).all()
            tickets = session.execute(
                select(Ticket.code, Ticket.status)
                .join(Order, Order.id == Ticket.order_id)
                .where(Order.event_id == self.event)
                .order_by(Ticket.code)
            ).all()
            quotas = session.execute(
                select(Quota.capacity, Quota.withheld).where(Quota.event_id == self.event).order_by(Quota.id)
            ).all()
            notices = session.execute(
                select(Notice.member_id, Notice.kind).where(Notice.event_id == self.event)
            ).all()
        holds: dict[str, Hold] = {hold.id: hold for hold in self.shop.keeper.all_holds(self.event)}
        uses = dict(self.shop.keeper.all_uses(self.event))
        state = self.shop.in_redis(self.event)
        return orders, tickets, quotas, notices, holds, uses, state and state.counts


# Disasters


def wipe(story: Story) -> None:
    """Redis forgets the group."""
    _forget(story.shop.redis, story.event)


@contextmanager
def goes_back(redis: Any, group: str) -> Iterator[None]:
    """What happens to the group inside is unknown to Redis afterwards."""
    copy = {key: redis.dump(key) for key in redis.scan_iter(f"ticketing:{{{group}}}:*")}
    yield
    _forget(redis, group)
    for key, value in copy.items():
        redis.restore(key, 0, value)


def redis_goes_back(story: Story) -> AbstractContextManager[None]:
    """The same for the story's group."""
    return goes_back(story.shop.redis, story.event)


def _forget(redis: Redis, group: str) -> None:
    for key in redis.scan_iter(f"ticketing:{{{group}}}:*"):
        redis.delete(key)


def sql_goes_back(story: Story) -> None:
    """SQL is as it was right after publishing; Redis has everything, but the log has been trimmed."""
    mine = select(Order.id).where(Order.event_id == story.event)
    with story.shop.sessions.begin() as session:
        session.execute(delete(Ticket).where(Ticket.order_id.in_(mine)))
        session.execute(delete(Return).where(Return.order_id.in_(mine)))
        session.execute(delete(Order).where(Order.event_id == story.event))
        session.execute(update(Quota).where(Quota.event_id == story.event).values(capacity=10, withheld=0))
        session.execute(update(Cursor).where(Cursor.group_id == story.event).values(position=0))


def sql_forgets_a_cancel(story: Story) -> None:
    """SQL is as it was before the second order's ticket was cancelled."""
    with story.shop.sessions.begin() as session:
        session.execute(delete(Return).where(Return.order_id == story.bought[1]))
        session.execute(update(Ticket).where(Ticket.order_id == story.bought[1]).values(status="issued"))
        session.execute(update(Cursor).where(Cursor.group_id == story.event).values(position=3))


# Rebuilding


def rebuilds(shop: Shop) -> RebuildService:
    """The service as a process has it; the shop's keeper learns of the new epoch."""
    return RebuildService(shop.sessions, shop.keeper, shop.keyring, shop.clock, shop.keeper._watermarks)


def rebuild(story: Story) -> GroupRebuilt:
    """Rebuild the story's group."""
    return rebuilds(story.shop).rebuild(story.event)


def violations(shop: Shop) -> list[str]:
    """What the audit names."""
    return [violation.text for violation in audit(shop.sessions, shop.keeper).violations]


def is_confirmed(hold: Hold) -> bool:
    """Whether a hold is an order."""
    return hold.status is HoldStatus.CONFIRMED


class Crossings:
    """Counts every command to Redis and every commit of SQL, before and after it, and dies at one of them."""

    def __init__(self, shop: Shop, dies_at: int | None = None) -> None:
        self._shop = shop
        self._dies_at = dies_at
        self.passed = 0

    def __enter__(self) -> "Crossings":
        crossings = self
        self._patches = [
            patch.object(owner, verb, _mortal(getattr(owner, verb), crossings))
            for owner, verb in ((Redis, "execute_command"), (Pipeline, "execute"))
        ]
        for one in self._patches:
            one.start()
        event.listen(self._shop.sessions, "before_commit", self._pass)
        event.listen(self._shop.sessions, "after_commit", self._pass)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._patches:
            one.stop()
        event.remove(self._shop.sessions, "before_commit", self._pass)
        event.remove(self._shop.sessions, "after_commit", self._pass)

    def _pass(self, _session: Session | None = None) -> None:
        if self.passed == self._dies_at:
            raise Died
        self.passed += 1


def _mortal(act: Callable[..., Any], crossings: Crossings) -> Callable[..., Any]:
    def crossing(*arguments: Any, **options: Any) -> Any:
        crossings._pass()
        result = act(*arguments, **options)
        crossings._pass()
        return result

    return crossing


def log_key(story: Story) -> str:
    """Where the group's log is."""
    return group_keys(story.event)[6]


def acts_of(shop: Shop, action: str) -> int:
    """How often this act is in the audit trail."""
    with reading(shop.sessions) as session:
        return len(session.scalars(select(AuditEntry.id).where(AuditEntry.action == action)).all())
