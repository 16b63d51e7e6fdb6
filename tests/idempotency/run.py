"""Ten thousand keys, each sent one to five times by a crowd of threads, while parts of the instance are killed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import NamedTuple

from tests.idempotency.books import faults_of_books
from tests.idempotency.errands import Errand, draw_sends
from tests.idempotency.town import ALSO_FREE, FREE, PRICED, Town
from tests.support.calls import Answer, Client, Request, Unanswered

THREADS = 16
_WINDOW = 100
_WAITING_MAX = 200
_LEFT_HELD = 10  # of so many bookings one stays a hold
_MISUSED = 20  # and of so many one is followed by another wish under its key
_PAUSE_SECONDS = 0.01


class Plan(NamedTuple):
    """How many keys of each kind, what is killed in turn, and the seed of it all."""

    bookings: int
    sales: int
    pickups: int
    kills: tuple[str, ...]
    seed: int = 1


class Report(NamedTuple):
    """What a run has seen. `faults` is empty when every key had one effect and one answer."""

    keys: int
    answers: int
    replayed: int
    unanswered: int
    kills: tuple[str, ...]
    seconds: float
    faults: list[str]


def run(town: Town, plan: Plan, tell: Callable[[int, int], None] = lambda *_: None) -> Report:
    """Send everything, killing at even distances; then compare what was answered with what there is."""
    began = time.monotonic()
    crowd = _Crowd(town, random.Random(plan.seed))
    with crowd:
        _send_all(town, plan, crowd, tell)
    faults = [fault for errand in crowd.errands for fault in errand.faults()]
    faults += [f"{name}: never answered" for name in crowd.never_answered]
    faults += faults_of_books(town, crowd.errands)
    answers = [answer for errand in crowd.errands for answer in errand.answers]
    return Report(
        keys=len(crowd.errands),
        answers=len(answers),
        replayed=sum(answer.replayed for answer in answers),
        unanswered=sum(errand.unanswered for errand in crowd.errands),
        kills=plan.kills,
        seconds=time.monotonic() - began,
        faults=faults,
    )


def _send_all(town: Town, plan: Plan, crowd: "_Crowd", tell: Callable[[int, int], None]) -> None:
    errands = list(_errands(town, plan, crowd.dice))
    crowd.dice.shuffle(errands)
    kills = list(plan.kills)
    for start in range(0, len(errands), _WINDOW):
        crowd.begin(errands[start : start + _WINDOW])
        tell(start, len(errands))
        if kills and start >= len(errands) * (len(plan.kills) - len(kills) + 1) / (len(plan.kills) + 1):
            town.kill(kills.pop(0))
            crowd.send_later()
        crowd.wait(_WAITING_MAX)
    while crowd.send_later():
        crowd.wait(0)
    crowd.wait(0)


# What is to be done


def _errands(town: Town, plan: Plan, dice: random.Random) -> Iterator[Errand]:
    every = max(1, plan.bookings // plan.pickups) if plan.pickups else 0
    for number in range(plan.bookings):
        picked_up = every > 0 and number % every == 1
        yield _booking(town, number, dice, picked_up=picked_up)
    for number in range(plan.sales):
        yield _sale(town, number, dice)


def _booking(town: Town, number: int, dice: random.Random, *, picked_up: bool) -> Errand:
    token = town.buyers[dice.randrange(len(town.buyers))].token
    items = [{"quota_id": town.quota(FREE), "quantity": dice.randint(1, 3)}]
    if dice.random() < 0.3:
        items.append({"quota_id": town.quota(ALSO_FREE), "quantity": 1})
    path = f"/api/v1/events/{town.event}/holds"
    both_ways = [
        Request(path, token, {"items": wished}, f"booking-{number}") for wished in (items, items[::-1])
    ]

    def confirm(held: Answer) -> list[Errand]:
        stays = number % _LEFT_HELD == 0
        return (
            [] if stays or held.status != 201 else [_confirm(town, number, token, held, picked_up=picked_up)]
        )

    return Errand(f"hold {number}", 201, both_ways, confirm)


def _confirm(town: Town, number: int, token: str, held: Answer, *, picked_up: bool) -> Errand:
    path = f"/api/v1/holds/{held.json()['id']}/confirm"
    methods = [Request(path, token, {"payment": {"method": method}}) for method in ("free", "desk")]

    def pick_up(order: Answer) -> list[Errand]:
        return [_pick_up(town, number, order)] if picked_up and order.status == 200 else []

    return Errand(f"confirm {number}", 200, methods, pick_up)


def _pick_up(town: Town, number: int, order: Answer) -> Errand:
    clerk = town.clerks[number % len(town.clerks)]
    wish = {"order_id": order.json()["id"], "desk": "desk 1"}
    return Errand(f"pickup {number}", 200, [Request("/api/v1/desk/pickups", clerk, wish, f"pickup-{number}")])


def _sale(town: Town, number: int, dice: random.Random) -> Errand:
    wish = {
        "card_number": town.buyers[dice.randrange(len(town.buyers))].card_number,
        "event_id": town.event,
        "items": [{"quota_id": town.quota(PRICED), "quantity": dice.randint(1, 3)}],
        "payment": {"method": "cash"},
        "desk": "desk 1",
    }
    clerk = town.clerks[number % len(town.clerks)]
    return Errand(f"sale {number}", 201, [Request("/api/v1/desk/sales", clerk, wish, f"sale-{number}")])


# Who does it


@dataclass(eq=False)
class _Crowd:
    town: Town
    dice: random.Random
    errands: list[Errand] = field(default_factory=list)
    never_answered: list[str] = field(default_factory=list)
    _tasks: "Queue[tuple[Errand, int]]" = field(default_factory=Queue)
    _later: list[tuple[Errand, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "_Crowd":
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def begin(self, errands: list[Errand]) -> None:
        """Take on errands: some of their sends wait until something was killed, the others go out in any order."""
        tasks: list[tuple[Errand, int]] = []
        with self._lock:
            self.errands += errands
            for errand in errands:
                now, later = draw_sends(self.dice)
                tasks += [(errand, number) for number in range(now)]
                self._later += [(errand, now + number) for number in range(later)]
            self.dice.shuffle(tasks)
        for task in tasks:
            self._tasks.put(task)

    def send_later(self) -> bool:
        """Send what waited; whether there was any."""
        with self._lock:
            tasks, self._later = self._later, []
            self.dice.shuffle(tasks)
        for task in tasks:
            self._tasks.put(task)
        return bool(tasks)

    def wait(self, waiting_max: int) -> None:
        """Until no more than so many sends are unanswered."""
        while self._tasks.unfinished_tasks > waiting_max:
            time.sleep(_PAUSE_SECONDS)

    def _work(self) -> None:
        client = Client(self.town.address)
        while not self._stop.is_set():
            try:
                errand, number = self._tasks.get(timeout=0.1)
            except Empty:
                continue
            try:
                following = errand.send(client, number)
                if following:
                    self.begin(following)
            except Unanswered:
                self.never_answered.append(errand.name)
            finally:
                self._tasks.task_done()
        client.close()


def kinds(report: Report) -> str:
    """What was killed how often."""
    return ", ".join(f"{what} {count}" for what, count in Counter(report.kills).items()) or "nothing"
