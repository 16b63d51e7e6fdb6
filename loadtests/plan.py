"""The plan of one rehearsal: what is on sale, where, and how the crowd behaves. Read from `plan.json`."""

from pathlib import Path

import msgspec
from msgspec import Struct

PLAN, SESSIONS, BOOKS = "plan.json", "sessions.tsv", "books.json"
RAISED = "raised"
"""An empty file, made when the quota that the plan raises has been raised."""


class Quota(Struct, frozen=True):
    """A quota on sale; `capacity` is the largest it has during the rehearsal."""

    id: str
    name: str
    capacity: int


class Crowd(Struct, frozen=True):
    """How people behave. Shares are of the visits, 0 to 1; pauses are seconds, shortest and longest."""

    wants: dict[int, float]  # tickets a person wants -> weight
    looks_only: float  # reads the page and leaves
    comes_early: float  # tries before the opening, is told when to come, and comes again
    double_taps: float  # sends the same request twice at once
    hangs_up: float  # closes the connection before the answer, then repeats with the same key
    walks_away: float  # leaves a hold to expire
    releases: float  # gives a hold back
    comes_again: float  # has bought, and tries for more
    pause: tuple[float, float]  # before each next step


class Plan(Struct, frozen=True):
    """One rehearsal. Times are Unix milliseconds by the server's clock, prices in the smallest unit."""

    scenario: str
    title: str
    base_url: str
    event_id: str
    opens_at: int
    quotas: tuple[Quota, ...]
    per_card_limit: int
    payment_method: str
    hold_seconds: int
    raised: bool  # a quota grows during the sale; nobody goes home before
    cards: int  # the first so many lines of the sessions file arrive; the rest come when tickets come back
    users: int
    processes: int
    seconds_max: int  # after the opening; then the crowd goes home
    seed: int
    crowd: Crowd

    @property
    def stock(self) -> int:
        """Every ticket there is to sell."""
        return sum(quota.capacity for quota in self.quotas)


def read_plan(directory: Path) -> Plan:
    """The plan in `directory`. Raises `msgspec.ValidationError` when a field is missing or of the wrong type."""
    return msgspec.json.decode((directory / PLAN).read_bytes(), type=Plan)


class Visitor(Struct, frozen=True):
    """A person of the crowd: who they are in the books, and their session."""

    member: int
    token: str


def read_visitors(directory: Path, part: int, parts: int, cards: int) -> tuple[list[Visitor], list[Visitor]]:
    """This process' people: those who arrive, and those who come when tickets come back.

    Every `parts`-th line belongs to the process numbered `part` (from 0), so that no card is in two of them.
    """
    arriving: list[Visitor] = []
    later: list[Visitor] = []
    with (directory / SESSIONS).open() as lines:
        for number, line in enumerate(lines):
            if number % parts == part:
                member, _, token = line.rstrip("\n").partition("\t")
                (arriving if number < cards else later).append(Visitor(int(member), token))
    return arriving, later
