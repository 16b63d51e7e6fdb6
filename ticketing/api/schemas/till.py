"""What clerks and the finance office send and see of tills."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ticketing.api.schemas.base import NO_CONTROLS, Answer, Currency, DeskName, Price, Request
from ticketing.api.schemas.staff import WithReason

Remark = Annotated[str, Meta(max_length=500, pattern=NO_CONTROLS)]


class ShiftWish(Request):
    """Open a shift with the cash that is in the drawer."""

    desk: DeskName
    opening_cash: Price
    currency: Currency = "CNY"


class ShiftClosing(Request):
    """The cash counted and the sum of the card terminal; `remark` says why they differ from what is expected."""

    counted_cash: Price
    counted_card: Price
    remark: Remark = ""


class TillMoney(Answer):
    """Money in a till by way of payment."""

    cash: int
    card: int


class TillLine(Answer):
    """What was taken, or given back by undos, for one event by one way of payment (null: nothing was paid)."""

    kind: Literal["taken", "given_back"]
    event_id: str
    event: str
    currency: str
    method: str | None
    count: int
    amount: int


class LooseTillLine(TillLine):
    """The same outside any shift."""

    clerk: str
    desk: str


class UnfinishedSale(Answer):
    """A sale that no till counts, because its desk broke off in the middle of it.

    `clerk` sold it (null: of a time when ids did not tell). Of its tickets so many still wait, and so many were handed
    out meanwhile; one of which some were handed out can only be finished.
    """

    order_id: str
    number: str
    event_id: str
    event: str
    sold_at: datetime
    clerk: str | None
    method: str
    amount: int
    currency: str
    waiting: int
    handed_out: int


class Finishing(Request):
    """Finish a sale that broke off: its money was taken."""

    desk: DeskName


class SaleUndo(WithReason, kw_only=True):
    """Undo a sale that broke off; `paid`: its money was taken, and is given back now."""

    desk: DeskName
    paid: bool


class Shift(Answer):
    """A clerk's till at a desk; `expected` is what it should hold now, or held when it was closed.

    `unfinished` are the clerk's sales of its time that no till counts: the drawer may hold their money too.
    """

    id: str
    clerk: str
    desk: str
    currency: str
    opening_cash: int
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    lines: list[TillLine]
    expected: TillMoney
    counted: TillMoney | None
    difference: TillMoney | None
    remark: str | None
    unfinished: list[UnfinishedSale]


class Shifts(Answer):
    """A clerk's open shifts, then their latest closed ones."""

    shifts: list[Shift]


class TillReport(Answer):
    """The shifts opened in a time, the money that no shift counted in it, and the sales of which nothing counts any."""

    since: datetime
    until: datetime
    shifts: list[Shift]
    outside: list[LooseTillLine]
    unfinished: list[UnfinishedSale]
