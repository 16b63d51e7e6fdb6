"""A list that staff send is checked, imported when they say so, and goes on after whoever worked on it was killed.

Goal: nothing is written before it was looked at; nobody is doubled, skipped or counted twice by a crash, two workers or
two lists at once; a neighbour's list does not exist; what was sent is nowhere in clear, and gone afterwards.
Method: the service and the work on both databases; whoever works is stopped between two pieces by an exception that
nothing catches, as a kill stops it: what its transaction wrote is rolled back.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from tests.support.interleaving import looks_before_it_waits, until_somebody_waits
from tests.support.people import CARD, PIN, Union
from tests.support.refusals import faulty, refusal
from tests.support.sheets import write_sheet
from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.members import imports
from ticketing.members.tables import Card, CardImport, CardImportPart, Member
from ticketing.services import card_import, import_work
from ticketing.services.import_work import ATTEMPTS_MAX, TOO_OFTEN, ImportWork
from ticketing.services.imports import KEPT_MS, ImportService

HEADER = "card_number,name,organisation,pin"
PIECE = 20


class Killed(BaseException):
    """The process is gone."""


class Desk:
    """A union with its lists."""

    def __init__(self, sessions: Sessions, keyring: Keyring) -> None:
        self.union = Union(sessions, keyring)
        self.sessions = sessions
        self.lists = ImportService(sessions, keyring, self.union.clock)
        self.staff = self.union.claims()

    def work(self, runner: str | None = None) -> ImportWork:
        return ImportWork(self.sessions, self.union.keyring, self.union.clock, runner)

    def send(self, *lines: str, staff: Any = None, check: bool = True) -> str:
        content = "\n".join([HEADER, *lines, ""]).encode()
        return self.lists.send(staff or self.staff, r"C:\lists\五月.csv", content, check=check)

    def row(self, import_id: str) -> CardImport:
        return self.lists.get(self.staff, import_id)

    def count(self, table: type) -> int:
        with reading(self.sessions) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def give_up(self) -> None:
        """Nobody has heard of the worker for longer than its lease."""
        with self.sessions.begin() as session:
            session.execute(update(CardImport).values(lease_until=1))


@pytest.fixture
def desk(sessions: Sessions, keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for dialect in card_import.PIECE_LINES:
        monkeypatch.setitem(card_import.PIECE_LINES, dialect, PIECE)
    monkeypatch.setattr(card_import, "REHEARSED_LINES", PIECE)
    return Desk(sessions, keyring)


def lines(number: int, first: int = 0) -> list[str]:
    return [f"00633{at:07},会员{at},east,{at:06}" for at in range(first, first + number)]


def figures(row: CardImport) -> tuple[int, ...]:
    return row.done, row.accepted, row.added, row.changed, row.moved, row.refused


def test_a_list_is_checked_first_and_imported_when_somebody_says_so(desk: Desk) -> None:
    import_id = desk.send(*lines(45), f"{CARD},王小明,west,{PIN}", "12,张伟,east,0246")
    assert desk.row(import_id).state == imports.CHECKING
    assert desk.work().run() == 1
    row = desk.row(import_id)
    assert (row.state, row.file_name, row.total, *figures(row)) == (
        "checked",
        "五月.csv",
        47,
        47,
        46,
        45,
        1,
        1,
        1,
    )
    assert (desk.count(Card), desk.union.person(desk.union.member).organisation_id) == (2, "east")
    desk.lists.start(desk.staff, import_id)
    desk.lists.start(desk.staff, import_id)
    assert desk.work().run() == 1
    again = desk.row(import_id)
    assert (again.state, *figures(again)) == ("imported", *figures(row))
    assert desk.count(Card) == 47
    assert desk.union.person(desk.union.member).organisation_id == "west"
    [refused] = desk.lists.refused(desk.staff, import_id)
    assert (refused.line.line, refused.line.pin, refused.reason) == (
        48,
        "0246",
        "card_number must be 6 to 32 digits",
    )
    acts = ["import.send", "import.start", "member.move", "cards.import", "import.read_refused"]
    assert desk.union.acts() == acts
    assert desk.work().run() == 0


def test_an_import_goes_on_after_a_kill_at_any_piece(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before, in and after every piece; each time another takes over, and nothing is done or counted twice."""
    import_id = desk.send(*lines(70), lines(1)[0], "12,张伟,east,0246", check=False)
    advance, kills = imports.advance, 0

    def dies(*arguments: Any) -> bool:
        nonlocal kills
        kills += 1
        if kills % 2:
            raise Killed
        return advance(*arguments)

    monkeypatch.setattr(imports, "advance", dies)
    while desk.row(import_id).state != imports.IMPORTED:
        try:
            desk.work().run()
        except Killed:
            desk.give_up()
    assert kills >= 8
    assert figures(desk.row(import_id)) == (72, 70, 70, 0, 0, 2)
    assert desk.count(Member) == desk.count(Card) == 72
    refused = [(each.line.line, each.reason) for each in desk.lists.refused(desk.staff, import_id)]
    assert sorted(refused) == [
        (72, "the same card_number is in line 2"),
        (73, "card_number must be 6 to 32 digits"),
    ]
    assert desk.union.acts().count("cards.import") == 1


def test_one_that_was_given_up_and_comes_back_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = desk.send(*lines(50), check=False)
    take, asleep = card_import.LineImport.take, True

    def slow(self: Any, *arguments: Any) -> Any:
        nonlocal asleep
        if asleep:
            asleep = False
            desk.give_up()
            assert desk.work("second").run() == 1
        return take(self, *arguments)

    monkeypatch.setattr(card_import.LineImport, "take", slow)
    assert desk.work("first").run() == 0
    assert figures(desk.row(import_id)) == (50, 50, 50, 0, 0, 0)
    assert (desk.count(Card), desk.union.acts().count("cards.import")) == (52, 1)


def test_control_without_the_runners_name_both_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the one from counting twice is that each step says whose it is, and after how many lines."""
    import_id = desk.send(*lines(10), check=False)

    def careless(
        session: Any, import_id: str, _runner: str, _done: int, _lines: int, new: Any, _until: int
    ) -> bool:
        more = CardImport.accepted + new.accepted
        session.execute(update(CardImport).where(CardImport.id == import_id).values(accepted=more))
        return True

    monkeypatch.setattr(imports, "advance", careless)
    monkeypatch.setattr(ImportWork, "_end", lambda *_: None)
    row = desk.row(import_id)
    for _ in range(2):
        desk.work()._take(row)
    assert desk.row(import_id).accepted == 20


def test_two_workers_and_two_lists_at_once_double_nobody(desk: Desk) -> None:
    sent = [desk.send(*lines(120), check=False) for _ in range(2)]
    threads = [threading.Thread(target=desk.work().run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [desk.row(import_id) for import_id in sent]
    assert [(row.state, row.accepted, row.refused) for row in rows] == [("imported", 120, 0)] * 2
    assert desk.count(Member) == desk.count(Card) == 122


def test_a_list_that_stops_every_time_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = desk.send(*lines(3))

    def bomb(_content: bytes) -> None:
        raise Killed

    monkeypatch.setattr(import_work, "read_card_file", bomb)
    for _ in range(ATTEMPTS_MAX):
        with pytest.raises(Killed):
            desk.work().run()
        desk.give_up()
    assert desk.work().run() == 1
    assert (desk.row(import_id).state, desk.row(import_id).failure) == ("failed", TOO_OFTEN)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"name,card\n1,2\n", "missing: card_number, organisation, pin"),
        (b"\xff\xff\xff\xff", "neither UTF-8 nor GB 18030"),
        (b"PK\x03\x04 but no archive", "cannot be read as XLSX"),
        (HEADER.encode() + b'\n0063300000,a,east,1234\n"open', "cannot be read as CSV at line"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_can_be_dropped(desk: Desk, content: bytes, why: str) -> None:
    import_id = desk.lists.send(desk.staff, "odd", content)
    assert desk.work().run() == 1
    row = desk.row(import_id)
    assert (row.state, why in str(row.failure)) == ("failed", True)
    assert faulty(desk.lists.start, desk.staff, import_id) == ["import"]
    desk.lists.drop(desk.staff, import_id)
    assert (desk.row(import_id).state, desk.count(CardImportPart)) == ("dropped", 0)


def test_what_is_empty_or_too_large_is_not_even_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ticketing.services.imports.UPLOAD_BYTES_MAX", 10)
    for content in (b"", b" \n", b"x" * 11):
        assert faulty(desk.lists.send, desk.staff, "x.csv", content) == ["file"]
    assert desk.count(CardImport) == 0


def test_a_workbook_and_gbk_are_read(desk: Desk, tmp_path: Path) -> None:
    row = ["0063300001", "张伟", "东街道工会", "000246"]
    sheet = write_sheet(tmp_path / "x.xlsx", [HEADER.split(","), row]).read_bytes()
    gbk = f"卡号,姓名,工会组织,初始密码\r\n{','.join(row)}\r\n".encode("gbk")
    for added, content in ((1, sheet), (0, gbk)):
        import_id = desk.lists.send(desk.staff, "x", content, check=False)
        desk.work().run()
        assert figures(desk.row(import_id)) == (1, 1, added, 0, 0, 0)
    assert desk.union.sign_in("0063300001", "000246").name == "张伟"


def test_nothing_sent_is_in_clear_and_all_of_it_goes(desk: Desk) -> None:
    """While it waits, it is encrypted for its place; after the import, and a week later, it is gone."""
    import_id = desk.send("0063399999,张伟,east,864209", "12,李四,east,975310")
    desk.work().run()
    with reading(desk.sessions) as session:
        rows = [
            row
            for name in ("card_imports", "card_import_parts")
            for row in session.execute(text(f"SELECT * FROM {name}"))
        ]
        kept = [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]
    assert not [
        value for value in kept for secret in (b"0063399999", b"864209", b"975310") if secret in value
    ]
    assert desk.count(CardImportPart) == 2
    desk.lists.start(desk.staff, import_id)
    desk.work().run()
    assert desk.count(CardImportPart) == 1
    with desk.sessions.begin() as session:
        session.execute(update(CardImport).values(finished_at=CardImport.finished_at - KEPT_MS - 1))
    desk.work().forget()
    assert (desk.count(CardImportPart), desk.row(import_id).state) == (0, "imported")
    assert list(desk.lists.refused(desk.staff, import_id)) == []


def forgotten_while_it_is_started(desk: Desk) -> str:
    """The state of a list of a week ago that somebody starts while it is being taken away."""
    import_id = desk.send(*lines(3))
    desk.work().run()
    long_ago = {"at": CardImport.at - KEPT_MS - 1, "finished_at": CardImport.finished_at - KEPT_MS - 1}
    with desk.sessions.begin() as session:
        session.execute(update(CardImport).values(**long_ago))
    with ThreadPoolExecutor(1) as pool:
        with desk.sessions.begin() as session:
            row = imports.get(session, import_id, "district", lock=True)
            assert row is not None
            imports.begin_anew(row, imports.IMPORTING)
            session.flush()
            forgotten = pool.submit(desk.work().forget)
            until_somebody_waits(desk.sessions)
        forgotten.result()
    desk.work().run()
    return desk.row(import_id).state


def test_a_list_that_is_started_at_the_last_moment_is_imported(desk: Desk) -> None:
    assert forgotten_while_it_is_started(desk) == "imported"
    assert desk.count(Card) == 2 + 3


def test_control_without_the_lock_it_is_dropped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(session: Session, before: int, limit: int) -> Any:
        return session.scalars(
            select(CardImport).where(CardImport.at < before, CardImport.state == "checked")
        )

    monkeypatch.setattr(imports, "outdated", unlocked)
    lost = looks_before_it_waits(desk.sessions)
    assert forgotten_while_it_is_started(desk) == ("dropped" if lost else "imported")


def test_what_was_refused_is_kept_for_a_week_after_it_was(desk: Desk) -> None:
    import_id = desk.send("12,李四,east,975310")
    with desk.sessions.begin() as session:
        session.execute(update(CardImport).values(at=CardImport.at - KEPT_MS - 1))
    desk.work().run()
    desk.lists.start(desk.staff, import_id)
    desk.work().run()
    desk.work().forget()
    assert len(list(desk.lists.refused(desk.staff, import_id))) == 1


def test_a_neighbours_list_does_not_exist(desk: Desk) -> None:
    """And whoever sends one changes nobody outside their own branch."""
    east, west = desk.union.claims("district.east"), desk.union.claims("district.west")
    import_id = desk.send(f"{CARD},王小明,west,97531", "0063300001,张伟,east,0246", staff=west)
    desk.work().run()
    assert figures(desk.row(import_id)) == (2, 0, 0, 0, 0, 2)
    assert desk.lists.latest(east) == []
    for act in (desk.lists.get, desk.lists.start, desk.lists.drop, lambda *of: list(desk.lists.refused(*of))):
        assert refusal(act, east, import_id).code is Code.NOT_FOUND
    for role in ("clerk", "auditor"):
        assert refusal(desk.lists.latest, desk.union.claims(role=role)).code is Code.FORBIDDEN
        assert refusal(desk.lists.send, desk.union.claims(role=role), "x", b"x").code is Code.FORBIDDEN
    assert [row.id for row in desk.lists.latest(west)] == [import_id]
