"""A table of quotas as it is pasted: what people copy from a spreadsheet is read exactly, or refused line by line.

Goal: no price is a fen off, no line is lost or guessed at, and a table that was written reads back as it was.
Method: the reader alone, with tables as Excel, WPS and people make them; random quotas for the way there and back.
"""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.quota_table import QuotaTable, read_table, write_table
from ticketing.clock import ZONE

FIRST_OF_MAY = round(datetime(2027, 5, 1, 9, 0, tzinfo=ZONE).timestamp() * 1000)


def read(text: str, **options: object) -> QuotaTable:
    return read_table(text, FIRST_OF_MAY, "CNY", **options)  # type: ignore[arg-type]


def at(day: int, hour: int, minute: int = 0) -> int:
    return round(datetime(2027, 5, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize("mark", ["\t", ",", ";", "，", "；"])
def test_a_table_with_chinese_headings_in_any_order(mark: str) -> None:
    rows = ["影厅 时间 票数 票价（元） 原价", "一号厅 14:00 120 5 45.50", "二号厅 2027/5/2_19:30 80 12.05 60"]
    table = read("\r\n".join(row.replace(" ", mark).replace("_", " ") for row in rows) + "\r\n\r\n")
    assert table.is_clean, list(table.errors())
    assert [structs.astuple(quota)[:6] for quota in table.quotas] == [
        ("一号厅", 120, 0, at(1, 14), 500, 4550),
        ("二号厅", 80, 0, at(2, 19, 30), 1205, 6000),
    ]


def test_without_headings_the_columns_are_in_the_usual_order() -> None:
    [quota] = read("2027年5月3日 9:05\tHall 1\t¥5.00\t80元\t1,200张").quotas
    assert quota == QuotaDraft(
        name="Hall 1", starts_at=at(3, 9, 5), price=500, face_price=8000, capacity=1200
    )


def test_film_and_hall_make_one_name_and_unknown_columns_are_named() -> None:
    table = read("Film\tHall\tSeats\tRemark\nDune\tHall 2\t90\tbring water")
    assert [quota.name for quota in table.quotas] == ["Dune Hall 2"]
    assert table.unused == ("Remark",)
    assert table.is_clean


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("\tHall\t5\t40\t", ("capacity", "is required")),
        ("\tHall\t5\t40\tmany", ("capacity", "number")),
        ("\tHall\t5\t40\t1.5", ("capacity", "number")),
        ("\tHall\t5\t40\t-3", ("capacity", "number")),
        ("\tHall\t5.005\t40\t3", ("price", "price")),
        ("\tHall\tNaN\t40\t3", ("price", "price")),
        ("\tHall\t-5\t40\t3", ("price", "price")),
        ("\tHall\t1e99\t\t3", ("price", "price")),
        ("\tHall\t50\t40\t3", ("face_price", "must be from the price to 100000000")),
        ("\t\t5\t40\t3", ("name", "is required")),
        ("31/31\tHall\t5\t40\t3", ("starts_at", "time")),
        ("25:00\tHall\t5\t40\t3", ("starts_at", "time")),
        ("\tOther\t5\t40\t3", ("name", "another quota has this name and time")),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(line: str, fault: tuple[str, str]) -> None:
    table = read(f"\tOther\t5\t40\t3\n\n{line}")
    assert list(table.errors()) == [(f"lines[3].{fault[0]}", fault[1])]


def test_a_table_as_a_whole_may_be_wrong() -> None:
    assert list(read(" \n ").errors()) == [("text", "has no lines")]
    assert ("text", "has no column for capacity") in list(read("时间\t名称\n14:00\t甲").errors())
    many = "\n".join(f"\tHall {n}\t0\t0\t1" for n in range(201))
    assert ("text", "must be at most 200") in list(read(many).errors())
    taken = [QuotaDraft(name="Hall 1", capacity=1)]
    assert ("lines[1].name", "another quota has this name and time") in list(
        read("\tHall 1\t0\t0\t1", taken=taken).errors()
    )


quotas = st.builds(
    QuotaDraft,
    name=st.text("甲乙丙AB12", min_size=1, max_size=9),
    capacity=st.integers(0, 1_000_000),
    starts_at=st.none() | st.integers(0, 50_000_000).map(lambda minutes: minutes * 60_000),
    price=st.integers(0, 99_999_999),
    face_price=st.just(100_000_000),
    per_card_limit=st.none() | st.integers(1, 1000),
)


@given(
    st.lists(quotas, min_size=1, max_size=5, unique_by=lambda quota: quota.name),
    st.sampled_from(["zh", "en"]),
)
def test_what_was_written_reads_back_as_it_was(made: list[QuotaDraft], language: str) -> None:
    table = read(write_table(made, language))
    assert table.is_clean, list(table.errors())
    assert list(table.quotas) == made
