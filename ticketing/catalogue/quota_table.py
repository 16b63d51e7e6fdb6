"""A table of quotas as somebody pastes it from a spreadsheet, and quotas as such a table.

Cells are parted by tabs, semicolons or commas. The first line may name its columns, in Chinese or English, in
any order; without headings the columns are showing, name, price, price at the venue, tickets.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.validation import PRICE_MAX, QUOTAS_MAX, Fault, quota_faults
from ticketing.clock import ZONE

COLUMNS = ("starts_at", "name", "price", "face_price", "capacity", "per_card_limit", "withheld")
REQUIRED = ("name", "capacity")
HEADINGS: Mapping[str, Mapping[str, str]] = {
    "zh": dict(zip(COLUMNS, ("时间", "名称", "票价", "原价", "票数", "每卡限购", "窗口留票"), strict=True)),
    "en": dict(
        zip(COLUMNS, ("Time", "Name", "Price", "Face price", "Tickets", "Per card", "Desk"), strict=True)
    ),
}
_KNOWN: Mapping[str, str] = {
    "starts_at": "时间 场次时间 开始时间 开场时间 放映时间 上课时间 日期时间 time starts showing showingtime start",
    "name": "名称 场次 影片 片名 影厅 厅 厅号 班级 课程 票种 类别 name title film hall class quota category screen",
    "price": "票价 价格 会员价 单价 优惠价 price memberprice",
    "face_price": "原价 市场价 门市价 挂牌价 票面价 faceprice venueprice priceatthevenue fullprice",
    "capacity": "票数 数量 张数 座位 座位数 名额 人数 容量 capacity tickets seats places quantity",
    "per_card_limit": "每卡限购 限购 限购数 每卡张数 percard limit percardlimit ticketspercard",
    "withheld": "窗口留票 留票 预留 desk withheld keptforthedesk",
}
_COLUMN_OF = {heading: column for column, words in _KNOWN.items() for heading in words.split()}
_HEADINGS_MIN = 2  # cells that must be headings before a first line is taken for one
_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
_MONEY_WORDS = re.compile(r"^[¥¥]|^CNY|^RMB|元$|CNY$|RMB$", re.IGNORECASE)
_COUNT_WORDS = re.compile(r"[张座个人位]$")
_TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_HOUR = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_DATE_WORDS = str.maketrans({"年": "-", "月": "-", "日": " ", "/": "-", ".": "-", "T": " "})


class Line(Struct, frozen=True):
    """One line: its number in what was pasted, its cells by column, and the quota or what is wrong with it."""

    number: int
    cells: Mapping[str, str]
    quota: QuotaDraft
    faults: tuple[Fault, ...]


class QuotaTable(Struct, frozen=True):
    """What was pasted. `faults` are of the table as a whole, `unused` the headings nobody knows."""

    lines: tuple[Line, ...]
    unused: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every line can be written."""
        return not self.faults and not any(line.faults for line in self.lines)

    @property
    def quotas(self) -> tuple[QuotaDraft, ...]:
        """The quotas of a clean table."""
        return tuple(line.quota for line in self.lines)

    def errors(self) -> Iterator[Fault]:
        """Every fault, named by its line in what was pasted."""
        yield from self.faults
        for line in self.lines:
            for field, reason in line.faults:
                yield f"lines[{line.number}].{field}", reason


def read_table(
    text: str, event_starts_at: int, currency: str, taken: Sequence[QuotaDraft] = ()
) -> QuotaTable:
    """Read a pasted table. A time of day alone is of the event's day; `taken` are quotas that stay beside these."""
    rows = list(_rows(text))
    columns = _heading(rows[0][1]) if rows else None
    unused = (
        ()
        if columns is None
        else tuple(c for c, name in zip(rows[0][1], columns, strict=True) if c and not name)
    )
    body = rows if columns is None else rows[1:]
    seen = {(quota.name, quota.starts_at) for quota in taken}
    lines = []
    for number, cells in body[: QUOTAS_MAX + 1]:
        line = _line(number, _by_column(cells, columns), event_starts_at, currency, seen)
        seen.add((line.quota.name, line.quota.starts_at))
        lines.append(line)
    return QuotaTable(tuple(lines), unused, tuple(_whole_faults(body, columns, len(taken))))


def write_table(quotas: Sequence[QuotaDraft], language: str) -> str:
    """Quotas as a table that `read_table` takes, with headings in that language."""
    headings = HEADINGS[language]
    lines = ["\t".join(headings[column] for column in COLUMNS)]
    lines += ["\t".join(_written(quota, column) for column in COLUMNS) for quota in quotas]
    return "\n".join(lines)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of every line that is not empty."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    separator = _separator(lines)
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
        if any(cells):
            yield number, cells


def _separator(lines: Sequence[str]) -> str:
    filled = [line for line in lines if line.strip()]
    return next((mark for mark in "\t;；，" if any(mark in line for line in filled)), ",")


def _heading(cells: Sequence[str]) -> list[str] | None:
    """The column of each heading, empty for one that nobody knows; None when the line is no heading."""
    names = [_COLUMN_OF.get(_plain_heading(cell), "") for cell in cells]
    return names if sum(map(bool, names)) >= _HEADINGS_MIN else None


def _plain_heading(cell: str) -> str:
    words = _BRACKETS.sub("", unicodedata.normalize("NFKC", cell)).lower()
    return re.sub(r"[\s_\-:/]", "", words)


def _by_column(cells: Sequence[str], columns: Sequence[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, cell in zip(columns or COLUMNS, cells, strict=False):
        if name and cell:  # two columns of names, such as film and hall, make one
            found[name] = f"{found[name]} {cell}" if name in found else cell
    return found


def _whole_faults(
    body: Sequence[tuple[int, list[str]]], columns: Sequence[str] | None, taken: int
) -> Iterator[Fault]:
    if not body:
        yield "text", "has no lines"
    if len(body) + taken > QUOTAS_MAX:
        yield "text", f"must be at most {QUOTAS_MAX}"
    for column in REQUIRED:
        if columns is not None and column not in columns:
            yield "text", f"has no column for {column}"
    most = max((len(cells) for _, cells in body), default=0)
    if columns is None and most > len(COLUMNS):
        yield "text", "has more columns than are known"


def _line(
    number: int,
    cells: Mapping[str, str],
    event_starts_at: int,
    currency: str,
    seen: set[tuple[str, int | None]],
) -> Line:
    faults: list[Fault] = []
    quota = QuotaDraft(
        name=cells.get("name", ""),
        starts_at=_time(cells, event_starts_at, faults),
        price=_price(cells, "price", faults) or 0,
        face_price=_price(cells, "face_price", faults),
        capacity=_count(cells, "capacity", faults, required=True) or 0,
        per_card_limit=_count(cells, "per_card_limit", faults),
        withheld=_count(cells, "withheld", faults) or 0,
        currency=currency,
    )
    unreadable = {field for field, _ in faults}
    faults += [fault for fault in quota_faults(quota) if fault[0] not in unreadable]
    if (quota.name, quota.starts_at) in seen and not faults:
        faults.append(("name", "another quota has this name and time"))
    return Line(number, cells, quota, tuple(faults))


def _time(cells: Mapping[str, str], event_starts_at: int, faults: list[Fault]) -> int | None:
    text = " ".join(unicodedata.normalize("NFKC", cells.get("starts_at", "")).split())
    if not text:
        return None
    if _HOUR.fullmatch(text):
        text = f"{datetime.fromtimestamp(event_starts_at / 1000, ZONE):%Y-%m-%d} {text}"
    plain = " ".join(text.translate(_DATE_WORDS).split())
    for pattern in _TIMES:
        try:
            return round(datetime.strptime(plain, pattern).replace(tzinfo=ZONE).timestamp() * 1000)
        except ValueError:
            continue
    faults.append(("starts_at", "time"))
    return None


def _price(cells: Mapping[str, str], column: str, faults: list[Fault]) -> int | None:
    """An amount in yuan as fen, exactly; fractions of a fen are no price."""
    text = _number(cells.get(column, ""), _MONEY_WORDS)
    if not text:
        return None
    try:
        fen = Decimal(text) * 100
    except InvalidOperation:
        fen = Decimal("NaN")
    if not fen.is_finite() or not 0 <= fen <= PRICE_MAX or fen != int(fen):
        faults.append((column, "price"))
        return None
    return int(fen)


def _count(
    cells: Mapping[str, str], column: str, faults: list[Fault], *, required: bool = False
) -> int | None:
    text = _number(cells.get(column, ""), _COUNT_WORDS)
    if not text and not required:
        return None
    if not text:
        faults.append((column, "is required"))
    elif text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    else:
        faults.append((column, "number"))
    return None


def _number(text: str, words: re.Pattern[str]) -> str:
    """The digits of a cell, without what a spreadsheet or a person writes around them."""
    plain = words.sub("", unicodedata.normalize("NFKC", text).strip()).strip()
    whole, dot, rest = plain.partition(".")
    return whole.replace(",", "") + dot + rest if _THOUSANDS.fullmatch(whole) else plain


def _written(quota: QuotaDraft, column: str) -> str:
    value = getattr(quota, column)
    if value is None or (column == "withheld" and not value):
        return ""
    if column == "starts_at":
        return f"{datetime.fromtimestamp(value / 1000, ZONE):%Y-%m-%d %H:%M}"
    if column in ("price", "face_price"):
        return str(Decimal(value) / 100)
    return str(value)
