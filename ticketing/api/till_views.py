"""Builds the contract's objects of tills. Pure functions."""

from typing import Any

from msgspec import structs

from ticketing.api import schemas
from ticketing.api.views import instant, instant_or_none
from ticketing.services.till import Line, Shift, TillReport, TillSums
from ticketing.services.unfinished import UnfinishedSale


def shift_view(shift: Shift) -> schemas.Shift:
    """A shift with its totals."""
    record = shift.record
    return schemas.Shift(
        id=record.id,
        clerk=shift.clerk,
        desk=record.desk,
        currency=record.currency,
        opening_cash=record.opening_cash,
        opened_at=instant(record.opened_at),
        closed_at=instant_or_none(record.closed_at),
        closed_by=shift.closed_by or None,
        lines=[schemas.TillLine(**_line(line)) for line in shift.lines],
        expected=_money(shift.expected),
        counted=_money_or_none(shift.counted),
        difference=_money_or_none(shift.difference),
        remark=record.remark,
        unfinished=[unfinished_view(sale) for sale in shift.unfinished],
    )


def report_view(report: TillReport) -> schemas.TillReport:
    """What the finance office reads."""
    return schemas.TillReport(
        since=instant(report.since),
        until=instant(report.until),
        shifts=[shift_view(shift) for shift in report.shifts],
        outside=[
            schemas.LooseTillLine(**_line(line), clerk=line.clerk, desk=line.desk) for line in report.loose
        ],
        unfinished=[unfinished_view(sale) for sale in report.unfinished],
    )


def unfinished_view(sale: UnfinishedSale) -> schemas.UnfinishedSale:
    """A sale that no till counts."""
    order = sale.order
    return schemas.UnfinishedSale(
        order_id=order.id,
        number=order.number,
        event_id=order.event_id,
        event=sale.title,
        sold_at=instant(order.confirmed_at),
        clerk=sale.clerk or None,
        method=order.payment_method,
        amount=order.amount,
        currency=order.currency,
        waiting=len(order.to_collect),
        handed_out=len(order.collected),
    )


def _line(line: Line) -> dict[str, Any]:
    fields = structs.asdict(line)
    return {name: fields[name] for name in ("kind", "event_id", "currency", "method", "count", "amount")} | {
        "event": line.title
    }


def _money(sums: TillSums) -> schemas.TillMoney:
    return schemas.TillMoney(sums.cash, sums.card)


def _money_or_none(sums: TillSums | None) -> schemas.TillMoney | None:
    return None if sums is None else _money(sums)
