"""Goal: what a campaign used of its budget is what the settlement owes as subsidy, to the cent, and nobody else's.

Method: the books of both databases as a campaign leaves them, read by report, settlement and the SQL of
docs/reports.md; and the services over the real Valkey, for who may change what and what the check before publishing
says.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.services.test_checking import flawless, noon_in
from tests.support.ledger import Ledger, at
from tests.support.office import Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue.budgets import AMOUNT_MAX, BudgetPlan
from ticketing.catalogue.model import QuotaDraft
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.reports.budgets import budget_reports
from ticketing.reports.scope import Scope
from ticketing.reports.settlement import settlement
from ticketing.services import event_access, trail_places
from ticketing.services.budgets import BudgetChanges, BudgetService
from ticketing.services.waves import WavePlan

DISTRICT, EAST = claims("district", "auditor"), claims("district.east")
DOCS = Path(__file__).parents[2] / "docs"
PLAN = BudgetPlan(name=" 五一电影 ", amount=100_000, note="工会经费")
BEFORE_THE_END, AFTER_IT = at(5), at(9, 13)


@pytest.fixture
def books(sessions: Sessions) -> Ledger:
    """A film and an opera in one budget, a film in another and one in none; every state a ticket can be in."""
    books = Ledger(sessions)
    books.budget("may", 40_000)
    books.budget("june", 0, "east")
    books.event("film", (500, 4_000), (1_000, 5_000), budget_id="may")
    books.event("opera", (0, 8_001), budget_id="may", state="closed", starts_at=at(11))
    books.event("later", (500, 4_000), budget_id="june", organisation="mill")
    books.event("other", (500, 9_000))
    one, two = books.member("east"), books.member("west")
    books.order("film", one, (1, "collected", at(1)), (1, "issued", None), (1, "issued", None), price=500)
    books.order("film", two, (2, "collected", at(5)), (2, "void", None), price=1_000)
    books.order("film", two, (1, "void", None), price=500, payment_status="refund_due", status="cancelled")
    books.order("film", one, (1, "collected", at(2)), price=500, channel="desk")
    books.order("opera", one, (1, "collected", at(2, month=7)), (1, "issued", None))
    books.order("later", one, (1, "issued", None), price=500)
    books.order("other", one, (1, "collected", at(3)), price=500)
    return books


def reports_of(books: Ledger, path: str = "district", now: int = BEFORE_THE_END) -> dict[str, Any]:
    with reading(books.sessions) as session:
        return {one.budget_id: one for one in budget_reports(session, event_access.ids_below(path), now)}


def figures(one: Any) -> tuple[int, int, int]:
    return one.planned, one.reserved, one.used


def test_what_is_planned_reserved_and_used(books: Ledger) -> None:
    found = reports_of(books)
    may, june = found["may"], found["june"]
    assert [(line.event_id, *figures(line)) for line in may.events] == [
        ("film", 100 * 3_500 + 100 * 4_000, 7_000, 11_000),
        ("opera", 16_002, 8_001, 8_001),  # closed: nobody can buy the others
    ]
    assert (*figures(may), may.left, may.share) == (766_002, 15_001, 19_001, 5_998, 0.475)
    assert (may.plan_exceeds, may.is_exceeded) == (True, False)
    assert (june.share, june.left, june.is_exceeded, june.organisation) == (None, -3_500, True, "east")
    over = reports_of(books, now=AFTER_IT)["may"]
    assert (figures(over), over.plan_exceeds) == ((34_002, 15_001, 19_001), False)


def test_the_used_is_the_subsidy_of_the_settlement(books: Ledger) -> None:
    may = reports_of(books)["may"]
    with reading(books.sessions) as session:
        scope = Scope("district", event_access.ids_below("district"))
        lines = settlement(session, scope, at(1, 0), at(1, 0, month=8)).lines
    owed = [line for line in lines if line.event_id in ("film", "opera")]
    assert may.used == sum(line.subsidy for line in owed if line.state == "collected") == 19_001
    assert may.reserved == sum(line.subsidy for line in owed if line.state == "waiting") == 15_001


@pytest.mark.parametrize("page", ["reports.md", "zh/reports.md"])
def test_the_sql_of_the_documentation_ties_a_budget_out(books: Ledger, page: str) -> None:
    *_, query = re.findall(r"```sql\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    with reading(books.sessions) as session:
        by_hand = {row[0]: (row[1], *map(int, row[2:])) for row in session.execute(text(query))}
    assert by_hand == {one.budget: (one.amount, one.used, one.reserved) for one in reports_of(books).values()}


def test_a_hand_over_that_is_taken_back_is_reserved_again(books: Ledger) -> None:
    before = reports_of(books)["may"]
    with books.sessions.begin() as session:
        session.execute(text("UPDATE tickets SET status = 'issued' WHERE collected_at = :at"), {"at": at(1)})
    after = reports_of(books)["may"]
    assert (after.used, after.reserved, after.left) == (
        before.used - 3_500,
        before.reserved + 3_500,
        before.left,
    )


def test_tickets_in_another_currency_are_in_no_sum(books: Ledger) -> None:
    books.event("abroad", (0, 9_999), budget_id="june", organisation="east")
    with books.sessions.begin() as session:
        session.execute(text("UPDATE quotas SET currency = 'USD' WHERE event_id = 'abroad'"))
    [abroad] = [line for line in reports_of(books)["june"].events if line.event_id == "abroad"]
    assert figures(abroad) == (0, 0, 0)


def test_a_budget_is_of_ones_own_organisation_and_below(books: Ledger) -> None:
    service = BudgetService(books.sessions, ServerClock())
    assert [one.budget_id for one in service.all(EAST)] == ["june"]
    assert len(service.all(DISTRICT)) == 2
    assert [one.budget_id for one in service.all(DISTRICT, "east")] == ["june"]
    assert service.report(EAST, "june").events[0].event_id == "later"
    west = claims("district.west")
    for call in (
        lambda: service.all(west, "east"),
        lambda: service.report(west, "june"),
        lambda: service.report(EAST, "may"),
        lambda: service.offered(west, "june"),
        lambda: service.change(west, "june", BudgetChanges(amount=1)),
        lambda: service.put_in(west, "june", "other"),
        lambda: service.take_out(west, "june", "later"),
    ):
        assert refusal(call).code is Code.NOT_FOUND
    for role in ("clerk", "auditor"):
        someone = claims("district", role)
        assert refusal(service.change, someone, "june", BudgetChanges(amount=1)).code is Code.FORBIDDEN
        assert refusal(service.add, someone, PLAN).code is Code.FORBIDDEN
    assert refusal(service.all, claims("district", "clerk")).code is Code.FORBIDDEN


@pytest.fixture
def service(office: Office) -> BudgetService:
    return BudgetService(office.sessions, office.clock)


def with_subsidy(office: Office, capacity: int, **changes: Any) -> str:
    """A draft of tickets for which the union pays 35 yuan each."""
    quota = QuotaDraft(name="showing", capacity=capacity, price=500, face_price=4_000)
    return office.drafted(**flawless(quotas=(quota,), **changes))


def test_events_go_in_and_out_and_the_trail_says_so(office: Office, service: BudgetService) -> None:
    may, other = service.add(office.district, PLAN), service.add(office.street, PLAN)
    event = with_subsidy(office, 10)
    for _ in range(2):
        service.put_in(office.district, may, event)
    assert [line.event_id for line in service.report(office.district, may).events] == [event]
    budget = service.of_event(office.district, office.event(event))
    assert budget is not None
    assert budget.name == "五一电影"
    assert service.of_event(office.street, office.event(event)) is None
    assert event not in {one.id for one in service.offered(office.district, may)}
    assert refusal(service.put_in, office.district, other, event).facts["errors"] == [
        {"field": "event", "reason": "is in another budget"}
    ]
    service.change(office.district, may, BudgetChanges(amount=0, name="五一电影"))
    for _ in range(2):
        service.take_out(office.district, may, event)
    assert service.of_event(office.district, office.event(event)) is None
    assert faulty(service.put_in, office.district, other, event) == ["event"], "not below the street's union"
    acts = [act for act, subject in office.story() if subject == f"budget:{may}"]
    assert acts == ["budget.create", "budget.put_in", "budget.change", "budget.take_out"]
    with reading(office.sessions) as session:
        place = trail_places.places_of(session, [f"budget:{other}"], "staff:x")[f"budget:{other}"]
    assert place.organisation_id == "street-1"


def test_what_is_written_down_is_checked(office: Office, service: BudgetService) -> None:
    for plan in (
        BudgetPlan(name="", amount=1),
        BudgetPlan(name="x", amount=-1),
        BudgetPlan(name="x", amount=AMOUNT_MAX + 1),
        BudgetPlan(name="x", amount=1, note="n" * 501),
    ):
        assert refusal(service.add, office.district, plan).code is Code.INVALID
    gone = office.published(1)
    office.catalogue.cancel(office.district, gone, "rain")
    budget = service.add(office.district, PLAN)
    assert faulty(service.put_in, office.district, budget, gone) == ["event"]
    assert refusal(service.put_in, office.district, budget, "nowhere").code is Code.NOT_FOUND


def test_the_check_points_at_a_budget_that_publishing_would_exceed(
    office: Office, service: BudgetService
) -> None:
    budget = service.add(office.district, PLAN)
    first, second = with_subsidy(office, 20), with_subsidy(office, 8)
    for event in (first, second):
        service.put_in(office.district, budget, event)

    def said(event: str) -> list[tuple[bool, str]]:
        return [(each.refuses, each.field) for each in office.checks.check(office.district, event)]

    assert said(second) == [], "a draft that is not published takes nothing away"
    office.catalogue.publish(office.district, first)
    assert said(second) == []
    office.waves.raise_quota(office.district, "key", f"{second}-1", 0, [WavePlan(noon_in(3), 1)], "")
    assert said(second) == [(False, "budget")]
    assert {line.planned for line in service.report(office.district, budget).events} == {70_000, 31_500}
    office.catalogue.publish(office.district, second)  # a remark, and no refusal
