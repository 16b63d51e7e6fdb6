"""Orders and tickets put straight into SQL, as a campaign leaves them, for reports to read."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from ticketing.catalogue.tables import AllowanceGroup, Budget, Event, Quota, Venue
from ticketing.clock import ZONE
from ticketing.database import Sessions
from ticketing.members.tables import Card, Member, Organisation
from ticketing.orders.tables import Order, Ticket

TREE = ("district", "district.east", "district.east.mill", "district.west")


def at(day: int, hour: int = 12, month: int = 5) -> int:
    """Milliseconds of an hour in 2026, in Shanghai."""
    return round(datetime(2026, month, day, hour, tzinfo=ZONE).timestamp() * 1000)


class Ledger:
    """A small union's books."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._orders = self._members = 0
        with sessions.begin() as session:
            for path in TREE:
                parent, _, node = path.rpartition(".")
                above = parent.rpartition(".")[2] or None
                session.add(Organisation(id=node, parent_id=above, name=node, kind="workplace", path=path))
                session.flush()

    def venue(self, venue_id: str, name: str, organisation: str = "district") -> str:
        """A venue of the programme."""
        fields = {
            "contact": "",
            "contract_number": f"no. {venue_id}",
            "state": "admitted",
            "state_reason": "",
        }
        with self.sessions.begin() as session:
            session.add(Venue(id=venue_id, organisation_id=organisation, name=name, state_since=0, **fields))
        return venue_id

    def budget(self, budget_id: str, amount: int, organisation: str = "district") -> str:
        """A budget of a campaign."""
        fields = {"name": budget_id, "currency": "CNY", "note": "", "created_at": 0}
        with self.sessions.begin() as session:
            session.add(Budget(id=budget_id, organisation_id=organisation, amount=amount, **fields))
        return budget_id

    def event(
        self, event_id: str, *quotas: tuple[int, int], organisation: str = "district", **fields: Any
    ) -> str:
        """A published event with a quota for each (price, face price), of 100 tickets."""
        usual: dict[str, Any] = {
            "title": event_id,
            "state": "published",
            "starts_at": at(10),
            "opens_at": at(1),
            "closes_at": at(9),
            "payment_methods": ["desk"],
            "created_at": 0,
        }
        with self.sessions.begin() as session:
            group = AllowanceGroup(
                id=event_id, organisation_id=organisation, name=event_id, epoch="e", opened_at=1
            )
            session.add(group)
            session.flush()
            session.add(Event(id=event_id, group_id=event_id, organisation_id=organisation, **usual | fields))
            session.flush()
            for number, (price, face) in enumerate(quotas, start=1):
                key = {
                    "id": f"{event_id}-{number}",
                    "event_id": event_id,
                    "number": number,
                    "name": f"q{number}",
                }
                session.add(Quota(**key, price=price, face_price=face, capacity=100))
        return event_id

    def member(self, organisation: str = "east", *statuses: str) -> int:
        """A member with a card for each status; one active card unless told."""
        self._members += 1
        with self.sessions.begin() as session:
            one = Member(id=self._members, organisation_id=organisation, name="王小明", created_at=0)
            session.add(one)
            session.flush()
            for place, status in enumerate(statuses or ("active",)):
                digest = self._members.to_bytes(31, "big") + bytes([place])
                pin = {"pin_salt": b"s" * 16, "pin_digest": b"d" * 32}
                card = {"member_id": one.id, "number_digest": digest, "last_four": "0001", "status": status}
                session.add(Card(**card, **pin, created_at=0))
        return self._members

    def order(
        self, event_id: str, member: int, *tickets: tuple[int, str, int | None], price: int = 0, **fields: Any
    ) -> None:
        """An order of `tickets`: (quota, status, collected at), each at this price."""
        self._orders += 1
        number = f"N{self._orders:011}"
        order: dict[str, Any] = {
            "id": f"{event_id}.{self._orders}",
            "number": number,
            "event_id": event_id,
            "member_id": member,
            "position": self._orders,
            "channel": "web",
            "status": "confirmed",
            "amount": price * len(tickets),
            "currency": "CNY",
            "payment_method": "desk",
            "payment_status": "paid",
            "created_at": at(1),
            "hold_expires_at": at(1),
            "confirmed_at": at(1),
            "recorded_at": at(1),
        } | fields
        rows = [
            {
                "code": f"{number}-{place}",
                "order_id": order["id"],
                "quota_id": f"{event_id}-{quota}",
                "place": place,
                "price": price,
                "status": status,
                "collected_at": collected_at,
            }
            for place, (quota, status, collected_at) in enumerate(tickets, start=1)
        ]
        with self.sessions.begin() as session:
            session.execute(insert(Order), [order])
            session.execute(insert(Ticket), rows)
