"""The report on tills as a file for the finance office: one line for each sum, safe to open in a spreadsheet."""

from collections.abc import Iterator, Sequence

from ticketing.clock import to_rfc3339
from ticketing.services.exports import BYTE_ORDER_MARK, csv_lines, safe_cell
from ticketing.services.till import Line, Shift, TillReport, TillSums

COLUMNS = (
    "shift",
    "clerk",
    "desk",
    "opened_at",
    "closed_at",
    "line",
    "event_id",
    "event",
    "method",
    "count",
    "amount",
    "currency",
    "remark",
)


def till_csv(report: TillReport) -> Iterator[bytes]:
    """Every sum of a report, in pieces of UTF-8 text; what no shift counted comes last, without a shift.

    Times are RFC 3339 in UTC, amounts integers in the smallest unit.
    """
    yield csv_lines([COLUMNS], BYTE_ORDER_MARK)
    for shift in report.shifts:
        yield csv_lines(map(_safe, _rows_of(shift)))
    outside = [
        _row(["", line.clerk, line.desk, "", ""], line, f"{line.kind}_outside") for line in report.loose
    ]
    yield csv_lines(map(_safe, outside))


def _rows_of(shift: Shift) -> list[list[str]]:
    record = shift.record
    closed_at = "" if record.closed_at is None else to_rfc3339(record.closed_at)
    head = [record.id, shift.clerk, record.desk, to_rfc3339(record.opened_at), closed_at]
    opening = TillSums(cash=record.opening_cash, card=0)
    rows = _sums(head, "opening", opening, record.currency)[:1]
    rows += [_row(head, line, line.kind) for line in shift.lines]
    rows += _sums(head, "expected", shift.expected, record.currency)
    if shift.counted is not None and shift.difference is not None:
        rows += _sums(head, "counted", shift.counted, record.currency)
        rows += _sums(head, "difference", shift.difference, record.currency, record.remark or "")
    return rows


def _sums(head: list[str], name: str, sums: TillSums, currency: str, remark: str = "") -> list[list[str]]:
    both = (("cash", sums.cash), ("card", sums.card))
    return [[*head, name, "", "", method, "", str(amount), currency, remark] for method, amount in both]


def _row(head: list[str], line: Line, name: str) -> list[str]:
    sums = [line.method or "", str(line.count), str(line.amount), line.currency, ""]
    return [*head, name, line.event_id, line.title, *sums]


def _safe(row: Sequence[str]) -> list[str]:
    """Every cell made safe but the amounts, which are ours and may be negative."""
    amount = COLUMNS.index("amount")
    return [cell if place == amount else safe_cell(cell) for place, cell in enumerate(row)]
