"""The result of an event as a file for the finance office: one line a ticket, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front. Text that people typed can
start with any character, so every text cell is looked at, whoever wrote it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import RowMapping, Select, select

from ticketing.catalogue.tables import Quota
from ticketing.clock import to_rfc3339
from ticketing.database import Sessions, reading
from ticketing.members.tables import REPLACED, Card, Member, Organisation
from ticketing.orders.tables import Order, Ticket

COLUMNS = (
    "order_number",
    "ticket_code",
    "quota",
    "status",
    "price",
    "currency",
    "payment_method",
    "payment_status",
    "member",
    "card",
    "organisation",
    "channel",
    "confirmed_at",
    "collected_at",
)
ROWS_PER_PIECE = 500

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes Chinese text for something else."""


def orders_csv(sessions: Sessions, event_id: str) -> Iterator[bytes]:
    """The tickets of an event that SQL has, in pieces of UTF-8 text.

    Times are RFC 3339 in UTC, prices integers in the smallest unit.
    """
    yield csv_lines([COLUMNS], BYTE_ORDER_MARK)
    with reading(sessions) as session:
        rows = session.execute(_tickets(event_id), execution_options={"yield_per": ROWS_PER_PIECE})
        for piece in rows.mappings().partitions():
            yield csv_lines([_cells(row) for row in piece])


def safe_cell(text: str) -> str:
    """`text` as a cell that no spreadsheet runs."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _tickets(event_id: str) -> Select[*tuple[object, ...]]:
    last_four = (
        select(Card.last_four)
        .where(Card.member_id == Order.member_id, Card.status != REPLACED)
        .order_by(Card.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            Order.number,
            Ticket.code,
            Quota.name.label("quota"),
            Ticket.status,
            Ticket.price,
            Order.currency,
            Order.payment_method,
            Order.payment_status,
            Member.name.label("member"),
            last_four.label("last_four"),
            Organisation.name.label("organisation"),
            Order.channel,
            Order.confirmed_at,
            Ticket.collected_at,
        )
        .join(Ticket, Ticket.order_id == Order.id)
        .join(Quota, Quota.id == Ticket.quota_id)
        .join(Member, Member.id == Order.member_id)
        .join(Organisation, Organisation.id == Member.organisation_id)
        .where(Order.event_id == event_id)
        .order_by(Order.confirmed_at, Order.id, Ticket.place)
    )


def _cells(row: RowMapping) -> Sequence[str]:
    fields = dict(row)
    fields["last_four"] = f"****{fields['last_four'] or ''}"
    for name in ("confirmed_at", "collected_at"):
        fields[name] = "" if fields[name] is None else to_rfc3339(fields[name])
    return [safe_cell(str(value)) for value in fields.values()]


def csv_lines(rows: Iterable[Sequence[str]], prefix: str = "") -> bytes:
    """Rows as lines of CSV in UTF-8, after `prefix`."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return (prefix + text.getvalue()).encode()
