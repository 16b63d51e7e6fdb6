"""Goal: a report says what the books say, to the cent, of one's own organisation and below, and nothing of a neighbour.

Method: orders are put into both databases as a campaign leaves them; what a report adds up is added up again from
the rows by the SQL that docs/reports.md gives to the finance office.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import text, update

from tests.support.interleaving import looks_before_it_waits
from tests.support.ledger import Ledger, at
from tests.support.office import claims, keeper_on
from tests.support.refusals import refusal
from ticketing.api.pages.names import REFUSAL_NAMES
from ticketing.catalogue import refusals
from ticketing.catalogue.tables import AllowanceGroup
from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.keys import refusals_key
from ticketing.members.tables import Member
from ticketing.reports import settlement
from ticketing.reports.demand import REASONS
from ticketing.reports.settlement import Settlement, TieOut
from ticketing.services import reports as report_service
from ticketing.services.report_period import Asked, months_of
from ticketing.services.reports import ReportService

DISTRICT, EAST = claims("district", "auditor"), claims("district.east")
MAY = Asked(at(1, 0), at(1, 0, month=6))
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def books(sessions: Sessions) -> Ledger:
    return Ledger(sessions)


@pytest.fixture
def keeper(redis_url: str) -> Iterator[Keeper]:
    with Redis.from_url(redis_url) as client:
        yield keeper_on(client, ServerClock())


@pytest.fixture
def reports(sessions: Sessions, keeper: Keeper) -> ReportService:
    return ReportService(sessions, keeper)


def a_campaign(books: Ledger) -> None:
    """Two events at a registered venue and one at another; every state a ticket can be in."""
    books.venue("palace", "工人文化宫")
    books.event("film", (500, 4_000), (1_000, 5_000), venue_id="palace", kind="cinema")
    books.event("opera", (0, 8_001), venue="剧院")
    books.event("later", (500, 4_000), venue_id="palace")
    one, two = books.member("east"), books.member("west")
    books.order(
        "film", one, (1, "collected", at(1, 0)), (1, "collected", at(31, 23)), (1, "issued", None), price=500
    )
    books.order("film", two, (2, "collected", at(5)), (2, "void", None), price=1_000)
    books.order("film", two, (1, "void", None), price=500, payment_status="refund_due", status="cancelled")
    books.order("film", two, (1, "void", None), price=500, payment_status="refunded", status="cancelled")
    books.order("film", one, (1, "collected", at(1, 0, month=6)), price=500)
    books.order("opera", one, (1, "collected", at(6)))
    books.order("later", one, (1, "collected", at(2, month=7)), price=500)


def lines_of(report: Settlement) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    return {
        (line.quota_id, line.state): (line.tickets, line.face_total, line.member_total, line.subsidy)
        for line in report.lines
    }


def test_the_settlement_owes_what_was_collected_in_the_time_and_shows_the_rest(
    books: Ledger, reports: ReportService
) -> None:
    a_campaign(books)
    report = reports.settlement(DISTRICT, MAY)
    assert lines_of(report) == {
        ("film-1", "collected"): (2, 8_000, 1_000, 7_000),
        ("film-1", "collected_at_other_times"): (1, 4_000, 500, 3_500),
        ("film-1", "waiting"): (1, 4_000, 500, 3_500),
        ("film-1", "refund_due"): (1, 4_000, 500, 3_500),
        ("film-1", "refunded"): (1, 4_000, 500, 3_500),
        ("film-2", "collected"): (1, 5_000, 1_000, 4_000),
        ("film-2", "void"): (1, 5_000, 1_000, 4_000),
        ("opera-1", "collected"): (1, 8_001, 0, 8_001),
    }
    owed = {
        (v.venue_id, v.venue, v.contract_number): (v.tickets, v.face_total, v.subsidy) for v in report.venues
    }
    assert owed == {
        ("palace", "工人文化宫", "no. palace"): (3, 13_000, 11_000),
        (None, "剧院", ""): (1, 8_001, 8_001),
    }
    [tie] = report.ties
    assert (tie.orders, tie.lines) == (5_000, 5_000)
    only = reports.settlement(DISTRICT, MAY, "palace")
    assert {line.event_id for line in only.lines} == {"film"}
    assert reports.settlement(DISTRICT, Asked(at(7), at(8))).lines == []


def test_a_tie_that_does_not_hold_is_seen(books: Ledger, reports: ReportService) -> None:
    a_campaign(books)
    with books.sessions.begin() as session:
        session.execute(text("UPDATE tickets SET price = price + 1 WHERE quota_id = 'film-2'"))
    [tie] = reports.settlement(DISTRICT, MAY).ties
    assert tie.lines - tie.orders == 2


def while_a_ticket_is_sold(books: Ledger, reports: ReportService, monkeypatch: pytest.MonkeyPatch) -> int:
    """By how much lines and orders differ when a ticket is recorded between the reading of the two."""
    a_campaign(books)
    late, ties = books.member("west"), settlement._ties

    def sold_meanwhile(*arguments: Any) -> list[TieOut]:
        books.order("film", late, (1, "issued", None), price=500)
        return ties(*arguments)

    monkeypatch.setattr(settlement, "_ties", sold_meanwhile)
    [tie] = reports.settlement(DISTRICT, MAY).ties
    return tie.orders - tie.lines


def test_a_settlement_ties_while_tickets_are_sold(
    books: Ledger, reports: ReportService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert while_a_ticket_is_sold(books, reports, monkeypatch) == 0


def test_control_read_at_two_moments_it_does_not(
    books: Ledger, reports: ReportService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite shows every reader one moment anyway."""
    monkeypatch.setattr(report_service, "snapshot", reading)
    differ = while_a_ticket_is_sold(books, reports, monkeypatch)
    assert differ == (500 if looks_before_it_waits(books.sessions) else 0)


@pytest.mark.parametrize("page", ["reports.md", "zh/reports.md"])
def test_the_sql_of_the_documentation_ties_the_settlement_out(
    books: Ledger, reports: ReportService, page: str
) -> None:
    a_campaign(books)
    owed, tied, *_ = re.findall(r"```sql\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    with reading(books.sessions) as session:
        since_until = {"since": MAY.since, "until": MAY.until}
        by_hand = {row[0]: tuple(map(int, row[1:])) for row in session.execute(text(owed), since_until)}
        sums = [tuple(map(int, row[1:])) for row in session.execute(text(tied), since_until)]
    report = reports.settlement(DISTRICT, MAY)
    assert by_hand == {v.venue: (v.tickets, v.face_total, v.member_total, v.subsidy) for v in report.venues}
    assert sums == [(tie.orders, tie.lines) for tie in report.ties]


def test_a_report_is_of_ones_own_organisation_and_below(books: Ledger, reports: ReportService) -> None:
    books.event("own", (500, 4_000), organisation="mill")
    books.event("neighbour", (500, 4_000), organisation="west")
    for event in ("own", "neighbour"):
        books.order(event, books.member("mill"), (1, "collected", at(5)), price=500)
    assert {line.event_id for line in reports.settlement(EAST, MAY).lines} == {"own"}
    assert len(reports.settlement(DISTRICT, MAY).lines) == 2
    assert {row.event_id for row in reports.attendance(EAST, MAY)} == {"own"}
    assert {row.event_id for row in reports.demand(EAST, MAY)} == {"own"}
    for report in (reports.settlement, reports.participation, reports.attendance, reports.demand):
        for elsewhere in ("west", "district", "nowhere"):
            wish = MAY._replace(organisation=elsewhere)
            assert refusal(report, EAST, wish).code is Code.NOT_FOUND
        assert refusal(report, claims("district", "clerk"), MAY).code is Code.FORBIDDEN
        assert refusal(report, DISTRICT, Asked(5, 5)).code is Code.INVALID
        assert refusal(report, DISTRICT, Asked(0, MAY.until)).code is Code.INVALID
    below = reports.settlement(DISTRICT, MAY._replace(organisation="west"))
    assert {line.event_id for line in below.lines} == {"neighbour"}


def test_participation_counts_each_member_once_and_rolls_up_the_tree(
    books: Ledger, reports: ReportService
) -> None:
    books.event("film", (0, 0), kind="cinema")
    books.event("show", (0, 0))
    mill, east, west = books.member("mill"), books.member("east", "replaced", "blocked"), books.member("west")
    books.member("east", "replaced")  # holds none
    books.member("west")
    books.order("film", mill, (1, "issued", None), confirmed_at=at(1, 0))
    books.order("film", mill, (1, "issued", None), confirmed_at=at(31, 23))
    books.order("show", mill, (1, "issued", None), confirmed_at=at(1, 0, month=6))
    books.order("show", east, (1, "collected", at(3)), confirmed_at=at(2, month=6))
    books.order("show", west, (1, "void", None), confirmed_at=at(5), status="cancelled")
    summer = Asked(at(1, 0), at(1, 0, month=7))
    report = reports.participation(DISTRICT, summer)
    assert report.published_rate == 0.56
    used = {(line.of, line.label): (line.held, line.used, line.rate) for line in report.lines}
    assert used == {
        ("all", ""): (4, 2, 0.5),
        ("organisation", "district"): (4, 2, 0.5),
        ("organisation", "east"): (2, 2, 1.0),
        ("organisation", "mill"): (1, 1, 1.0),
        ("organisation", "west"): (2, 0, 0.0),
        ("kind", "cinema"): (4, 1, 0.25),
        ("kind", ""): (4, 2, 0.5),
        ("month", "2026-05"): (4, 1, 0.25),
        ("month", "2026-06"): (4, 2, 0.5),
    }
    cinema = reports.participation(EAST, summer, "cinema")
    assert [(line.label, line.depth, line.held, line.used) for line in cinema.lines[:3]] == [
        ("", 0, 2, 1),
        ("east", 0, 2, 1),
        ("mill", 1, 1, 1),
    ]


def test_who_was_erased_holds_no_card_and_used_none(books: Ledger, reports: ReportService) -> None:
    books.event("film", (0, 0))
    gone, stays = books.member("east", "blocked"), books.member("east")
    for member in (gone, stays):
        books.order("film", member, (1, "collected", at(2)), confirmed_at=at(1))
    with books.sessions.begin() as session:
        session.execute(update(Member).where(Member.id == gone).values(name=""))
    [in_all] = [line for line in reports.participation(DISTRICT, MAY).lines if line.of == "all"]
    assert (in_all.held, in_all.used, in_all.rate) == (1, 1, 1.0)


def test_attendance_is_by_when_it_takes_place(books: Ledger, reports: ReportService) -> None:
    books.event("film", (0, 0), (0, 0), starts_at=at(10))
    books.event("draft", (0, 0), starts_at=at(10), state="draft")
    books.event("past", (0, 0), starts_at=at(10, month=4))
    one = books.member()
    books.order(
        "film", one, (1, "collected", at(9)), (1, "issued", None), (1, "issued", None), (1, "void", None)
    )
    first, second = reports.attendance(DISTRICT, MAY)
    assert (first.sold, first.collected, first.not_collected, first.void, first.rate) == (3, 1, 2, 1, 0.3333)
    assert (second.quota, second.sold, second.rate) == ("q2", 0, None)


def limit(books: Ledger, group: str, **fields: object) -> None:
    with books.sessions.begin() as session:
        session.execute(update(AllowanceGroup).where(AllowanceGroup.id == group).values(**fields))


def test_demand_is_by_when_the_sale_opened(books: Ledger, reports: ReportService) -> None:
    books.event("film", (0, 0), opens_at=at(1), per_card_limit=80)
    limit(books, "film", per_card_limit=60)
    books.event("half", (0, 0), (0, 0), opens_at=at(2))
    books.event("unsold", (0, 0), opens_at=at(3), per_card_limit=3)
    books.event("before", (0, 0), opens_at=at(1, month=4))
    books.event("draft", (0, 0), opens_at=at(4), state="draft")
    one, two = books.member(), books.member()
    books.order("film", one, *[(1, "issued", None)] * 60, confirmed_at=at(1) + 5_000)
    books.order("film", two, *[(1, "collected", at(5))] * 40, confirmed_at=at(1) + 42_900)
    books.order("film", books.member(), (1, "void", None), confirmed_at=at(2))
    books.order("half", one, *[(1, "issued", None)] * 100)
    film, half, unsold = reports.demand(DISTRICT, MAY)
    assert (film.event_id, film.sold, film.capacity, film.buyers, film.limit) == ("film", 100, 100, 2, 60)
    assert (film.sold_out_at, film.seconds_to_sell_out) == (at(1) + 42_900, 42)
    assert film.allowance_used == round(100 / 120, 4)
    assert (half.sold, half.capacity, half.sold_out_at, half.seconds_to_sell_out) == (100, 200, None, None)
    assert (half.limit, half.allowance_used) == (None, None)
    assert (unsold.sold, unsold.limit, unsold.allowance_used) == (0, 3, None)


def test_an_opening_moved_behind_the_last_ticket_makes_no_negative_time(
    books: Ledger, reports: ReportService
) -> None:
    books.event("film", (0, 0), opens_at=at(6))
    books.order("film", books.member(), *[(1, "issued", None)] * 100, confirmed_at=at(5))
    [film] = reports.demand(DISTRICT, MAY)
    assert (film.sold_out_at, film.seconds_to_sell_out) == (at(5), 0)


def test_refusals_are_of_redis_while_the_sale_is_there_and_of_sql_afterwards(
    books: Ledger, reports: ReportService, redis_url: str
) -> None:
    for day, event in enumerate(("live", "past"), start=1):
        books.event(event, (0, 0), opens_at=at(day))
    limit(books, "past", archived_at=at(20))
    with Redis.from_url(redis_url) as client:
        client.hset(
            refusals_key("live"), mapping={"live:sold_out": 7, "live:sale_paused": 2, "other:sold_out": 1}
        )
        client.hset(refusals_key("past"), "past:sale_closed", 99)
    with books.sessions.begin() as session:
        counts = {("past", "sold_out"): 3, ("live", "sold_out"): 1}
        refusals.keep(session, ["past", "live"], counts)
    live, past = reports.demand(DISTRICT, MAY)
    assert (live.refused, live.refusals) == (9, {"sale_paused": 2, "sold_out": 7})
    assert (past.refused, past.refusals) == (3, {"sold_out": 3})


def test_every_reason_has_a_name() -> None:
    assert set(REASONS) == set(REFUSAL_NAMES)


def test_a_time_of_which_no_calendar_goes_on_is_refused(reports: ReportService) -> None:
    far = round(datetime(9999, 12, 31, 20, tzinfo=UTC).timestamp() * 1000)
    for since in (far, far - DAY_MS):
        refused = refusal(reports.participation, DISTRICT, Asked(since, since + 1_000))
        assert refused.facts["errors"] == [{"field": "until", "reason": "must be a time from 1970 to 2100"}]


def test_months_are_those_of_the_calendar_here() -> None:
    months = months_of(at(31, 23), at(1, 1, month=7))
    assert [month.name for month in months] == ["2026-05", "2026-06", "2026-07"]
    assert [month.until for month in months[:2]] == [at(1, 0, month=6), at(1, 0, month=7)]
