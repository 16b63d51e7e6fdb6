"""Reading a card import: CSV (UTF-8, or the GB 18030 of a Chinese Excel) or XLSX, line by line.

Columns are found by the names in the first line, in any order and case; columns we do not know are left
alone. A spreadsheet's number cell has lost its leading zeros and every digit after the fifteenth, so card
numbers and PINs are taken from text cells only; what such a cell holds is kept with a mark, so that a list of
refused lines sent again is refused again until somebody has mended it.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine

from ticketing.errors import Refusal, invalid
from ticketing.members.card_lines import OPTIONAL, REQUIRED, WORDS, CardLine

FILE_BYTES_MAX = 128 * 1024 * 1024
UNPACKED_BYTES_MAX = 512 * 1024 * 1024
LINES_MAX = 1_000_000

_TEXT_ONLY = ("card_number", "pin")
_SHEET_SIGNATURE = b"PK\x03\x04"
_DELIMITERS = ",;\t"
_GUARDED = re.compile(r"^'(?=[=+\-@])")  # what our own files put before a cell that would be a formula


@dataclass(frozen=True, slots=True)
class CardFile:
    """The lines of a file, to be read once, and about how many there are."""

    lines: Iterator[CardLine]
    total: int


def open_card_file(path: Path) -> CardFile:
    """Open a CSV or XLSX file, told apart by their first bytes.

    Raises `Refusal` INVALID naming `file` for one that is too large, cannot be read or lacks a column, also
    while its lines are being read; `OSError` when there is no such file.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise _refusal(f"is larger than {FILE_BYTES_MAX // 1024 // 1024} MB")
    return read_card_file(path.read_bytes())


def read_card_file(content: bytes) -> CardFile:
    """The same for a file in memory."""
    return _sheet(content) if content.startswith(_SHEET_SIGNATURE) else _csv(content)


def _csv(content: bytes) -> CardFile:
    text = _decoded(content)
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = ((reader.line_num, row) for row in _refusing_bad_csv(reader))
    return CardFile(_lines(rows), text.rstrip().count("\n"))


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refusal("is neither UTF-8 nor GB 18030 text")


def _refusing_bad_csv(reader: Any) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise _refusal(f"cannot be read as CSV at line {reader.line_num}: {error}") from error


def _sheet(content: bytes) -> CardFile:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > UNPACKED_BYTES_MAX:
            raise _refusal(f"unpacks to more than {UNPACKED_BYTES_MAX // 1024 // 1024} MB")
        sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    except (python_calamine.CalamineError, zipfile.BadZipFile, IndexError) as error:
        raise _refusal("cannot be read as XLSX") from error
    first_line = (sheet.start or (0, 0))[0] + 1
    return CardFile(_lines(enumerate(sheet.iter_rows(), first_line)), max(0, sheet.height - 1))


def _lines(rows: Iterable[tuple[int, list[Any]]]) -> Iterator[CardLine]:
    """The lines after the header, which names the columns. Bounded by `LINES_MAX`."""
    numbered = iter(rows)
    _, header = next(numbered, (0, []))
    columns = _columns([_heading(name) for name in header])
    for count, (number, row) in enumerate(numbered, 1):
        if count > LINES_MAX:
            raise _refusal(f"has more than {LINES_MAX:,} lines")
        if any(value != "" for value in row):
            yield _line(number, row, columns)


def _heading(cell: Any) -> str:
    name = str(cell).strip().lower()
    return WORDS.get(name, name)


def _columns(header: list[str]) -> dict[str, int]:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise _refusal(f"needs a first line that names its columns; missing: {', '.join(missing)}")
    return {name: header.index(name) for name in (*REQUIRED, *OPTIONAL) if name in header}


def _line(number: int, row: list[Any], columns: dict[str, int]) -> CardLine:
    cells = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
    number_cells = [name for name in _TEXT_ONLY if not isinstance(cells[name], str)]
    fault = f"{number_cells[0]} is a number cell; format its column as text" if number_cells else ""
    texts = {name: _text(value) for name, value in cells.items()}
    for name in number_cells:
        texts[name] += "?"
    status = texts.get("status", "").lower()
    texts["status"] = WORDS.get(status, status)
    return CardLine(number, fault=fault, **texts)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _GUARDED.sub("", str(value).strip())


def _refusal(reason: str) -> Refusal:
    return invalid(("file", reason))
