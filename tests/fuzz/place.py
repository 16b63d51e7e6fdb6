"""A real instance to send odd requests to: sessions of every kind, and things that exist, by the names of fields."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from tests.idempotency.town import HOUR_MS, Town
from tests.support.calls import Client, Request
from ticketing.catalogue.budgets import BudgetPlan
from ticketing.catalogue.log import group_of
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.catalogue.venues import VenuePlan
from ticketing.database import reading
from ticketing.inventory.model import Decided, HoldRequest
from ticketing.keyring import Keyring
from ticketing.rehearsal.population import build_tree, populate, sign_sessions, sign_staff
from ticketing.services import desk
from ticketing.services.tokens import Claims, new_session_id
from ticketing.services.webhooks import EndpointWish

BUYERS = 30
VICTIMS = 20
ORDERS_EACH = 5
KEYS = tuple(f"key-{number}" for number in range(12))
"""Few, so that they come back: with the same wish, with another one, and of other members."""

_UNHURRIED = {
    "TICKETING_LOGIN_FAILURES_PER_ADDRESS": "100000000 per 5 minutes",
    "TICKETING_LOGIN_FAILURES_PER_CARD": "100000000 per 5 minutes",
    "TICKETING_ABANDONED_HOLDS_MAX": "1000000",
}
_FIXED: Mapping[str, tuple[Any, ...]] = {
    "opens_at": ("2026-01-01T00:00:00Z",),
    "closes_at": ("2036-01-01T00:00:00Z",),
    "starts_at": ("2036-02-01T00:00:00Z",),
    "collect_until": ("2036-03-01T00:00:00Z", None),
    "cancellable_until": ("2036-01-15T00:00:00Z", None),
    "currency": ("CNY",),
    "method": ("free", "desk", "cash", "card"),
    "desk": ("desk 1", "东窗口"),
    "username": ("clerk-0", "nobody"),
    "template": ("cinema", "classes"),
    "url": ("https://127.0.0.1:9/",),
    "quantity": (1, 1, 2, 3),
    "payment_methods": ("free", "desk"),
    "new_pin": ("135790",),
    "status": ("open", "closed", "wrong"),
    "cursor": ("x", "MTIz", "0"),
}
"""What is a right value for a field of this name in any place."""

_ENDS_SESSIONS = ("/me/pin", "/sessions/current", "/sessions")


class Victim(NamedTuple):
    """A member whose card, PIN and sessions may be ended by what is sent."""

    claims: Claims
    card_number: str
    pin: str


class Place:
    """Everything a request may refer to."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._services = town.services
        self._now = self._services.keeper.now_ms()
        self._staff, _ = sign_staff(self._services.signer, self._now)
        self.victims = self._make_victims()
        self.event = self._publish(self._draft(90_000, 90_000))
        self.drafts = [self._draft(900, 5) for _ in range(20)]
        self.on_sale = [self._publish(self._draft(900, 5)) for _ in range(10)]
        roles = ("manager", "admin", "auditor", "clerk")
        self.sessions = {role: self._services.signer.sign(self._account("some", role)) for role in roles}
        self.venues = [self._services.venues.add(self._staff, VenuePlan(name=f"场馆 {n}")) for n in range(8)]
        self.budgets = [
            self._services.budgets.add(self._staff, BudgetPlan(name=f"预算 {n}", amount=n)) for n in range(4)
        ]
        self.webhooks = [self._webhook() for _ in range(8)]
        self._leaving = {role: self._account("leaving", role) for role in roles}
        self.buyers = [(self._claims(buyer.token), buyer) for buyer in town.buyers]
        self.clerks = [(self._claims(token), token) for token in town.clerks]
        self._sell()
        self.unfinished = [self._break_off(number) for number in range(2 * BUYERS)]
        self.shifts = {clerk.id: self._open_shift(clerk) for clerk, _ in self.clerks}

    @property
    def keyring(self) -> Keyring:
        """What makes ids of keys."""
        return self._services.keyring

    def staff_session(self, role: str) -> str:
        """A fresh session of an account whose sessions may be ended."""
        return self._fresh(self._leaving[role])

    def victim_session(self, victim: Victim) -> str:
        """The same of a member."""
        return self._fresh(victim.claims)

    def _fresh(self, claims: Claims) -> str:
        now = self._services.clock.now_ms()  # those before may all have been ended
        return self._services.signer.sign(replace(claims, session_id=new_session_id(), issued_at=now))

    def _make_victims(self) -> list[Victim]:
        places = build_tree(self._services.sessions)
        people = populate(
            self._services.sessions, self._services.keyring, places, VICTIMS, self._now, series=2
        )
        tokens = dict(sign_sessions(self._services.signer, people, self._now))
        return [
            Victim(self._claims(tokens[member]), person.card_number, person.pin) for member, person in people
        ]

    def _sell(self) -> None:
        """Some orders for every buyer, under keys that will come again."""
        client = Client(self.town.address)
        for _, buyer in self.buyers:
            for key in KEYS[:ORDERS_EACH]:
                wish = {"items": [{"quota_id": f"{self.event}-1", "quantity": 2}]}
                hold = Request(f"/api/v1/events/{self.event}/holds", buyer.token, wish, key)
                path = f"/api/v1/holds/{client.send(hold).json()['id']}/confirm"
                client.send(Request(path, buyer.token, {"payment": {"method": "free"}}))
        client.close()

    def _break_off(self, number: int) -> str:
        """A sale of which only Redis knows: its desk died before the hand-over. The order's id."""
        (buyer, _), (clerk, _) = self.buyers[number % BUYERS], self.clerks[number % len(self.clerks)]
        order_id = self.keyring.desk_hold_id(self.event, buyer.id, clerk.id, f"broken-off-{number}")
        items = ((2, 1),)
        wish = HoldRequest(order_id, self.event, buyer.id, buyer.organisation_path, items, "desk")
        with reading(self._services.sessions) as session:
            group = group_of(session, self.event) or ""
        keeper, order_number = self._services.keeper, self.keyring.order_number(order_id)
        for answer in (
            keeper.hold(group, wish),
            keeper.confirm(group, order_id, buyer.id, "cash", order_number),
        ):
            assert isinstance(answer, Decided), answer
        return order_id

    def _open_shift(self, clerk: Claims) -> str:
        return self._services.till.open(clerk, "shift", "desk 1", 0).record.id

    def _webhook(self) -> str:
        """One that nothing listens at, and that is inside: nothing is ever sent."""
        _, row = self._services.webhooks.create(
            self._staff, EndpointWish("https://127.0.0.1:9/", ("order.cancelled",))
        )
        return row.id

    def _account(self, prefix: str, role: str) -> Claims:
        password = self._services.staff.add_staff(f"{prefix}-{role}", role, "district")
        return self._services.accounts.login_staff(f"{prefix}-{role}", password, "203.0.113.1")[1]

    def _claims(self, token: str) -> Claims:
        claims = self._services.signer.verify(token, self._now)
        assert claims is not None
        return claims

    def _draft(self, *capacities: int) -> str:
        plan = EventDraft(
            title="儿童剧",
            starts_at=self._now + 48 * HOUR_MS,
            opens_at=self._now - HOUR_MS,
            closes_at=self._now + 24 * HOUR_MS,
            payment_methods=("free", "desk"),
            cancellable_until=self._now + 24 * HOUR_MS,
            quotas=tuple(
                QuotaDraft(name=f"Quota {place}", capacity=capacity, price=500 * (place % 2))
                for place, capacity in enumerate(capacities)
            ),
        )
        return self._services.catalogue.create_event(self._staff, plan)

    def _publish(self, event: str) -> str:
        self._services.catalogue.publish(self._staff, event)
        return event


class Visit:
    """What one request is about: one buyer, one clerk, one event, and things of theirs."""

    def __init__(self, place: Place, path: str, method: str, dice: random.Random) -> None:
        self._place = place
        self._path = path
        self._dice = dice
        self._buyer, buyer = dice.choice(place.buyers)
        self._buyer_token = buyer.token
        self._clerk, self._clerk_token = dice.choice(place.clerks)
        self._victim = dice.choice(place.victims)
        spares_nobody = method != "GET" and path.startswith("/api/v1/staff/")
        self._card = self._victim.card_number if spares_nobody or dice.random() < 0.1 else buyer.card_number
        self._event = place.event
        if spares_nobody or dice.random() < 0.2:
            self._event = dice.choice([*place.drafts, *place.on_sale] if spares_nobody else place.on_sale)

    # Who asks

    def authorization(self, call: Mapping[str, Any]) -> dict[str, str]:
        """Headers that say who asks: mostly somebody who may."""
        dice = self._dice
        if dice.random() < 0.12:
            return dict(dice.choice(_NOBODY))
        token = self._token(_wanted(call, dice))
        if token is None:
            return {}
        if dice.random() < 0.9:
            return {"authorization": f"Bearer {token}"}
        cookies = f"member_session={token}; staff_session={token}"
        return {
            "cookie": cookies,
            "sec-fetch-site": dice.choice(("same-origin", "same-origin", "cross-site")),
        }

    def _token(self, who: str) -> str | None:
        if who == "public":
            return None
        ends_sessions = self._path.endswith(_ENDS_SESSIONS)
        if who == "member":
            return self._place.victim_session(self._victim) if ends_sessions else self._buyer_token
        if ends_sessions:
            return self._place.staff_session(who)
        return self._clerk_token if who == "clerk" else self._place.sessions[who]

    # What there is

    def known(self, name: str) -> Any:
        """A value that means something here for a field of this name, or None."""
        if name in _FIXED:
            return self._dice.choice(_FIXED[name])
        find = _FOUND.get(name)
        return find(self) if find else None

    def _hold(self) -> str:
        """The id that a key of the buyer gives on the event, whether or not it was used yet."""
        key = self._dice.choice(KEYS if self._dice.random() < 0.4 else KEYS[:ORDERS_EACH])
        return self._place.keyring.hold_id(self._place.event, self._buyer.id, "web", key)

    def _order(self) -> str:
        broken_off = self._path.startswith("/api/v1/desk/sales/")
        return self._dice.choice(self._place.unfinished) if broken_off else self._hold()

    def _number(self) -> str:
        return self._place.keyring.order_number(self._hold())

    def _code(self) -> str:
        return f"{self._number()}-{self._dice.choice((1, 1, 2, 30))}"

    def _pickup(self) -> str:
        pickup: str = desk.pickup_id(self._clerk.id, self._dice.choice(KEYS))
        return pickup

    def _organisation(self) -> str:
        return self._dice.choice(("district", "street-01", "street-01-1", "city", "nowhere"))


_FOUND: Mapping[str, Callable[[Visit], Any]] = {
    "event_id": lambda visit: visit._event,
    "allowance_group": lambda visit: visit._event,
    "quota_id": lambda visit: f"{visit._event}-{visit._dice.choice((1, 1, 2, 3, 9))}",
    "hold_id": Visit._hold,
    "order_id": Visit._order,
    "shift_id": lambda visit: visit._place.shifts[visit._clerk.id],
    "number": Visit._number,
    "code": Visit._code,
    "ticket_codes": Visit._code,
    "pickup_id": Visit._pickup,
    "card_number": lambda visit: visit._card,
    "new_card_number": lambda visit: f"62{visit._dice.randrange(10**16):016}",
    "organisation": Visit._organisation,
    "parent_id": Visit._organisation,
    "eligible_organisations": Visit._organisation,
    "pin": lambda visit: visit._victim.pin,
    "organisation_id": Visit._organisation,
    "venue_id": lambda visit: visit._dice.choice(visit._place.venues),
    "budget_id": lambda visit: visit._dice.choice(visit._place.budgets),
    "webhook_id": lambda visit: visit._dice.choice(visit._place.webhooks),
    "card_id": lambda visit: str(visit._dice.randrange(1, BUYERS)),
}

_NOBODY: tuple[Mapping[str, str], ...] = (
    {},
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer " + "x" * 5_000},
    {"authorization": "Bearer e30.AAAA"},
    {"authorization": "Basic eDp5"},
    {"authorization": "Bearer \xff\xfe"},
    {"cookie": "member_session=%00; staff_session=;;=;"},
    {"cookie": "=" * 3_000},
)


def _wanted(call: Mapping[str, Any], dice: random.Random) -> str:
    """Which kind of session the call asks for, by its description; now and then another one."""
    roles: list[str] = re.findall(r"manager|admin|clerk|auditor", call.get("description", ""))
    named = [next(iter(way)) for way in call.get("security", ())]
    if dice.random() < 0.08:
        return dice.choice(("member", "clerk", "manager", "auditor", "public"))
    if "member_cookie" in named:
        return "member"
    if "staff_cookie" in named:
        return dice.choice(roles or ["clerk", "manager", "admin", "auditor"])
    return "public"


@contextmanager
def open_place(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Place]:
    """A running instance, filled."""
    with Town(folder / "data", BUYERS, _UNHURRIED | dict(settings or {})) as town:
        yield Place(town)
