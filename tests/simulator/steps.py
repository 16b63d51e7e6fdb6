"""What can happen to a group, step by step: plain values that make sense in any order and go into a file.

A step names everything by value (ids, positions, times), so a schedule with some steps taken out is a schedule
still. `at` is the fake clock's time in ms, `by` the process that acts.
"""

from msgspec import Struct, json

from ticketing.inventory.model import EventRules, HoldRequest
from ticketing.inventory.protocol import Bounds


class Step(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """One step."""

    at: int
    by: int = 0


# The rush


class Hold(Step, frozen=True):
    wishes: tuple[HoldRequest, ...]


class Confirm(Step, frozen=True):
    wishes: tuple[tuple[str, int, str], ...]
    """Hold id, member, payment method."""


class Release(Step, frozen=True):
    wishes: tuple[tuple[str, int], ...]


class Expire(Step, frozen=True):
    limit: int


# The keeper


class Open(Step, frozen=True):
    epoch: str
    limit: int | None


class Configure(Step, frozen=True):
    rules: EventRules


class Resize(Step, frozen=True):
    act: str
    event: str
    quota: int
    capacity: int | None
    withheld: int | None
    force: bool
    more: int = 0


class Restock(Step, frozen=True):
    returns: tuple[tuple[str, int, str], ...]
    """Order id, places as bits, where they go."""


class Drain(Step, frozen=True):
    """SQL records at most `entries` of the log after its cursor; what it has is trimmed."""

    entries: int


class Archive(Step, frozen=True):
    """At SQL's cursor, or this far from it."""

    beside: int = 0


# Reading


class ReadHolds(Step, frozen=True):
    ids: tuple[str, ...]


class ReadLedgers(Step, frozen=True):
    members: tuple[int, ...]


class ReadGroup(Step, frozen=True):
    pass


# What befalls


class Wipe(Step, frozen=True):
    """Redis forgets the group."""


class Copy(Step, frozen=True):
    """Somebody keeps a copy of Redis' files."""


class GoBack(Step, frozen=True):
    """The copy is put back."""


class Restart(Step, frozen=True):
    """Process `by` starts anew and remembers nothing."""


class Learn(Step, frozen=True):
    """Process `by` reads epoch and cursor from SQL."""


class Suspend(Step, frozen=True):
    """Somebody sees a gap between SQL and the log."""


class Stray(Step, frozen=True):
    """An expiry whose hold is not there."""

    id: str


# A rebuild


class Fence(Step, frozen=True):
    """A rebuild begins: it stops the group."""

    token: str


class Make(Step, frozen=True):
    """It writes the group anew beside the old one."""

    token: str


class Lose(Step, frozen=True):
    """What it wrote is gone again."""

    token: str


class Reopen(Step, frozen=True):
    """It puts its group in place; SQL has its epoch, and the log goes on above all that was seen."""

    token: str


AnyStep = (
    Hold
    | Confirm
    | Release
    | Expire
    | Open
    | Configure
    | Resize
    | Restock
    | Drain
    | Archive
    | ReadHolds
    | ReadLedgers
    | ReadGroup
    | Wipe
    | Copy
    | GoBack
    | Restart
    | Learn
    | Suspend
    | Stray
    | Fence
    | Make
    | Lose
    | Reopen
)


class Schedule(Struct, frozen=True):
    """Steps of one group, and the bounds under which all of its calls are made."""

    seed: int
    bounds: Bounds
    steps: tuple[AnyStep, ...]


def write(schedule: Schedule) -> bytes:
    """A schedule as a file keeps it."""
    return json.format(json.encode(schedule), indent=1)


def read(raw: bytes) -> Schedule:
    """The schedule of a file. Raises `msgspec.ValidationError` for anything else."""
    return json.decode(raw, type=Schedule)
