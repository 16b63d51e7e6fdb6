"""The report on tills as a table for the finance office: one line for each sum."""

from collections.abc import Iterator

from ticketing.services.sheets import MONEY, NUMBER, TIME, Cell, Column, Row, Table
from ticketing.services.till import Line, Shift, TillReport, TillSums

COLUMNS = (
    Column("shift"),
    Column("clerk"),
    Column("desk"),
    Column("opened_at", TIME),
    Column("closed_at", TIME),
    Column("line"),
    Column("event_id"),
    Column("event"),
    Column("method"),
    Column("count", NUMBER),
    Column("amount", MONEY),
    Column("currency"),
    Column("remark"),
)


def till_table(report: TillReport) -> Table:
    """Every sum of a report; what no shift counted comes last, without a shift, and then what nothing counts."""
    return Table(COLUMNS, _rows(report))


def _rows(report: TillReport) -> Iterator[Row]:
    for shift in report.shifts:
        yield from _rows_of(shift)
    for line in report.loose:
        yield _row(["", line.clerk, line.desk, None, None], line, f"{line.kind}_outside")
    for sale in report.unfinished:
        order = sale.order
        head: list[Cell] = ["", sale.clerk, "", None, None, "unfinished", order.event_id, sale.title]
        yield [*head, order.payment_method, 1, order.amount, order.currency, order.number]


def _rows_of(shift: Shift) -> list[Row]:
    record = shift.record
    head: list[Cell] = [record.id, shift.clerk, record.desk, record.opened_at, record.closed_at]
    opening = TillSums(cash=record.opening_cash, card=0)
    rows = _sums(head, "opening", opening, record.currency)[:1]
    rows += [_row(head, line, line.kind) for line in shift.lines]
    rows += _sums(head, "expected", shift.expected, record.currency)
    if shift.counted is not None and shift.difference is not None:
        rows += _sums(head, "counted", shift.counted, record.currency)
        rows += _sums(head, "difference", shift.difference, record.currency, record.remark or "")
    return rows


def _sums(head: list[Cell], name: str, sums: TillSums, currency: str, remark: str = "") -> list[Row]:
    both = (("cash", sums.cash), ("card", sums.card))
    return [[*head, name, "", "", method, None, amount, currency, remark] for method, amount in both]


def _row(head: list[Cell], line: Line, name: str) -> Row:
    sums: list[Cell] = [line.method or "", line.count, line.amount, line.currency, ""]
    return [*head, name, line.event_id, line.title, *sums]
