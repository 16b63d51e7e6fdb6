"""What the keys have done, by Redis and SQL, beside what was answered."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from tests.idempotency.errands import Errand
from tests.idempotency.town import Town
from ticketing.database import reading
from ticketing.identifiers import quota_number
from ticketing.orders.tables import COLLECTED, Order, Pickup, Ticket
from ticketing.services.audit import audit

SETTLED_SECONDS_MAX = 60.0


def faults_of_books(town: Town, errands: Sequence[Errand]) -> list[str]:
    """Everything that there is once too often, or not at all, once SQL has recorded the log."""
    _settle(town)
    answered = [errand for errand in errands if errand.answers and errand.answers[0].status == errand.status]
    holds = [e.first for e in answered if e.name.startswith("hold")]
    orders = [e.first for e in answered if e.name.startswith(("confirm", "sale"))]
    return [
        *_faults_of_counts(town, holds, orders),
        *_faults_of_orders(town, [order["id"] for order in orders]),
        *_faults_of_pickups(town, answered),
        *(violation.text for violation in audit(town.services.sessions, town.services.keeper).violations),
    ]


def _settle(town: Town) -> None:
    until = time.monotonic() + SETTLED_SECONDS_MAX
    while time.monotonic() < until:
        state = town.services.keeper.state(town.event)
        if state is not None and state.backlog == 0:
            return
        time.sleep(0.1)


def _faults_of_counts(town: Town, holds: list[dict[str, Any]], orders: list[dict[str, Any]]) -> list[str]:
    sold = _seats(town, orders)
    confirmed = {order["id"] for order in orders}
    held = _seats(town, [hold for hold in holds if hold["id"] not in confirmed])
    state = town.services.keeper.state(town.event)
    assert state is not None
    return [
        f"quota {number}: {counts.held} held and {counts.sold} sold, answered were {held[number]} and {sold[number]}"
        for number, counts in state.events[town.event].counts.items()
        if (counts.held, counts.sold) != (held[number], sold[number])
    ]


def _seats(town: Town, made: list[dict[str, Any]]) -> Counter[int]:
    seats: Counter[int] = Counter()
    for one in made:
        for item in one["items"]:
            seats[quota_number(town.event, item["quota_id"]) or 0] += item["quantity"]
    return seats


def _faults_of_orders(town: Town, answered: list[str]) -> list[str]:
    with reading(town.services.sessions) as session:
        recorded = list(session.scalars(select(Order.id).where(Order.event_id == town.event)))
    faults = [f"order {order} twice" for order, count in Counter(answered).items() if count > 1]
    faults += [f"order {order} is not in SQL" for order in set(answered) - set(recorded)]
    return faults + [f"order {order} was never answered" for order in set(recorded) - set(answered)]


def _faults_of_pickups(town: Town, errands: Sequence[Errand]) -> list[str]:
    handed_out = [e.first["collected"] for e in errands if e.name.startswith("pickup")]
    handed_out += [[t["code"] for t in e.first["tickets"]] for e in errands if e.name.startswith("sale")]
    with reading(town.services.sessions) as session:
        pickups = session.scalar(select(func.count()).select_from(Pickup))
        collected = session.scalar(select(func.count()).where(Ticket.status == COLLECTED))
    expected = len(handed_out), sum(map(len, handed_out))
    return (
        []
        if (pickups, collected) == expected
        else [f"{(pickups, collected)} handed out, answered {expected}"]
    )
