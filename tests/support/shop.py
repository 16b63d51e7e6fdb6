"""An office with members, cards and clerks: what orders, the desk and the queue are tested with."""

from typing import Any

from sqlalchemy import func, select

from tests.support.office import Office, claims
from ticketing.catalogue.model import QuotaDraft
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal
from ticketing.inventory.model import Decided, QuotaCounts
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring
from ticketing.members.bulk import NewMember, insert_members
from ticketing.orders.tables import Order, Ticket
from ticketing.queue.drain import Drain
from ticketing.services.cancelling import EventCanceller
from ticketing.services.desk import DeskService
from ticketing.services.desk_share import ShareRule
from ticketing.services.orders import OrderService
from ticketing.services.returns import ReturnService
from ticketing.services.seals import Seal
from ticketing.services.till import TillService
from ticketing.services.tokens import Claims
from ticketing.services.uncollected import UncollectedReturns
from ticketing.services.unfinished import UnfinishedSales
from ticketing.staff import repository as staff

MEMBERS = 60


def card_number(member: int) -> str:
    """The card number of a member of the shop."""
    return f"62000000{member:08}"


class Shop(Office):
    """An office whose members can buy and collect. Members are numbered from 1."""

    def __init__(self, sessions: Sessions, redis_url: str, keyring: Keyring) -> None:
        super().__init__(sessions, redis_url, keyring)
        self.returns = ReturnService(sessions, self.keeper, self.clock)
        self.canceller = EventCanceller(sessions, self.keeper, self.clock)
        self.uncollected = UncollectedReturns(sessions, self.keeper, self.clock)
        self.share_rule = ShareRule(sessions, self.sale_keeper, self.keeper, self.clock)
        self.orders = OrderService(sessions, self.keeper, self.clock, self.returns)
        self.seal = Seal(keyring.ticket)
        self.desk = DeskService(sessions, self.keeper, keyring, self.clock, self.orders, self.seal)
        self.till = TillService(sessions, keyring, self.clock)
        self.unfinished = UnfinishedSales(sessions, keyring, self.clock, self.orders)
        with sessions.begin() as session:
            rows = [self._member(number) for number in range(1, MEMBERS + 1)]
            self.members = insert_members(session, rows, self.now)
        self.clerk = self.hire("lan", "district.street-1")
        self.other_clerk = self.hire("mei", "district.street-1")

    def hire(self, username: str, path: str, role: str = "clerk") -> Claims:
        """A clerk with an account."""
        organisation = path.rpartition(".")[2]
        with self.sessions.begin() as session:
            account = staff.add_account(session, username, "unused", role, organisation, self.now)
            return claims(path, role, id=account.id, name=username)

    def drain(self, batch_max: int = 500) -> Drain:
        """A drain as another process has it."""
        return Drain(self.sessions, self.keeper, self.clock, Watermarks(), batch_max)

    def sale(self, *capacities: int, **changes: Any) -> str:
        """The id of an event of the street on sale, which can be cancelled."""
        changes = {"cancellable_until": self.now + 3_600_000, **changes}
        event_id = self.catalogue.create_event(self.street, self.draft(*capacities, **changes))
        self.catalogue.publish(self.street, event_id)
        return event_id

    def sale_of_priced(self, price: int, **changes: Any) -> str:
        """The same with one quota of 20 tickets at this price, to be paid at the desk."""
        quota = QuotaDraft(name="Seats", capacity=20, price=price)
        return self.sale(quotas=(quota,), payment_methods=("desk",), **changes)

    def buy_at_desk(self, event_id: str, member: int, *items: tuple[int, int], key: str = "key") -> str:
        """Hold, and confirm to pay at the desk; the order's id."""
        held = self.hold(event_id, member, *items, key=key)
        assert isinstance(held, Decided), held.code
        number = self.keyring.order_number(held.hold.id)
        group = self.event(event_id).group_id
        sold = self.keeper.confirm(group, held.hold.id, member, "desk", number)
        assert not isinstance(sold, Refusal)
        return held.hold.id

    def recorded(self) -> dict[str, list[str]]:
        """What SQL has: the ticket codes of every order."""
        found: dict[str, list[str]] = {}
        with reading(self.sessions) as session:
            pairs = select(Order.id, Ticket.code).outerjoin(Ticket, Ticket.order_id == Order.id)
            for order_id, code in session.execute(pairs.order_by(Ticket.code)):  # one look: a drain may run
                found.setdefault(order_id, []).extend([code] if code else [])
        return found

    def tickets(self, status: str) -> int:
        """How many tickets SQL has in this state."""
        with reading(self.sessions) as session:
            return session.scalar(select(func.count()).where(Ticket.status == status)) or 0

    def counts(self, event_id: str, quota: int = 1) -> QuotaCounts:
        """A quota's counts in Redis."""
        state = self.in_redis(event_id)
        assert state is not None
        return state.counts[quota]

    def _member(self, number: int) -> NewMember:
        digest = self.keyring.card_digest(card_number(number))
        last_four = card_number(number)[-4:]
        tag = self.keyring.hide_tag(self.keyring.card_tag(card_number(number)), digest)
        return NewMember(f"Member {number}", "street-1", None, digest, last_four, b"salt", b"digest", tag=tag)
