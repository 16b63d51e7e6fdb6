"""Goal: one description of a table gives CSV and a workbook that say the same, exactly, and nothing in them runs.

A long table needs no more memory than a short one, and no file is left.

Method: tables are written and read back with another library; memory is the peak of what Python allocates, and the
control writes the same workbook in the library's usual way.
"""

import csv
import gc
import io
import os
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from ticketing.api.pages.headings import HEADINGS
from ticketing.services import exports, report_tables, sheets, till_export
from ticketing.services.sheets import (
    MONEY,
    NUMBER,
    TIME,
    Column,
    Row,
    Table,
    csv_pieces,
    file_pieces,
    xlsx_file,
)

MAY_DAY = 1_777_597_200_000  # 2026-05-01 09:00 in Shanghai
COLUMNS = (
    Column("title"),
    Column("count", NUMBER),
    Column("price", MONEY),
    Column("currency"),
    Column("at", TIME),
)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "http://example.org", "007", "五元看大片", "x\x07y")


def table(*rows: Row) -> Table:
    return Table(COLUMNS, rows)


def workbook(made: Table) -> CalamineWorkbook:
    return CalamineWorkbook.from_filelike(io.BytesIO(b"".join(file_pieces(xlsx_file(made, str.upper)))))


def test_a_workbook_counts_in_yuan_and_local_time_under_its_readers_headings() -> None:
    made = table(("五元看大片", 20_000, 512, "CNY", MAY_DAY), ("", None, -1, "JPY", None))
    [name] = workbook(made).sheet_names
    assert workbook(made).get_sheet_by_name(name).to_python() == [
        ["TITLE", "COUNT", "PRICE", "CURRENCY", "AT"],
        ["五元看大片", 20_000, 5.12, "CNY", datetime(2026, 5, 1, 9)],  # noqa: DTZ001 - a sheet knows no zone
        ["", "", -1, "JPY", ""],
    ]


def test_csv_is_in_the_smallest_unit_and_utc_under_the_columns_names() -> None:
    made = b"".join(
        csv_pieces(table(("五元看大片", 20_000, 512, "CNY", MAY_DAY), ("=x", None, -1, "JPY", None)))
    )
    assert list(csv.reader(io.StringIO(made.decode("utf-8-sig")))) == [
        ["title", "count", "price", "currency", "at"],
        ["五元看大片", "20000", "512", "CNY", "2026-05-01T01:00:00.000Z"],
        ["'=x", "", "-1", "JPY", ""],
    ]


def test_text_is_text_whatever_it_starts_with() -> None:
    read = workbook(Table((Column("title"),), [(text,) for text in FORMULAS])).get_sheet_by_index(0)
    assert [row[0] for row in read.to_python()[1:]] == list(FORMULAS)


def test_what_one_sheet_cannot_hold_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "SHEET_ROWS_MAX", 2)
    book = workbook(Table((Column("count", NUMBER),), [(n,) for n in range(5)]))
    read = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    assert read == [[["COUNT"], [0], [1]], [["COUNT"], [2], [3]], [["COUNT"], [4]]]


def test_a_row_that_fails_is_told_before_anything_is_sent_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, no paths

    def rows() -> Iterator[Row]:
        yield ("one",)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - of no message
        xlsx_file(Table((Column("title"),), rows()), str.upper)
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_file_is_gone_with_its_last_piece(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = xlsx_file(table(("one", 1, 1, "CNY", MAY_DAY)), str.upper)
    assert b"".join(file_pieces(file)).startswith(b"PK")
    assert (file.closed, list(tmp_path.iterdir())) == (True, [])


def peak_bytes(rows: int) -> int:
    made = Table(COLUMNS, ((f"row {n}", n, n, "CNY", MAY_DAY) for n in range(rows)))
    tracemalloc.start()
    try:
        xlsx_file(made, str.upper).close()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_table_needs_the_memory_of_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = peak_bytes(100), peak_bytes(2_000)
    assert long < short + 300_000
    monkeypatch.setattr(sheets, "Workbook", lambda file, _options: Workbook(file))
    assert peak_bytes(2_000) > short + 600_000, "the control: all rows in memory"


def test_every_column_has_a_heading() -> None:
    of_reports = [column for row in report_tables.ROWS for column in report_tables.columns_of(row)]
    names = {
        column.name
        for column in (
            *exports.COLUMNS,
            *till_export.COLUMNS,
            *of_reports,
            *report_tables.REFUSED,
            *report_tables.BUDGETS,
        )
    }
    assert names <= set(HEADINGS)
