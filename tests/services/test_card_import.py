"""An import brings new members in, changes or moves known ones, and names every line it cannot take.

Goal: importing twice is importing once; nothing that a member chose is lost; sessions notice; a running sale is
not kept waiting. Method: small files on both databases, and one that competes with another writer.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from tests.support.interleaving import looks_before_it_waits, until_somebody_waits
from tests.support.people import CARD, OTHER_CARD, PIN, Taken, Union
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.members import bulk
from ticketing.members.card_lines import CardLine
from ticketing.members.tables import ACTIVE, BLOCKED, Card, Member, Organisation, SessionChange
from ticketing.services.card_import import PIECE_LINES, LineImport, import_cards
from ticketing.services.card_refusals import refusals_csv

LINE = f"{CARD},王小明,east,{PIN},,"


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


def count(union: Union, table: type) -> int:
    with reading(union.sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def lines(number: int, first: int = 0, organisation: str = "east") -> list[CardLine]:
    numbers = range(first, first + number)
    return [CardLine(at + 2, f"00633{at:07}", f"会员{at}", organisation, f"{at:06}") for at in numbers]


def taken(union: Union, source: list[CardLine]) -> Taken:
    return Taken.of(import_cards(source, union.sessions, union.keyring, union.clock))


def test_a_new_member_can_sign_in(union: Union) -> None:
    report = union.import_text("0062230001,张伟,西街道工会,0246,13800000001,")
    assert report == (1, 0, [])
    claims = union.sign_in("0062230001", "0246")
    assert (claims.name, claims.organisation_id, claims.pin_must_change) == ("张伟", "west", False)
    assert union.person(claims.id).phone == "13800000001"
    assert union.card("0062230001").last_four == "0001"


def test_importing_again_repeats_nothing(union: Union) -> None:
    """Nobody is doubled, nothing counts as changed, and no session is disturbed."""
    claims = union.sign_in()
    source = lines(1_200)
    assert taken(union, source) == (1_200, 0, [])
    assert taken(union, source) == (1_200, 0, [])
    assert union.import_text(LINE) == (1, 0, [])
    assert count(union, Member) == count(union, Card) == 1_202
    assert count(union, SessionChange) == 0
    assert union.verdict(claims) is None


def test_a_card_of_before_there_were_tags_gets_its_own_when_it_is_imported_again(union: Union) -> None:
    union.import_text("0062230001,张伟,西街道工会,0246,13800000001,")
    tag = union.card("0062230001").tag
    with union.sessions.begin() as session:
        session.execute(update(Card).values(tag=None))
    assert union.import_text("0062230001,张伟,西街道工会,,,") == (1, 0, [])
    assert union.card("0062230001").tag == tag is not None


def test_a_member_moves_within_their_session(union: Union) -> None:
    claims = union.sign_in()
    assert union.import_text(f"{CARD},王小明,west,{PIN},,") == (1, 1, [])
    assert union.person(union.member).organisation_id == "west"
    assert union.verdict(claims) is None
    assert union.revocations.organisation_path(claims) == "district.west"


def test_name_and_phone_follow_the_file(union: Union) -> None:
    assert union.import_text(f"{CARD},王大明,east,,13800000009,") == (1, 1, [])
    assert union.import_text(f"{CARD},王大明,east,,,") == (1, 0, [])  # an empty phone says nothing
    person = union.person(union.member)
    assert (person.name, person.phone) == ("王大明", "13800000009")
    assert count(union, SessionChange) == 0


def test_a_card_is_blocked_and_freed_by_its_status(union: Union) -> None:
    claims = union.sign_in()
    assert union.import_text(f"{LINE}blocked") == (1, 1, [])
    assert union.card().status == BLOCKED
    assert union.verdict(claims) is Code.CARD_BLOCKED
    assert union.import_text(LINE) == (1, 0, [])  # an empty status says nothing
    assert union.card().status == BLOCKED
    assert union.import_text(f"{LINE}Active") == (1, 1, [])
    assert union.card().status == ACTIVE
    assert union.verdict(claims) is None
    assert [act for act in union.acts() if act != "cards.import"] == ["card.block", "card.unblock"]


def test_a_new_card_may_come_in_blocked(union: Union) -> None:
    union.import_text("0062230001,张伟,west,0246,,blocked")
    with pytest.raises(Refusal):
        union.sign_in("0062230001", "0246")


def test_another_pin_ends_the_sessions_of_the_old_one(union: Union) -> None:
    claims = union.sign_in()
    assert union.import_text(f"{CARD},王小明,east,97531,,") == (1, 1, [])
    assert union.verdict(claims) is Code.UNAUTHENTICATED
    assert union.sign_in(CARD, "97531").id == union.member


def test_a_pin_that_the_member_chose_is_theirs(union: Union) -> None:
    """The union's list has the first PIN for ever; an import must not bring it back."""
    union.accounts.change_pin(union.sign_in(), PIN, "97531")
    assert union.import_text(LINE) == (1, 0, [])
    assert union.sign_in(CARD, "97531").id == union.member


def test_a_replaced_card_is_refused_and_its_member_untouched(union: Union) -> None:
    """The list that came up through the layers still has the old card."""
    union.cards.replace(union.claims(), CARD, "0062220009", "worn out")
    report = union.import_text(f"{CARD},错,west,{PIN},,blocked", f"{OTHER_CARD},李华,west,,,")
    assert report == (1, 0, [(2, "the card was replaced by a new one")])
    assert union.person(union.member).name == "王小明"
    assert union.sign_in("0062220009").organisation_id == "east"


def test_every_refused_line_is_named(union: Union) -> None:
    with union.sessions.begin() as session:
        for number in range(2):
            node = Organisation(id=f"twin{number}", name="机械厂工会", kind="workplace", path=f"twin{number}")
            session.add(node)
    report = union.import_text(
        LINE,
        "12,张伟,east,0246,,",
        "0062230002,张伟,north,0246,,",
        "0062230003,张伟,机械厂工会,0246,,",
        "0062230004,张伟,east,,,",
        LINE,
        "0062230006,张伟,twin1,0246,,",
    )
    assert (report.accepted, report.changed) == (2, 0)
    assert report.refused == [
        (3, "card_number must be 6 to 32 digits"),
        (4, "organisation is unknown"),
        (5, "organisation is a name that several have; give its id"),
        (6, "pin is empty for a new card"),
        (7, "the same card_number is in line 2"),
    ]


def test_progress_is_told_after_every_piece(union: Union) -> None:
    told: list[tuple[int, int]] = []
    piece = PIECE_LINES["sqlite"] + PIECE_LINES["postgresql"]
    import_cards(
        lines(piece),
        union.sessions,
        union.keyring,
        union.clock,
        lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (piece, 0)
    assert len(told) in [-(-piece // size) for size in PIECE_LINES.values()]


def test_the_trail_keeps_the_figures(union: Union) -> None:
    union.import_text(LINE, "12,张伟,east,0246,,")
    with reading(union.sessions) as session:
        detail = session.execute(text("SELECT detail FROM audit_trail")).scalar_one()
    assert '"accepted": 1' in str(detail).replace("'", '"')
    assert union.acts() == ["cards.import"]


def test_a_file_that_breaks_off_keeps_the_pieces_before(union: Union, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    good = "".join(f"{line.card_number},{line.name},east,{line.pin}\n" for line in lines(2_500))
    file.write_text(f'card_number,name,organisation,pin\n{good}"broken\n', encoding="utf-8")
    with pytest.raises(Refusal):
        import_cards(file, union.sessions, union.keyring, union.clock)
    assert count(union, Member) in (2 + 2_500, 2 + 2_000)


def test_two_imports_at_once_double_nobody(union: Union) -> None:
    """Both see an empty table first; the one that comes second finds the cards known."""
    source = lines(3_000)
    reports: list[Taken] = []
    threads = [threading.Thread(target=lambda: reports.append(taken(union, source))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports == [(3_000, 0, [])] * 2
    assert count(union, Member) == count(union, Card) == 3_002


def test_a_card_stored_by_somebody_else_after_the_look_is_known_then(
    union: Union, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = bulk.known_cards
    looks: list[int] = []

    def too_early(*arguments: object) -> dict[bytes, bulk.KnownCard]:
        looks.append(1)
        return {} if len(looks) == 1 else look(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "known_cards", too_early)
    assert union.import_text(LINE) == (1, 0, [])
    assert count(union, Member) == 2


def waits_of_another(union: Union) -> tuple[list[float], float]:
    """How long another writer waits for each turn while 20,000 lines come in, and how long that takes in all."""
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            began = time.perf_counter()
            with union.sessions.begin() as session:
                session.execute(text("UPDATE members SET phone = '1' WHERE id = 1"))
            waits.append(time.perf_counter() - began)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    began = time.perf_counter()
    writer.start()
    taken(union, lines(20_000))
    done.set()
    writer.join()
    return waits, time.perf_counter() - began


def test_the_drain_is_not_kept_waiting(union: Union) -> None:
    """Another writer gets its turn all through an import; on SQLite there is one lock for both."""
    waits, whole = waits_of_another(union)
    assert len(waits) > 10
    assert max(waits) < whole / 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_control_in_one_piece_an_import_keeps_every_writer_waiting(
    union: Union, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PIECE_LINES, "sqlite", 20_000)
    waits, whole = waits_of_another(union)
    assert max(waits) > whole / 3


def test_a_rehearsal_counts_the_same_and_writes_nothing(union: Union) -> None:
    """What is added, changed, moved and refused is said before the import as after it."""
    source = [
        CardLine(2, CARD, "王小明", "west", PIN),
        CardLine(3, OTHER_CARD, "李大华", "west", ""),
        *lines(300, first=5),
        CardLine(400, "12", "张伟", "east", "0246"),
        CardLine(401, CARD, "王小明", "west", PIN),
    ]
    before = union.card(), union.person(union.member), count(union, Card)
    arguments = (source, union.sessions, union.keyring, union.clock)
    said = import_cards(*arguments, rehearse=True)
    assert (union.card().pin_digest, union.person(union.member).organisation_id, count(union, Card)) == (
        before[0].pin_digest,
        "east",
        before[2],
    )
    assert union.acts() == []
    assert said == import_cards(*arguments)
    assert (said.accepted, said.added, said.changed, said.moved) == (302, 300, 2, 1)
    assert said.refused == [
        (400, "card_number must be 6 to 32 digits"),
        (401, "the same card_number is in line 2"),
    ]
    assert union.acts() == ["member.move", "cards.import"]


def test_staff_of_a_branch_take_nobody_from_its_neighbour(union: Union) -> None:
    """Neither by a line that puts a neighbour's card with them, nor by one that puts somebody there."""
    work = LineImport(union.sessions, union.keyring, union.clock, actor="staff:west", below="district.west")
    source = [
        CardLine(2, CARD, "王小明", "west", "97531"),
        CardLine(3, "0062230001", "张伟", "east", "0246"),
        CardLine(4, "0062230002", "张伟", "西街道工会", "0246"),
    ]
    outcome = work.take(source)
    assert outcome.figures == (1, 1, 0, 0, 2)
    assert [(each.line.line, each.reason) for each in outcome.refused] == [
        (3, "organisation is unknown"),
        (2, "the card is of an organisation outside yours; ask the one above both"),
    ]
    assert union.person(union.member).organisation_id == "east"
    assert union.sign_in().id == union.member


def renamed_by_a_branch_that_they_leave(union: Union) -> str:
    """Where somebody is whom their branch names in a list while the district moves them to another."""
    work = LineImport(union.sessions, union.keyring, union.clock, actor="staff:east", below="district.east")
    line = CardLine(2, CARD, "王晓明", "east", "")
    with ThreadPoolExecutor(1) as pool:
        with union.sessions.begin() as session:
            bulk.known_cards(session, [union.keyring.card_digest(CARD)])
            session.execute(update(Member).where(Member.id == union.member).values(organisation_id="west"))
            outcome = pool.submit(work.take, [line])
            until_somebody_waits(union.sessions)
        outcome.result()
    return union.person(union.member).organisation_id


def test_a_branch_fetches_nobody_back_who_was_moved_meanwhile(union: Union) -> None:
    assert renamed_by_a_branch_that_they_leave(union) == "west"


def test_control_read_with_the_lock_the_member_is_as_before_it(
    union: Union, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(
        session: Session, digests: Sequence[bytes], *, lock: bool = True
    ) -> dict[bytes, bulk.KnownCard]:
        query = bulk.cards_query(digests).with_for_update(of=Card)
        return {row[0]: bulk.KnownCard._make(row) for row in session.execute(query)}

    monkeypatch.setattr(bulk, "known_cards", at_once)
    assert renamed_by_a_branch_that_they_leave(union) == (
        "east" if looks_before_it_waits(union.sessions) else "west"
    )


def test_refused_lines_come_back_mended(union: Union, tmp_path: Path) -> None:
    """The file has every cell as it was written, zeros and all, and none that a spreadsheet would run."""
    file = tmp_path / "cards.csv"
    file.write_text(
        "card_number,name,organisation,pin,phone\n0062230001,=1+1,north,0246,+8613800000001\n",
        encoding="utf-8",
    )
    report = import_cards(file, union.sessions, union.keyring, union.clock)
    back = b"".join(refusals_csv(report.lines, lambda reason: f"原因：{reason}")).decode("utf-8-sig")
    assert back.splitlines() == [
        "card_number,name,organisation,pin,phone,status,line_number,reason",
        "0062230001,'=1+1,north,0246,'+8613800000001,,2,原因：organisation is unknown",
    ]
    file.write_text(back.replace("north", "west").replace("'=1+1", "张伟"), encoding="utf-8")
    assert import_cards(file, union.sessions, union.keyring, union.clock)[:3] == (1, 0, [])
    assert union.person(union.sign_in("0062230001", "0246").id).phone == "+8613800000001"
