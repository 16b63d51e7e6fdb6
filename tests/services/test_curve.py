"""The course of a sale, read from SQL.

Goal: what was sold is counted in the step of time it was sold in, a long sale in longer steps, and staff's acts stand
beside it; nothing of it needs Redis. Method: orders at chosen times, recorded in both databases.
"""

from collections.abc import Sequence

import pytest
from msgspec import structs

from tests.services.test_stats import order_of
from tests.support.office import Office, claims
from ticketing.errors import Code, Refusal
from ticketing.members.tables import Member
from ticketing.orders import repository as orders
from ticketing.services.curve import PLACES_MAX, CurveService


@pytest.fixture
def curves(office: Office) -> CurveService:
    return CurveService(office.sessions)


def sell(office: Office, event_id: str, times: Sequence[int]) -> None:
    """An order of two tickets at each of these times (ms after the epoch)."""
    hold = office.keeper.look_up(event_id, office.buy(event_id, 1, (1, 2)))
    assert hold is not None
    holds = [structs.replace(hold, id=f"{event_id}.{at}", number=f"N{at}", confirmed_at=at) for at in times]
    with office.sessions.begin() as session:
        session.add(Member(id=1, organisation_id="street-1", name="Wang", created_at=0))
        session.flush()
        orders.record_orders(session, [order_of(each, n) for n, each in enumerate(holds)], max(times))


def test_a_short_sale_is_told_by_the_second(office: Office, curves: CurveService) -> None:
    event_id = office.published(100)
    sell(office, event_id, [1_000_200, 1_000_900, 1_001_000, 1_004_999])
    office.redis.flushall()  # as when the sale is long archived
    course = curves.sale_curve(office.district, event_id)
    assert (course.since, course.step_ms) == (1_000_000, 1_000)
    assert course.tickets == (4, 2, 0, 0, 2)
    assert (course.orders, course.sold) == (4, 8)


def test_a_long_sale_has_longer_steps_and_its_beginning_can_be_looked_at_alone(
    office: Office, curves: CurveService
) -> None:
    event_id, day = office.published(100), 86_400_000
    sell(office, event_id, [day, day + 1_500, day + 299_999, day + 300_000, 20 * day])
    whole = curves.sale_curve(office.district, event_id)
    assert (whole.step_ms, sum(whole.tickets)) == (21_600_000, 10)
    assert len(whole.tickets) <= PLACES_MAX
    first = curves.sale_curve(office.district, event_id, "minutes")
    assert (first.step_ms, first.tickets[0], first.tickets[1], sum(first.tickets)) == (1_000, 2, 2, 6)
    assert (first.orders, first.sold) == (3, 10)


def test_what_staff_did_stands_beside_it(office: Office, curves: CurveService) -> None:
    event_id, other = office.published(100), office.published(5)
    office.catalogue.pause(office.district, event_id, "network")
    office.catalogue.resume(office.district, event_id)
    office.catalogue.pause(office.district, other)
    told = curves.sale_curve(office.district, event_id)
    assert (told.since, told.tickets, told.sold) == (None, (), 0)
    assert [(one.action, one.detail["reason"]) for one in told.moments] == [
        ("event.publish", ""),
        ("event.pause", "network"),
        ("event.resume", ""),
    ]
    assert {one.actor for one in told.moments} == {office.district.actor}


def test_it_is_for_those_who_may_see_the_event(office: Office, curves: CurveService) -> None:
    event_id = office.published(100)
    for reader, span, code in (
        (claims("district.street-10", "admin"), "all", Code.NOT_FOUND),
        (claims("district", kind="member"), "all", Code.FORBIDDEN),
        (office.district, "century", Code.INVALID),
    ):
        with pytest.raises(Refusal) as refused:
            curves.sale_curve(reader, event_id, span)
        assert refused.value.code is code
