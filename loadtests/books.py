"""The books after the rehearsal: what Redis and SQL hold. Read from `books.json`, which the engine's side writes."""

from pathlib import Path

import msgspec
from msgspec import Struct

from .plan import BOOKS

VOID = "void"


class QuotaCounts(Struct, frozen=True):
    """A quota as Redis counts it."""

    capacity: int
    withheld: int
    held: int
    sold: int


class Ticket(Struct, frozen=True, array_like=True):
    """A ticket as SQL has it."""

    code: str
    quota_id: str
    status: str


class Order(Struct, frozen=True):
    """An order as SQL has it."""

    id: str
    member: int
    status: str
    tickets: tuple[Ticket, ...]

    @property
    def valid(self) -> tuple[Ticket, ...]:
        """The tickets that are not void."""
        return tuple(ticket for ticket in self.tickets if ticket.status != VOID)


class Books(Struct, frozen=True):
    """Redis' counts, SQL's orders, and what `ticketing audit --json` said."""

    quotas: dict[str, QuotaCounts]
    orders: tuple[Order, ...]
    backlog: int  # log entries that SQL did not have when the books were closed
    drain_seconds: float  # from the end of the crowd to the last order in SQL
    violations: tuple[str, ...] = ()  # the audit's, one line each


def read_books(directory: Path) -> Books:
    """The books in `directory`. Raises `msgspec.ValidationError` when a field is missing or of the wrong type."""
    return msgspec.json.decode((directory / BOOKS).read_bytes(), type=Books)
