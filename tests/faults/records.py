"""What the clients were told, and nothing else: the side of the truth that people have."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.support.calls import Answer


@dataclass(eq=False)
class Booking:
    """One key of one member, and every answer that it got. Only its client writes here."""

    member: int
    key: str
    items: dict[int, int]
    """Tickets by quota number."""
    asked_at: float = field(default_factory=time.monotonic)
    """When it first asked: a hold whose answer was lost, and that a rebuild ended, still gets its first answer."""
    hold: dict[str, Any] | None = None
    held_at: float = 0.0
    void_at: list[float] = field(default_factory=list)
    """When holds were answered that the same key answered differently later: only a rebuild excuses that."""
    order: dict[str, Any] | None = None
    released: bool = False
    refused: str = ""
    cancelled: set[str] = field(default_factory=set)
    cancelled_at: float = 0.0
    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Everything in the order it came, for whoever must understand a violation."""
    _bodies: dict[str, bytes] = field(default_factory=dict)

    def note(self, what: str, answer: Answer | str) -> None:
        """Keep an answer or a doubt. A yes of the same kind must be the same again, byte for byte.

        Holds are for `held`: one that Redis forgot is void, and its key may hold anew.
        """
        if isinstance(answer, str):
            doubt = f"{what}: no answer ({answer})"
            if doubt not in self.told[-1:]:
                self.told.append(doubt)
            return
        self.told.append(f"{what}: {answer.status} {answer.body[:300].decode(errors='replace')}")
        if answer.status >= 300 or what == "hold":
            return
        first = self._bodies.setdefault(what, answer.body)
        if first != answer.body:
            self.wrong.append(f"{what} answered with another body")

    def held(self, answer: Answer) -> None:
        """Keep a hold that was answered."""
        first = self._bodies.setdefault("hold", answer.body)
        if first != answer.body:
            self.void_at.append(self.held_at)
            self._bodies["hold"] = answer.body
        self.held_at, self.hold = time.monotonic(), answer.json()

    @property
    def codes(self) -> list[str]:
        """The tickets that were promised."""
        return [ticket["code"] for ticket in self.order["tickets"]] if self.order else []

    def __str__(self) -> str:
        return "\n    ".join([f"member {self.member}, key {self.key}, {self.items}", *self.told])


@dataclass(eq=False)
class HandOver:
    """Tickets that a clerk was told to hand out."""

    order: str
    codes: list[str]
    at: float


class Restore(NamedTuple):
    """An old copy of SQL that was put back. Hand-overs since are gone with it: the operator's page says so."""

    copied_at: float
    restored_at: float
    collected: frozenset[str]
    """The tickets that had been collected when it was copied."""

    def forgot(self, one: HandOver) -> bool:
        """Whether the hand-over was made between the copy and its return."""
        # What is noted up to a second later was answered before: no API starts as fast.
        return self.copied_at <= one.at <= self.restored_at + 1.0 and not self.collected.issuperset(one.codes)


class Records:
    """Every client's record. Lists only grow; clients append, the judge reads while they rest."""

    def __init__(self) -> None:
        self.bookings: list[Booking] = []
        self.hand_overs: list[HandOver] = []
        self.rebuilds: list[tuple[float, float]] = []
        """When somebody rebuilt: holds told of before then may be void."""
        self.restores: list[Restore] = []
        self.refusals: Counter[str] = Counter()
        self.doubts: Counter[str] = Counter()
        self.confirms: list[float] = []
        self._lock = threading.Lock()

    def count(self, counter: Counter[str], what: str) -> None:
        """Count a refusal or a doubt."""
        with self._lock:
            counter[what] += 1

    def confirmed(self) -> None:
        """A client has just been told of an order."""
        self.confirms.append(time.monotonic())

    @property
    def last_confirm(self) -> float:
        """When somebody was last told of an order."""
        return self.confirms[-1] if self.confirms else 0.0

    def first_confirm_after(self, moment: float) -> float:
        """When somebody was first told of an order after that."""
        return next((at for at in self.confirms if at > moment), float("inf"))

    def was_rebuilt_since(self, moment: float) -> bool:
        """Whether a rebuild has ended since: holds that were answered before may be void."""
        return any(ended > moment for _, ended in self.rebuilds)

    @property
    def standing_hand_overs(self) -> list[HandOver]:
        """Hand-overs but those that went with an old copy of SQL."""
        return [one for one in self.hand_overs if not any(restore.forgot(one) for restore in self.restores)]

    @property
    def orders(self) -> list[Booking]:
        """Bookings that were promised tickets."""
        return [booking for booking in self.bookings if booking.order is not None]

    def of(self, order_id: str) -> str:
        """What a client was told about an order."""
        found = [str(one) for one in self.bookings if one.hold is not None and one.hold["id"] == order_id]
        return "\n    ".join(found) or "no client was told of it"
