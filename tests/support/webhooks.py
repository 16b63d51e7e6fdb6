"""Webhooks for tests: an endpoint for a receiver, an order to tell it of, and a courier as workers run it."""

from typing import Any

from sqlalchemy import select

from tests.support.house import House
from tests.support.receiver import Receiver
from ticketing.database import reading
from ticketing.hooks.kinds import KINDS
from ticketing.hooks.tables import Delivery
from ticketing.queue.courier import Courier
from ticketing.queue.worker import drain_of
from ticketing.services.vault import Vault

WEBHOOKS = "/api/v1/staff/webhooks"


def courier_over(house: House, *, private_allowed: bool = True) -> Courier:
    services = house.services
    vault = Vault(services.keyring.vault)
    return Courier(services.sessions, services.keeper, vault, services.clock, private_allowed=private_allowed)


async def listen(house: House, receiver: Receiver, *events: str, organisation: str = "district") -> str:
    """Set an endpoint up for this receiver; its id."""
    wish = {"url": receiver.url, "events": events or KINDS, "organisation": organisation}
    made = await house.client.post(WEBHOOKS, headers=house.staff(), json=wish)
    assert made.status_code == 201, made.text
    receiver.secret = made.json()["secret"]
    return str(made.json()["details"]["id"])


async def sell(house: House, event: str, quantity: int = 1, key: str = "key") -> Any:
    """An order of a member, which the drain has recorded."""
    member = next(iter(house.cards), None) or house.add_member()
    order = await house.buy(event, house.member(member), quantity=quantity, key=key)
    drain_of(house.services).run(event)
    return order


def deliver(courier: Courier) -> None:
    courier.look()
    courier.settle()


def deliveries(house: House) -> list[Delivery]:
    with reading(house.services.sessions) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))
