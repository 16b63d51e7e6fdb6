"""One person's visit, from the first look to a ticket or a no.

Every habit that has broken a ticket shop is in here: people who come before the opening, tap twice, lose
the connection and try again, take a hold and leave, or come back for more than they may.
"""

import json
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import gevent
import msgspec

from .phone import Answer, Phone
from .plan import Plan, Visitor
from .records import AVAILABILITY, CONFIRM, HOLD, LOOK, ORDER, RELEASE

TRIES_MAX = 3
"""How often a person asks for tickets before giving up, and how often one request is repeated."""

WAIT_SECONDS_MAX = 2.0
PATIENCE_SECONDS = (0.002, 0.06)
"""When somebody hangs up: early enough that some answers are lost on the way, late enough that some arrive."""


class Left(msgspec.Struct):
    """What is left of one quota."""

    available: int
    held: int


class Availability(msgspec.Struct):
    """What the crowd reads of the site's availability."""

    status: str
    quotas: dict[str, Left]

    @property
    def over(self) -> bool:
        """Whether nothing is left and nothing can come back."""
        return not any(quota.available or quota.held for quota in self.quotas.values())


class Visit:
    """One visit of one card."""

    def __init__(
        self, plan: Plan, phone: Phone, visitor: Visitor, dice: random.Random, *, determined: bool = False
    ) -> None:
        """`determined` people take what they get; others may change their minds."""
        self._plan = plan
        self._determined = determined
        self._phone = phone
        self._visitor = visitor
        self._dice = dice
        self._keys = (f"{dice.getrandbits(64):016x}-{number}" for number in count(1))
        self._event = f"/api/v1/events/{plan.event_id}"

    def come_early(self) -> None:
        """Look, and try before the sale is open."""
        self._look()
        if self._chance(self._plan.crowd.comes_early):
            self._hold(self._choice(), self._wish())

    def come(self) -> None:
        """Look, try for tickets, and take them, let them go or leave them."""
        self._look()
        if self._chance(self._plan.crowd.looks_only):
            return
        self._pause()
        self.take()
        if self._chance(self._plan.crowd.comes_again):
            self._pause()
            self.take()

    def take(self) -> None:
        """Ask for tickets until a hold is made or hope is gone, then go on with the hold."""
        quota_id, quantity = self._choice(), self._wish()
        for _ in range(TRIES_MAX):
            answer = self._hold(quota_id, quantity)
            if answer.told.granted and answer.told.hold:
                self._go_on(answer.told.hold)
                return
            if answer.told.code != "sold_out":
                return
            if 0 < answer.available < quantity:
                quantity = answer.available
            else:
                quota_id = self._choice()
            self._pause()

    def _hold(self, quota_id: str, quantity: int) -> Answer:
        items = {quota_id: quantity}
        body = json.dumps({"items": [{"quota_id": quota_id, "quantity": quantity}]})
        key = next(self._keys)

        def tap(**manner: Any) -> Answer:
            path = f"{self._event}/holds"
            return self._phone.ask(
                HOLD, "POST", path, visitor=self._visitor, body=body, key=key, items=items, **manner
            )

        return self._insist(tap)

    def _confirm(self, hold_id: str) -> Answer:
        body = json.dumps({"payment": {"method": self._plan.payment_method}})

        def tap(**manner: Any) -> Answer:
            path = f"/api/v1/holds/{hold_id}/confirm"
            return self._phone.ask(
                CONFIRM, "POST", path, visitor=self._visitor, body=body, hold=hold_id, **manner
            )

        return self._insist(tap)

    def _insist(self, tap: Callable[..., Answer]) -> Answer:
        """Send a request as people do: once, twice at the same time, or again until there is an answer."""
        if self._chance(self._plan.crowd.double_taps):
            taps = [gevent.spawn(tap), gevent.spawn(tap, closing=True)]
            try:
                gevent.joinall(taps, raise_error=True)
            finally:
                gevent.killall(taps)
            answer: Answer = max((each.value for each in taps), key=lambda each: each.told.granted)
        elif self._chance(self._plan.crowd.hangs_up):
            answer = tap(patience=self._dice.uniform(*PATIENCE_SECONDS))
        else:
            answer = tap()
        for _ in range(TRIES_MAX):
            if not (answer.told.unknown or answer.told.code == "rate_limited"):
                break
            gevent.sleep(min(answer.retry_after or 0.2, WAIT_SECONDS_MAX))
            answer = tap()
        return answer

    def _go_on(self, hold_id: str) -> None:
        self._pause()
        crowd = self._plan.crowd
        fate = 1.0 if self._determined else self._dice.random()
        if fate < crowd.walks_away:
            return
        if fate < crowd.walks_away + crowd.releases:
            self._phone.ask(
                RELEASE, "DELETE", f"/api/v1/holds/{hold_id}", visitor=self._visitor, hold=hold_id
            )
            return
        if self._confirm(hold_id).told.granted:
            self._phone.ask(ORDER, "GET", f"/api/v1/orders/{hold_id}", visitor=self._visitor, hold=hold_id)

    def _look(self) -> None:
        self._phone.ask(LOOK, "GET", self._event, visitor=self._visitor)

    def _wish(self) -> int:
        wants = self._plan.crowd.wants
        return self._dice.choices(list(wants), list(wants.values()))[0]

    def _choice(self) -> str:
        return self._dice.choice(self._plan.quotas).id

    def _pause(self) -> None:
        gevent.sleep(self._dice.uniform(*self._plan.crowd.pause))

    def _chance(self, share: float) -> bool:
        return self._dice.random() < share


def read_availability(phone: Phone, plan: Plan) -> Availability | None:
    """What is left of everything, or None when the site does not say."""
    answer = phone.ask(AVAILABILITY, "GET", f"/api/v1/events/{plan.event_id}/availability")
    return msgspec.json.decode(answer.body, type=Availability) if answer.told.granted else None
