"""Goal: a member who asks for it is gone for good, nothing the union owes them is lost, and the accounts still add up.

Method: the service over both databases and a real Redis; afterwards the whole database is searched for what was known
of the person, as somebody with a copy of it would.
"""

from collections.abc import Callable

import pytest
from msgspec import structs
from sqlalchemy import text, update

from tests.support.disasters import violations
from tests.support.shop import Shop, card_number
from ticketing.catalogue.tables import Event
from ticketing.database import Base, reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided
from ticketing.members import repository as members
from ticketing.members.logins import Login, add_once
from ticketing.members.repository import NewNotice
from ticketing.members.revocations import Revocations
from ticketing.members.tables import Card, Member
from ticketing.services.erasure import ErasureService

DAY_MS = 86_400_000
NAME, PHONE, DEVICE, MESSAGE = "欧阳小明", "13900000001", "an old phone", "a message to them"


@pytest.fixture
def erasure(shop: Shop) -> ErasureService:
    """The service; member 1 has a name, a telephone, a login, a message."""
    with shop.sessions.begin() as session:
        session.execute(update(Member).where(Member.id == 1).values(name=NAME, phone=PHONE, language="en"))
        add_once(session, [Login("login", 1, shop.now, shop.now + DAY_MS, DEVICE)])
        members.add_notices_once(session, [NewNotice(1, "event", "other", MESSAGE, 0)], shop.now)
    return ErasureService(shop.sessions, shop.keeper, shop.keyring, shop.clock)


def _everything(shop: Shop) -> str:
    """Every row of the database, as text."""
    with reading(shop.sessions) as session:
        tables = [session.execute(text(f"SELECT * FROM {name}")).all() for name in Base.metadata.tables]
    return repr(
        [[bytes(v) if isinstance(v, memoryview) else v for v in row] for rows in tables for row in rows]
    )


def _refused(act: Callable[[str], object], number: str) -> str:
    with pytest.raises(Refusal) as refused:
        act(number)
    assert refused.value.code is Code.INVALID
    return "; ".join(f"{fault['field']} {fault['reason']}" for fault in refused.value.facts["errors"])


def _card(shop: Shop) -> Card:
    with reading(shop.sessions) as session:
        holder = members.holder(session, 1)
    assert holder is not None
    return holder.card


def test_nothing_of_the_person_can_be_read_back(shop: Shop, erasure: ErasureService) -> None:
    event = shop.sale(5)
    order_id = shop.buy(event, 1, (1, 1))
    shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1")
    shop.drain().run(event)
    before = _card(shop)
    secrets = [
        NAME, PHONE, DEVICE, MESSAGE, f"'{before.last_four}'",
        *(repr(bytes(value)) for value in (before.number_digest,)),
    ]  # fmt: skip
    kept = _everything(shop)
    assert [secret for secret in secrets if secret not in kept] == []
    assert erasure.person(card_number(1)).name == NAME

    erasure.erase(card_number(1))
    kept = _everything(shop)
    assert [secret for secret in secrets if secret in kept] == []
    after = _card(shop)
    assert (after.status, after.pin_digest == before.pin_digest) == ("blocked", False)
    [order] = shop.orders.page(1)[0]  # what was sold and handed out stays
    assert (order.id, order.tickets[0].status) == (order_id, "collected")
    assert violations(shop) == []
    assert shop.story()[-1] == ("member.erase", "member:1")
    assert "unknown" in _refused(erasure.person, card_number(1))
    assert "unknown" in _refused(erasure.erase, card_number(1))


def test_every_session_ends_and_no_card_buys(shop: Shop, erasure: ErasureService) -> None:
    revocations = Revocations(shop.sessions, DAY_MS)
    signed_in = structs.replace(shop.clerk, kind="member", id=1, issued_at=shop.now)
    revocations.refresh()
    assert revocations.check(signed_in) is None
    erasure.erase(card_number(1))
    revocations.refresh()
    assert revocations.check(signed_in) is Code.UNAUTHENTICATED


def test_not_while_something_is_owed(shop: Shop, erasure: ErasureService) -> None:
    event = shop.sale_of_priced(500)
    held = shop.hold(event, 1, (1, 1), key="live")
    assert isinstance(held, Decided)
    assert "on hold" in _refused(erasure.erase, card_number(1))
    shop.keeper.release(event, held.hold.id, 1)

    order_id = shop.buy_at_desk(event, 1, (1, 1))
    assert "just booked" in _refused(erasure.erase, card_number(1))
    shop.drain().run(event)
    number = shop.keyring.order_number(order_id)
    assert f"order {number} has tickets to collect" in _refused(erasure.erase, card_number(1))
    shop.desk.pick_up(shop.clerk, "key", order_id, None, "desk 1", "cash")
    shop.catalogue.cancel(shop.street, event)
    shop.canceller.finish()
    assert f"order {number} is to be paid back" in _refused(erasure.erase, card_number(1))
    assert erasure.person(card_number(1)).name == NAME  # a refusal erased nothing


def test_tickets_that_nobody_came_for_are_in_nobodys_way(shop: Shop, erasure: ErasureService) -> None:
    event = shop.sale(5)
    shop.buy(event, 1, (1, 1))
    shop.drain().run(event)
    with shop.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == event).values(starts_at=shop.now - 2 * DAY_MS))
    erasure.erase(card_number(1))
    assert NAME not in _everything(shop)


def test_others_stay_as_they_are(shop: Shop, erasure: ErasureService) -> None:
    before = erasure.person(card_number(2))
    erasure.erase(card_number(1))
    assert erasure.person(card_number(2)) == before
    assert "unknown" in _refused(erasure.erase, "no number")
