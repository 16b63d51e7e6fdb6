"""Reports as tables to take away and to read on a page."""

from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from ticketing.reports.attendance import Attended
from ticketing.reports.budgets import BudgetReport, Spending
from ticketing.reports.demand import REASONS, Demand, Sale
from ticketing.reports.participation import Participation, Use
from ticketing.reports.settlement import Settlement, SettlementLine
from ticketing.services.sheets import MONEY, NUMBER, RATE, TEXT, TIME, Column, Row, Table

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

BUDGETS = (
    *(Column(name) for name in ("of", "budget_id", "budget", "organisation", "event_id", "event", "state")),
    *(
        Column(name, MONEY)
        for name in ("amount", "subsidy_planned", "subsidy_reserved", "subsidy_used", "left")
    ),
    Column("share", RATE),
    Column("currency"),
)
"""A budget, and below it its events; `of` says which."""


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


def budgets_table(reports: Iterable[BudgetReport]) -> Table:
    """A row a budget, and a row below it for each of its events, which has no amount of its own."""
    return Table(BUDGETS, (row for report in reports for row in _of_budget(report)))


def _of_budget(one: BudgetReport) -> Iterator[Row]:
    named = (one.budget_id, one.budget, one.organisation)
    figures = (one.amount, *_costs(one), one.left, one.share, one.currency)
    yield "budget", *named, None, None, None, *figures
    for event in one.events:
        of_event = (event.event_id, event.event, event.state)
        yield "event", *named, *of_event, None, *_costs(event), None, None, one.currency


def _costs(one: BudgetReport | Spending) -> tuple[int, int, int]:
    return one.planned, one.reserved, one.used


def columns_of(kind: type[Struct]) -> tuple[Column, ...]:
    """The columns of a table of such rows."""
    return tuple(Column(name, _KINDS.get(name, TEXT)) for name in kind.__struct_fields__)


def _table(kind: type[Struct], rows: Iterable[Struct]) -> Table:
    return Table(columns_of(kind), (structs.astuple(row) for row in rows))
