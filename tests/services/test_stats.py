"""The numbers of an event, while it sells.

Goal: counts are Redis' own, collected tickets and the series are SQL's, and an order that waits to be recorded
is seen with its age. Method: a small sale on the real Redis, recorded in part in both databases.
"""

import pytest
from msgspec import structs
from sqlalchemy import update

from tests.support.office import Office, claims
from ticketing.errors import Code, Refusal
from ticketing.inventory.keys import refusals_key
from ticketing.inventory.model import Hold
from ticketing.members.tables import Member
from ticketing.orders import figures
from ticketing.orders import repository as orders
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.orders.tables import COLLECTED, VOID, Ticket


def record(office: Office, event_id: str, count: int) -> None:
    """What the drain does with the first `count` entries of the log."""
    event = office.event(event_id)
    with office.sessions.begin() as session:
        session.merge(Member(id=1, organisation_id="street-1", name="Wang", created_at=0))
        session.flush()
        at = orders.cursor(session, event.group_id)
        assert at is not None
        entries = office.keeper.read_log(event.group_id, at.position, count)
        records = [order_of(entry.hold, entry.position) for entry in entries if entry.hold]
        orders.record_orders(session, records, office.now)
        orders.move_cursor(session, at, entries[-1].position)


def order_of(hold: Hold, position: int) -> OrderRecord:
    number, confirmed_at = hold.number or "", hold.confirmed_at or 0
    quotas = [item.quota for item in hold.items for _ in range(item.quantity)]
    tickets = [
        TicketRecord(f"{number}-{place}", f"{hold.event_id}-{quota}", place, 0)
        for place, quota in enumerate(quotas, start=1)
    ]
    return OrderRecord(
        id=hold.id,
        number=number,
        event_id=hold.event_id,
        member_id=1,
        position=position,
        channel="web",
        status="confirmed",
        amount=0,
        currency="CNY",
        payment_method="free",
        payment_status="not_needed",
        created_at=hold.created_at,
        hold_expires_at=hold.expires_at,
        confirmed_at=confirmed_at,
        recorded_at=None,
        tickets=tuple(tickets),
    )


def test_a_sale_in_numbers(office: Office) -> None:
    event_id = office.published(10, 5)
    other = office.published(5)
    first = office.buy(event_id, 1, (1, 2), (2, 1))
    second = office.buy(event_id, 1, (1, 1), key="again")
    office.hold(event_id, 1, (2, 2), key="later")
    office.buy(other, 1, (1, 1))
    record(office, event_id, 2)  # the rules, and the first order
    with office.sessions.begin() as session:
        handed_out = update(Ticket).where(Ticket.order_id == first, Ticket.place == 1)
        session.execute(handed_out.values(status=COLLECTED))
    office.redis.hset(refusals_key(event_id), mapping={f"{event_id}:sold_out": 7, "other:sold_out": 9})

    stats = office.stats.event_stats(office.district, event_id)

    one, two = stats.quotas
    assert (one.id, one.capacity, one.available, one.held, one.sold, one.collected) == (
        f"{event_id}-1", 10, 7, 0, 3, 1
    )  # fmt: skip
    assert (two.available, two.held, two.sold, two.collected) == (2, 2, 1, 0)
    assert stats.refusals == {"sold_out": 7}
    assert [(point.orders, point.tickets, point.at % 1000) for point in stats.series] == [(1, 3, 0)]
    assert (stats.live, stats.backlog) == (True, 1)
    assert stats.oldest_undrained is not None
    assert stats.oldest_undrained.order_id == second
    assert 0 <= stats.oldest_undrained.age_ms < 60_000
    assert abs(stats.as_of - stats.oldest_undrained.confirmed_at) < 60_000

    record(office, event_id, 5)
    done = office.stats.event_stats(office.district, event_id)
    assert (done.backlog, done.oldest_undrained) == (0, None)
    assert sum(point.tickets for point in done.series) == 4


def test_an_undrained_act_of_a_keeper_is_no_order(office: Office) -> None:
    event_id = office.published(10)
    stats = office.stats.event_stats(office.district, event_id)
    assert (stats.backlog, stats.oldest_undrained) == (1, None)


def test_a_draft_and_a_forgotten_event_show_what_sql_has(office: Office) -> None:
    draft = office.stats.event_stats(office.district, office.drafted(4))
    assert (draft.live, draft.quotas[0].available, draft.backlog, draft.series) == (False, 4, 0, ())
    event_id = office.published(10)
    office.buy(event_id, 1, (1, 3))
    record(office, event_id, 2)
    office.redis.flushall()
    lost = office.stats.event_stats(office.district, event_id)
    assert (lost.live, lost.quotas[0].sold, lost.quotas[0].available, lost.backlog) == (False, 3, 7, 0)


def test_numbers_are_for_those_who_may_see_the_event(office: Office) -> None:
    event_id = office.drafted(4)
    assert office.stats.event_stats(claims("district", "auditor"), event_id).live is False
    with pytest.raises(Refusal) as refused:
        office.stats.event_stats(claims("district.street-10", "admin"), event_id)
    assert refused.value.code is Code.NOT_FOUND


def test_the_series_counts_by_the_second_and_keeps_the_latest(office: Office) -> None:
    event_id = office.published(10)
    hold_id = office.buy(event_id, 1, (1, 2))
    hold = office.keeper.look_up(event_id, hold_id)
    assert hold is not None
    times = (1_000, 1_999, 2_000, 5_500)
    holds = [structs.replace(hold, id=f"{event_id}.{at}", number=f"N{at}", confirmed_at=at) for at in times]
    with office.sessions.begin() as session:
        session.add(Member(id=1, organisation_id="street-1", name="Wang", created_at=0))
        session.flush()
        orders.record_orders(session, [order_of(each, n) for n, each in enumerate(holds)], 9_000)
        session.execute(update(Ticket).where(Ticket.order_id == holds[0].id).values(status=VOID))
        assert figures.last_seconds(session, event_id, 10) == [(1_000, 2, 4), (2_000, 1, 2), (5_000, 1, 2)]
        assert figures.last_seconds(session, event_id, 2) == [(2_000, 1, 2), (5_000, 1, 2)]
        assert figures.sales_by_quota(session, event_id) == {f"{event_id}-1": (6, 0)}
