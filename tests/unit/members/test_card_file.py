"""Files of cards are read as people and Excel write them.

Goal: the same lines come out of UTF-8, a Chinese Excel's CSV and XLSX, leading zeros kept; a file that cannot be
read is refused in words, before or while it is read. Method: write small files of each kind and read them.
"""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.sheets import write_sheet
from ticketing.errors import Code, Refusal
from ticketing.members import card_file as module
from ticketing.members.card_file import open_card_file
from ticketing.members.card_lines import CardLine, fault_of

HEADER = "card_number,name,organisation,pin,phone,status"
LINE = "0062220001,王小明,东街道工会,013579,13800000001,active"
READ = CardLine(2, "0062220001", "王小明", "东街道工会", "013579", "13800000001", "active")


def read(path: Path) -> list[CardLine]:
    return list(open_card_file(path).lines)


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "cards.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def reason(path: Path) -> str:
    with pytest.raises(Refusal) as refused:
        read(path)
    assert refused.value.code is Code.INVALID
    [error] = refused.value.facts["errors"]
    assert error["field"] == "file"
    return str(error["reason"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_as_it_comes(tmp_path: Path, encoding: str, line_end: str, delimiter: str) -> None:
    text = f"{HEADER}\n{LINE}\n".replace("\n", line_end).replace(",", delimiter)
    assert read(written(tmp_path, text.encode(encoding))) == [READ]


def test_xlsx(tmp_path: Path) -> None:
    file = write_sheet(tmp_path / "cards.xlsx", [HEADER.split(","), LINE.split(",")])
    assert read(file) == [READ]
    assert open_card_file(file).total == 1


def test_columns_in_any_order_and_case_with_others_between(tmp_path: Path) -> None:
    text = "PIN, Name ,remark,Organisation,card_number\n013579, 王小明 ,x,东街道工会,0062220001\n"
    assert read(written(tmp_path, text)) == [READ._replace(phone="", status="")]


def test_short_lines_and_empty_lines(tmp_path: Path) -> None:
    text = f"{HEADER}\n\n,,,,,\n0062220001,王小明,东街道工会,013579\n"
    assert read(written(tmp_path, text)) == [READ._replace(line=4, phone="", status="")]


def test_a_quoted_value_may_run_over_lines(tmp_path: Path) -> None:
    text = f'{HEADER}\n1,"a\nb",c,d,,\n{LINE}\n'
    lines = read(written(tmp_path, text))
    assert [(line.line, line.name) for line in lines] == [(3, "a\nb"), (4, "王小明")]


@pytest.mark.parametrize("column", [0, 3])
def test_a_number_cell_has_lost_its_zeros(tmp_path: Path, column: int) -> None:
    row: list[str | float] = list(LINE.split(","))
    row[column] = 13579.0
    [line] = read(write_sheet(tmp_path / "cards.xlsx", [HEADER.split(","), row]))
    assert fault_of(line) == f"{HEADER.split(',')[column]} is a number cell; format its column as text"


def test_a_number_cell_sent_again_is_refused_again(tmp_path: Path) -> None:
    """A list of refused lines has it as text; what was lost is still lost."""
    row: list[str | float] = [62220001.0, *LINE.split(",")[1:]]
    [line] = read(write_sheet(tmp_path / "cards.xlsx", [HEADER.split(","), row]))
    assert line.card_number == "62220001?"
    [again] = read(written(tmp_path, f"{HEADER}\n{','.join(line[1:7])}\n"))
    assert fault_of(again) == "card_number must be 6 to 32 digits"


def test_a_chinese_list(tmp_path: Path) -> None:
    text = "姓名,会员卡号,工会组织,初始密码,手机号,状态,原因\n王小明,0062220001,东街道工会,013579,13800000001,冻结,x\n"
    assert read(written(tmp_path, text.encode("gb18030"))) == [READ._replace(status="blocked")]


def test_our_own_guard_against_formulas_is_taken_off(tmp_path: Path) -> None:
    text = f"{HEADER}\n0062220001,'=王,'东,013579,'+8613800000001,\n"
    [line] = read(written(tmp_path, text))
    assert (line.name, line.organisation, line.phone) == ("=王", "'东", "+8613800000001")


def test_a_phone_may_be_a_number_cell(tmp_path: Path) -> None:
    row: list[str | float] = [*LINE.split(",")[:4], 13800000001.0, "active"]
    assert read(write_sheet(tmp_path / "cards.xlsx", [HEADER.split(","), row])) == [READ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "missing: card_number, name, organisation, pin"),
        ("card_number,name\n1,2\n", "missing: organisation, pin"),
        (f'{HEADER}\n"open,1,2\n', "cannot be read as CSV at line"),
        (b"PK\x03\x04 but no archive", "cannot be read as XLSX"),
        (b"\xff\xff\xff\xff", "neither UTF-8 nor GB 18030"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: str | bytes, why: str) -> None:
    assert why in reason(written(tmp_path, content))


def test_a_file_without_cards_has_no_lines(tmp_path: Path) -> None:
    assert read(written(tmp_path, HEADER)) == []
    assert open_card_file(written(tmp_path, HEADER)).total == 0


def test_an_archive_that_is_no_workbook(tmp_path: Path) -> None:
    file = tmp_path / "cards.xlsx"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert reason(file) == "cannot be read as XLSX"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("FILE_BYTES_MAX", "larger than"),
        ("UNPACKED_BYTES_MAX", "unpacks"),
        ("LINES_MAX", "more than 1 lines"),
    ],
)
def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, why: str) -> None:
    file = write_sheet(tmp_path / "cards.xlsx", [HEADER.split(","), LINE.split(","), LINE.split(",")])
    assert len(read(file)) == 2
    monkeypatch.setattr(module, limit, 1)
    assert why in reason(file)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"pin": "", "phone": "", "status": ""}, None),
        ({"status": "blocked"}, None),
        ({"card_number": "12"}, "card_number must be 6 to 32 digits"),
        ({"card_number": ""}, "card_number must be 6 to 32 digits"),
        ({"pin": "12"}, "pin must be 4 to 12 digits"),
        ({"status": "lost"}, "status must be active, blocked or empty"),
        ({"name": ""}, "name is empty"),
        ({"name": "x" * 101}, "name is longer than 100 characters"),
        ({"name": "a\nb"}, "name contains a control character"),
        ({"phone": "1" * 31}, "phone is longer than 30 characters"),
        ({"phone": "1\x00"}, "phone contains a control character"),
    ],
)
def test_what_is_wrong_with_a_line(changes: dict[str, Any], why: str | None) -> None:
    assert fault_of(READ._replace(**changes)) == why
