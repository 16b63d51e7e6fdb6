"""Reports as tables to take away and to read on a page."""

from collections.abc import Iterable

from msgspec import Struct, structs

from ticketing.reports.attendance import Attended
from ticketing.reports.demand import REASONS, Demand, Sale
from ticketing.reports.participation import Participation, Use
from ticketing.reports.settlement import Settlement, SettlementLine
from ticketing.services.sheets import MONEY, NUMBER, RATE, TEXT, TIME, Column, Table

_KINDS = {
    "face_price": MONEY,
    "face_total": MONEY,
    "member_total": MONEY,
    "subsidy": MONEY,
    "starts_at": TIME,
    "rate": RATE,
    "opens_at": TIME,
    "sold_out_at": TIME,
    "allowance_used": RATE,
} | dict.fromkeys(
    ("tickets", "depth", "held", "used", "capacity", "sold", "collected", "not_collected", "void"), NUMBER
)
_KINDS |= dict.fromkeys(("buyers", "limit", "seconds_to_sell_out"), NUMBER)

ROWS = (SettlementLine, Use, Attended, Sale)
"""What the rows of the reports are."""

REFUSED = tuple(Column(name, NUMBER) for name in ("refused", *REASONS))
"""What stands behind a sale: wishes refused in all, and for each reason."""


def settlement_table(report: Settlement) -> Table:
    """A row a line."""
    return _table(SettlementLine, report.lines)


def participation_table(report: Participation) -> Table:
    """A row a line."""
    return _table(Use, report.lines)


def attendance_table(report: Iterable[Attended]) -> Table:
    """A row a quota."""
    return _table(Attended, report)


def demand_table(report: Iterable[Demand]) -> Table:
    """A row an event, with a column a reason, so that the columns are the same every time."""
    names = Sale.__struct_fields__
    rows = (
        (
            *(getattr(one, name) for name in names),
            one.refused,
            *(one.refusals.get(reason, 0) for reason in REASONS),
        )
        for one in report
    )
    return Table((*columns_of(Sale), *REFUSED), rows)


def columns_of(kind: type[Struct]) -> tuple[Column, ...]:
    """The columns of a table of such rows."""
    return tuple(Column(name, _KINDS.get(name, TEXT)) for name in kind.__struct_fields__)


def _table(kind: type[Struct], rows: Iterable[Struct]) -> Table:
    return Table(columns_of(kind), (structs.astuple(row) for row in rows))
