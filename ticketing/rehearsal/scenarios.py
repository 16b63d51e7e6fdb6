"""The campaigns that can be rehearsed, one TOML file each, and how their crowds behave."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from ticketing.errors import Misconfigured
from ticketing.resources import package_files

CARD_HOLDERS = 182_850
"""Members of the district that hold a card (published)."""

HOLD_SECONDS = 10
"""How long a hold lasts in a rehearsal: shorter than in a sale, so that what is left comes back in time."""


class Quotas(Struct, frozen=True, forbid_unknown_fields=True):
    """Quotas of one capacity, one for each name."""

    names: tuple[str, ...]
    capacity: int


class Raise(Struct, frozen=True, forbid_unknown_fields=True):
    """Every quota grows to `capacity` when the share `when_sold` of the first stock is sold."""

    capacity: int
    when_sold: float


class Habits(Struct, frozen=True, forbid_unknown_fields=True):
    """How a crowd behaves. Shares are of the visits, 0 to 1; `wants` weighs numbers of tickets; pauses in seconds."""

    share: float  # of the card holders that come
    wants: dict[int, float]
    looks_only: float = 0.12
    comes_early: float = 0.30
    double_taps: float = 0.10
    hangs_up: float = 0.05
    walks_away: float = 0.03
    releases: float = 0.02
    comes_again: float = 0.05
    pause: tuple[float, float] = (0.05, 0.35)


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign: what is sold, by which rules, to whom. Prices are integers in fen."""

    title: str
    venue: str
    pickup: str
    starts_in_days: int
    price: int
    face_price: int
    payment_method: str
    per_card_limit: int
    quotas: tuple[Quotas, ...]
    crowd: Habits
    limit_scope: str = "event"  # or "group": the limit is the allowance group's
    growth: Raise | None = msgspec.field(default=None, name="raise")
    users: int = 256  # phones at the same time
    seconds_max: int = 600  # after the opening

    def each_quota(self) -> Iterator[tuple[str, int]]:
        """Name and first capacity of every quota."""
        return ((name, quotas.capacity) for quotas in self.quotas for name in quotas.names)

    @property
    def first_stock(self) -> int:
        """Tickets on sale at the opening."""
        return sum(capacity for _, capacity in self.each_quota())

    @property
    def last_stock(self) -> int:
        """Tickets there are to sell after the raise, if there is one."""
        return self.growth.capacity * len(list(self.each_quota())) if self.growth else self.first_stock

    @property
    def cards(self) -> int:
        """Cards that come, of all card holders."""
        return round(CARD_HOLDERS * self.crowd.share)

    def population(self, cards: int) -> int:
        """Members there are when `cards` of them come: the same share as in the campaign, at most all."""
        return max(cards, min(CARD_HOLDERS, round(cards / self.crowd.share)))


def names() -> list[str]:
    """The scenarios there are."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load(name: str) -> Scenario:
    """The scenario of that name. Raises `Misconfigured` for an unknown name or a faulty file."""
    if name not in names():
        raise Misconfigured(f"there is no scenario {name!r}; there are: {', '.join(names())}")
    path = _folder() / f"{name}.toml"
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Scenario, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Misconfigured(f"{path.name}: {error}") from error


def _folder() -> Path:
    return package_files("loadtests") / "scenarios"
