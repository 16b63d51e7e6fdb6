"""A table described once, and written as CSV or as XLSX, both row by row.

CSV is for programs: the columns' own names, RFC 3339 in UTC, money as integers in the smallest unit. XLSX is for
people: headings in their language, local times that a spreadsheet counts with, money in units such as yuan.

In CSV a cell that a spreadsheet would take for a formula gets an apostrophe in front; text that people typed can
start with any character, so every text cell is looked at, whoever wrote it. XLSX says of each cell that it is text.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from babel.numbers import get_currency_precision
from msgspec import Struct
from xlsxwriter import Workbook

from ticketing.clock import ZONE, to_rfc3339

TEXT, NUMBER, MONEY, TIME, RATE = "text", "number", "money", "time", "rate"
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes Chinese text for something else."""

ROWS_PER_PIECE = 500
SHEET_ROWS_MAX = 1_000_000
"""Rows of one sheet; a spreadsheet program holds 1,048,576. What is more goes on in a second sheet."""

DEFAULT_CURRENCY = "CNY"
"""Of money in a table that has no column `currency`."""

PIECE_BYTES = 64 * 1024
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER_FORMATS = {NUMBER: "0", MONEY: "#,##0.00", TIME: "yyyy-mm-dd hh:mm:ss", RATE: "0.0%"}
_WIDTHS = {TEXT: 18, NUMBER: 10, MONEY: 12, TIME: 19, RATE: 10}

Cell = str | int | float | None
Row = Sequence[Cell]
Heading = Callable[[str], str]


class Column(Struct, frozen=True):
    """A column by its name in CSV, with what its cells hold: text; a number, money or a time as integers; a rate."""

    name: str
    kind: str = TEXT


class Table(Struct, frozen=True):
    """Columns and the rows below them, which are read once. A cell is None where there is nothing to say."""

    columns: tuple[Column, ...]
    rows: Iterable[Row]


def csv_pieces(table: Table) -> Iterator[bytes]:
    """The table as UTF-8 text, in pieces."""
    yield _csv_lines([[column.name for column in table.columns]], BYTE_ORDER_MARK)
    for piece in _pieces(table.rows):
        yield _csv_lines(_csv_cells(table.columns, row) for row in piece)


def safe_cell(text: str) -> str:
    """`text` as a cell of CSV that no spreadsheet runs."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def xlsx_file(table: Table, heading: Heading) -> IO[bytes]:
    """The table as a workbook in a temporary file, which is gone once it is closed."""
    with ExitStack() as at_fault:
        file = at_fault.enter_context(TemporaryFile())
        _write_workbook(file, table, heading)
        file.seek(0)
        at_fault.pop_all()
    return file


def file_pieces(file: IO[bytes]) -> Iterator[bytes]:
    """What a file holds, in pieces; closed with the last one."""
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _csv_lines(rows: Iterable[Sequence[str]], prefix: str = "") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return (prefix + text.getvalue()).encode()


def _csv_cells(columns: Sequence[Column], row: Row) -> list[str]:
    return [_csv_cell(column.kind, cell) for column, cell in zip(columns, row, strict=True)]


def _csv_cell(kind: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return safe_cell(cell)
    return to_rfc3339(int(cell)) if kind == TIME else str(cell)  # ours, and may be negative


def _pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while piece := list(islice(left, ROWS_PER_PIECE)):
        yield piece


def _write_workbook(file: IO[bytes], table: Table, heading: Heading) -> None:
    with Workbook(file, {"constant_memory": True}) as book:
        sheets = _Sheets(book, table.columns, heading)
        for row in table.rows:
            sheets.add(row)


class _Sheets:
    """The sheets of a workbook, of which the last one grows."""

    def __init__(self, book: Workbook, columns: Sequence[Column], heading: Heading) -> None:
        self._book = book
        self._headings = [heading(column.name) for column in columns]
        self._kinds = [column.kind for column in columns]
        self._currency = next((n for n, column in enumerate(columns) if column.name == "currency"), None)
        self._bold = book.add_format({"bold": True})
        self._formats = {k: book.add_format({"num_format": text}) for k, text in _NUMBER_FORMATS.items()}
        self._begin()

    def add(self, row: Row) -> None:
        """Write a row below the last one."""
        if self._at > SHEET_ROWS_MAX:
            self._begin()
        currency = DEFAULT_CURRENCY if self._currency is None else row[self._currency]
        for place, (kind, cell) in enumerate(zip(self._kinds, row, strict=True)):
            if cell is not None:
                refused = self._write(place, kind, cell, str(currency))
                assert not refused, "a cell that no sheet can hold"
        self._at += 1

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for place, (kind, heading) in enumerate(zip(self._kinds, self._headings, strict=True)):
            self._sheet.set_column(place, place, _WIDTHS[kind])
            self._sheet.write_string(0, place, heading, self._bold)
        self._at = 1

    def _write(self, place: int, kind: str, cell: str | float, currency: str) -> int:
        if isinstance(cell, str):
            return int(self._sheet.write_string(self._at, place, cell))
        if kind == TIME:
            moment = datetime.fromtimestamp(cell / 1000, ZONE).replace(tzinfo=None)
            return int(self._sheet.write_datetime(self._at, place, moment, self._formats[TIME]))
        number = cell / _smallest_units(currency) if kind == MONEY else cell
        return int(self._sheet.write_number(self._at, place, number, self._formats[kind]))


@cache
def _smallest_units(currency: str) -> int:
    """How many of its smallest unit make one of a currency."""
    return int(10 ** get_currency_precision(currency))
