"""The crowd, for Locust.

`ticketing rush` starts one process of it for each core that it may use:

    locust -f loadtests/locustfile.py --headless --run-dir DIR --part 0 --users 128

It reads the plan and its share of the sessions from DIR, and writes records and progress there. Every
user is a phone: it is handed the next card that arrives, makes that card's visit, and takes the next. When
all have come and tickets are still to come back from holds that were left, further cards come for those.
The process ends when nothing is left, when nobody is left, or at the plan's bound.
"""

import random
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant, events, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.phone import Phone
from loadtests.plan import RAISED, Plan, Visitor, read_plan, read_visitors
from loadtests.progress import Progress
from loadtests.records import Recorder, records_path
from loadtests.visit import Visit, read_availability

POLL_SECONDS = 0.5
SPREAD_SECONDS = 0.5


class Gathering:
    """What the people of one process share: the plan, the cards still to come, the tickets come back."""

    def __init__(self, directory: Path, part: int) -> None:
        self.plan: Plan = read_plan(directory)
        arriving, later = read_visitors(directory, part, self.plan.processes, self.plan.cards)
        self._arriving, self._later = iter(arriving), iter(later)
        self.recorder = Recorder(records_path(directory, part))
        self.progress = Progress(part, directory, self.recorder)
        self.dice = random.Random(f"{self.plan.seed}/{part}")
        self._directory = directory
        self._come_back = 0
        self.over = False
        self.nobody_left = False

    @property
    def opens_in(self) -> float:
        """Seconds until the sale opens."""
        return self.plan.opens_at / 1000 - time.time()

    def next_card(self) -> Visitor | None:
        """The next card that arrives, or None when all have come."""
        visitor = next(self._arriving, None)
        if visitor:
            self.progress.visited()
        return visitor

    def late_card(self) -> Visitor | None:
        """A further card when there is a ticket for it, or None when there is none now."""
        if self._come_back <= 0:
            return None
        visitor = next(self._later, None)
        if visitor is None:
            self.nobody_left = True
            return None
        self._come_back -= self.plan.per_card_limit
        self.progress.visited()
        return visitor

    def look_round(self, phone: Phone) -> None:
        """Learn how many tickets are free, and whether the sale is over."""
        left = read_availability(phone, self.plan)
        if left is None:
            return
        # Every process sees the same tickets, so each sends people for its part of them.
        self._come_back = -(-sum(quota.available for quota in left.quotas.values()) // self.plan.processes)
        self.over = left.over and (not self.plan.raised or (self._directory / RAISED).exists())


class Member(FastHttpUser):
    """A phone, in the hands of one card after another."""

    wait_time = constant(0)
    network_timeout = 10.0
    connection_timeout = 10.0
    gathering: Gathering  # set once for all when the process starts

    def on_start(self) -> None:
        """Arrive before the opening: some look, some try, all wait."""
        self._phone = Phone(self.client, self.gathering.recorder, self.gathering.progress)
        self._first = self.gathering.next_card()
        gevent.sleep(max(0.0, self.gathering.opens_in * self.gathering.dice.random()))
        if self._first and self.gathering.opens_in > 0:
            self._visit(self._first).come_early()
        gevent.sleep(max(0.0, self.gathering.opens_in) + self.gathering.dice.uniform(0, SPREAD_SECONDS))

    @task
    def visit(self) -> None:
        """Make the visit of the next card; without one, wait for tickets that come back."""
        visitor = self._first or self.gathering.next_card()
        self._first = None
        if visitor:
            self._visit(visitor).come()
        elif self.gathering.over or self.gathering.nobody_left:
            raise StopUser
        elif late := self.gathering.late_card():
            # Whoever waited for the last tickets takes them, or the sale would never end.
            self._visit(late, determined=True).take()
        else:
            gevent.sleep(self.gathering.dice.uniform(0.1, POLL_SECONDS))

    def _visit(self, visitor: Visitor, *, determined: bool = False) -> Visit:
        gathering = self.gathering
        return Visit(gathering.plan, self._phone, visitor, gathering.dice, determined=determined)


def add_options(parser: ArgumentParser) -> None:
    """Our own options, beside Locust's."""
    parser.add_argument(
        "--run-dir", type=Path, required=True, help="The rehearsal's directory, with its plan"
    )
    parser.add_argument("--part", type=int, default=0, help="Which process of the crowd this is, from 0")


def gather(environment: Environment, **_: Any) -> None:
    """Read the plan and start what runs beside the people."""
    options = environment.parsed_options
    if options is None:
        raise RuntimeError("the crowd is started by the locust command")
    gathering = Gathering(options.run_dir, options.part)
    Member.gathering, Member.host = gathering, gathering.plan.base_url
    gevent.spawn(gathering.progress.run)
    gevent.spawn(_end_when_over, environment, gathering)


def _end_when_over(environment: Environment, gathering: Gathering) -> None:
    runner = environment.runner
    if runner is None:
        raise RuntimeError("the crowd is started by the locust command")
    phone = Phone(Member(environment).client, gathering.recorder, gathering.progress)
    gevent.sleep(max(0.0, gathering.opens_in) + SPREAD_SECONDS)
    while runner.user_count and gathering.opens_in > -gathering.plan.seconds_max:
        gathering.look_round(phone)
        gevent.sleep(POLL_SECONDS)
    runner.quit()


def give_up(exception: BaseException, **_: Any) -> None:
    """An error in a visit is ours, not the site's: whoever reads the progress must know."""
    Member.gathering.progress.fail(exception)


def go_home(environment: Environment, **_: Any) -> None:
    """Leave complete files behind."""
    Member.gathering.progress.write(finished=True)
    Member.gathering.recorder.close()


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]
events.test_start.add_listener(gather)  # type: ignore[no-untyped-call]
events.user_error.add_listener(give_up)  # type: ignore[no-untyped-call]
events.quitting.add_listener(go_home)  # type: ignore[no-untyped-call]
