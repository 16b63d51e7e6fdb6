"""Security 8: a file that comes in is bounded, and one that goes out runs nothing.

Goal: no file makes an import take the machine's memory, and no text that a person chose is a formula, or a page, in
what staff download.
Method: files that are too large in each way are imported; members with names that spreadsheets would run buy, and the
export is read as a spreadsheet does.
"""

import csv
import io
import zipfile
from pathlib import Path

import pytest

from tests.support.house import House
from tests.support.people import Union
from tests.support.refusals import refusal
from ticketing.database import Sessions
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.members import card_file
from ticketing.members.card_file import open_card_file
from ticketing.services.cards import create_members, new_member

HEADER = "card_number,name,organisation,pin\n"
FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0")
STARTS = ("=", "+", "-", "@", "\t", "\r")


def _reason(path: Path) -> str:
    refused = refusal(lambda: list(open_card_file(path).lines))
    assert refused.code is Code.INVALID
    return str(refused.facts["errors"][0]["reason"])


def test_08_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as sparse:
        sparse.truncate(card_file.FILE_BYTES_MAX + 1)
    assert "is larger than" in _reason(file)


def test_08_a_sheet_that_unpacks_to_more_than_fits_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        piece = bytes(1 << 24)
        for _ in range(card_file.UNPACKED_BYTES_MAX // len(piece) + 1):
            part.write(piece)
    assert file.stat().st_size < card_file.FILE_BYTES_MAX // 10
    assert "unpacks to more than" in _reason(file)


def test_08_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_file, "LINES_MAX", 10)
    file = tmp_path / "long.csv"
    file.write_text(HEADER + "12345678,a,east,123456\n" * 11)
    assert "has more than 10 lines" in _reason(file)
    file.write_text(HEADER + "12345678,a,east,123456\n" * 10)
    assert len(list(open_card_file(file).lines)) == 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"PK\x03\x04 no archive",
        HEADER.encode() + b'"' + b"x" * 200_000,
        b"\x00" * 1_000,
    ],
    ids=["empty", "no text", "no archive", "a cell without an end", "zeros"],
)
def test_08_what_is_no_list_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd"
    file.write_bytes(content)
    assert _reason(file)


def test_08_a_refused_file_changes_nobody(sessions: Sessions, keyring: Keyring) -> None:
    union = Union(sessions, keyring)
    before = union.card()
    refused = refusal(lambda: union.import_text("0062220001,x,east", header="number,name,organisation"))
    assert refused.code is Code.INVALID
    assert union.card().pin_digest == before.pin_digest


async def test_08_what_staff_download_is_a_file_and_no_cell_of_it_runs(house: House) -> None:
    event = house.publish(50)
    with house.services.sessions.begin() as session:
        rows = [
            new_member(house.services.keyring, f"62220000000002{n:02}", "135790", name, "east")
            for n, name in enumerate(FORMULAS)
        ]
        members = create_members(session, rows, house.now)
    items = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
    for member in members:
        session_of = house.member(member) | {"idempotency-key": "k"}
        held = await house.client.post(f"/api/v1/events/{event}/holds", json=items, headers=session_of)
        confirm = {"payment": {"method": "free"}}
        url = f"/api/v1/holds/{held.json()['id']}/confirm"
        assert (await house.client.post(url, json=confirm, headers=session_of)).status_code == 200
    _drain(house, event)
    answer = await house.client.get(f"/api/v1/staff/events/{event}/orders.csv", headers=house.staff())
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-content-type-options"] == "nosniff"
    rows_out = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(rows_out) == 1 + len(FORMULAS)
    assert [cell for row in rows_out for cell in row if cell.startswith(STARTS)] == []
    names = {row[rows_out[0].index("member")] for row in rows_out[1:]}
    assert names == {f"'{name}" for name in FORMULAS}, "nothing else is changed"


def _drain(house: House, event: str) -> None:
    from ticketing.queue.worker import drain_of

    drain = drain_of(house.services)
    while drain.run(event):
        pass
