"""Goal: `ticketing bench` measures what it says, on real servers, and an answer it did not expect is no figure.

Method: the whole of it with short turns and small sales. What the figures are is for the machine that asks; here
each row must be there, with turns behind it.
"""

import io
from pathlib import Path

import pytest

from tests.support.databases import PostgresDatabases
from ticketing.bench import command, crowded, desk, drain, endpoints, engine, hammering
from ticketing.bench.arena import ArenaFailed, arena
from ticketing.bench.figures import Row, as_json

pytestmark = pytest.mark.slow

HTTP = {
    "hold_vs_empty_endpoint",
    "confirm_vs_empty_endpoint",
    "refuse_vs_empty_endpoint",
    "page_vs_empty_endpoint",
    "page_signed_in_vs_empty_endpoint",
    "event_vs_empty_endpoint",
    "availability_vs_empty_endpoint",
    "hold_p99_at_half_throughput",
    "hold_during_logins",
    "hold_growth_with_events",
}
INVENTORY = {
    "engine_vs_single_evalsha",
    "hold_growth_with_holds",
    "redis_bytes_per_ticket",
    "redis_bytes_per_ticket_of_three",
}

SQL = ("drain_vs_bulk_insert", "recorded_orders_per_second")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (endpoints, crowded, engine, drain, desk):
        monkeypatch.setattr(module, "TURNS", 2)
    for module in (endpoints, crowded):
        monkeypatch.setattr(module, "PER_SECOND_MOST", 2_000)
    monkeypatch.setattr(engine, "HOLDS_PER_TURN", 800)
    monkeypatch.setattr(drain, "ORDERS_PER_TURN", 700)
    monkeypatch.setattr(drain, "SALE_SECONDS", 0.5)
    monkeypatch.setattr(desk, "CARDS", 300)
    monkeypatch.setattr(desk, "ORDERS", 200)
    monkeypatch.setattr(desk, "TURN_SECONDS", 0.3)
    monkeypatch.setattr(endpoints, "MEMBERS", 20)
    monkeypatch.setattr(crowded, "EVENTS", (1, 3))


def measured(*rooms: str, postgres: str | None = None) -> list[Row]:
    return command.run(0.3, command.Table(io.StringIO()).show, rooms, postgres, 12_000)


def test_the_http_rows() -> None:
    rows = measured("endpoints")
    assert {row.name for row in rows} == HTTP
    assert all(row.figure > 0 for row in rows)
    compared = [row for row in rows if row.baseline]
    assert len(compared) == 8
    assert all(len(row.runs) == 2 for row in compared)


def test_the_inventorys_rows() -> None:
    rows = measured("engine")
    assert {row.name for row in rows} == INVENTORY
    of = {row.name: row.figure for row in rows}
    assert of["redis_bytes_per_ticket_of_three"] < of["redis_bytes_per_ticket"]


def test_the_rows_of_sql_on_both_databases(postgresql_databases: PostgresDatabases) -> None:
    url = postgresql_databases.create()
    rows = measured("drain", postgres=url)
    names = {f"{name}_{dialect}" for name in SQL for dialect in ("sqlite", "postgresql")}
    assert {row.name for row in rows} == names
    assert all(row.figure > 0 for row in rows)
    assert as_json(rows).keys() == names
    postgresql_databases.drop(url)


def test_the_desks_rows_on_both_databases(postgresql_databases: PostgresDatabases) -> None:
    url = postgresql_databases.create()
    rows = measured("desk", postgres=url)
    assert [row.name for row in rows] == [
        f"{name}_{dialect}"
        for dialect in ("sqlite", "postgresql")
        for name in ("swipe_vs_indexed_select", "swipe_p99_of_20_desks")
    ]
    assert all(row.figure > 0 for row in rows)
    assert all(row.target == 150.0 for row in rows if row.ratio is None)
    postgresql_databases.drop(url)


def test_control_an_unexpected_answer_is_no_figure(tmp_path: Path) -> None:
    with arena(tmp_path) as where:
        path = hammering.write_requests(tmp_path / "requests", [hammering.post("/wishes", "", b"{}")])
        order = hammering.Order("127.0.0.1", where.empty_port, path, 0.2, connections=2, once=False)
        with pytest.raises(ArenaFailed, match="422"):
            hammering.hammer(tmp_path, order, "201")
