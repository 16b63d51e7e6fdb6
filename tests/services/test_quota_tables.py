"""Quotas in bulk: a pasted table is written whole or not at all, in a draft and in mid-sale.

Goal: nothing is written that was not clean, a sale sells what was added, and what was there keeps its counts.
Method: the service over both databases and the real Redis; the reader itself has tests of its own.
"""

from functools import partial

from tests.support.office import HOUR_MS, Office, claims
from tests.support.refusals import faulty, refusal
from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.quota_table import write_table
from ticketing.catalogue.repository import plan_of
from ticketing.errors import Code
from ticketing.inventory.model import Decided

TABLE = "Time\tName\tPrice\tFace price\tTickets\n14:00\tHall 1\t5\t40.50\t120\n16:30\tHall 2\t0\t\t80"


def test_a_table_fills_a_draft_and_takes_its_place_again(office: Office) -> None:
    event_id = office.drafted(5)
    looked = office.quota_tables.look(office.district, event_id, TABLE)
    assert looked.is_clean
    assert office.event(event_id).version == 1, "looking writes nothing"
    office.quota_tables.write(office.district, event_id, TABLE, "as agreed", replace=True)
    event = office.event(event_id)
    assert [(q.number, q.name, q.price, q.face_price, q.capacity) for q in event.quotas] == [
        (1, "Hall 1", 500, 4050, 120),
        (2, "Hall 2", 0, 0, 80),
    ]
    assert event.payment_methods == ["free", "desk"], "the draft takes what its prices need"
    assert office.story()[-1] == ("quota.table", f"event:{event_id}")
    again = write_table(plan_of(event).quotas, "zh")
    office.quota_tables.write(office.district, event_id, again, replace=True)
    assert plan_of(office.event(event_id)).quotas == plan_of(event).quotas
    assert office.catalogue.publish(office.district, event_id).state == "published"


def test_one_wrong_line_and_nothing_is_written(office: Office) -> None:
    event_id = office.drafted(5)
    write = office.quota_tables.write
    wrong = f"{TABLE}\n18:00\tHall 3\t5.005\t40\tmany"
    assert faulty(lambda: write(office.district, event_id, wrong)) == ["lines[4].price", "lines[4].capacity"]
    twice = "\tQuota 1\t0\t0\t5"
    assert faulty(lambda: write(office.district, event_id, twice)) == ["lines[1].name"], "the draft has it"
    assert [quota.name for quota in office.event(event_id).quotas] == ["Quota 1"]
    assert office.story()[-1][0] == "event.create"


def test_in_mid_sale_a_table_adds_and_never_replaces(office: Office) -> None:
    first = QuotaDraft(name="First", capacity=2, price=500, starts_at=office.now + 48 * HOUR_MS)
    event_id = office.published(quotas=(first,), payment_methods=("free", "desk"))
    assert isinstance(office.hold(event_id, 1, (1, 2)), Decided)
    write = office.quota_tables.write
    assert faulty(lambda: write(office.district, event_id, TABLE, replace=True)) == ["replace"]
    write(office.district, event_id, TABLE, "demand")
    assert isinstance(office.hold(event_id, 2, (2, 2), (3, 1)), Decided)
    state = office.in_redis(event_id)
    assert state is not None
    assert [(counts.capacity, counts.held) for _, counts in sorted(state.counts.items())] == [
        (2, 2),
        (120, 2),
        (80, 1),
    ]
    free_only = office.published(5)
    assert faulty(lambda: write(office.district, free_only, TABLE)) == ["payment_methods"]
    office.catalogue.close(office.district, free_only)
    assert refusal(lambda: write(office.district, free_only, TABLE)).code is Code.SALE_CLOSED


def test_who_may_write_a_table(office: Office) -> None:
    event_id = office.catalogue.create_event(office.street, office.draft(1))
    neighbour, reader = claims("district.street-10"), claims("district", "auditor")
    for act in (office.quota_tables.look, office.quota_tables.write):
        assert refusal(partial(act, neighbour, event_id, TABLE)).code is Code.NOT_FOUND
        assert refusal(partial(act, reader, event_id, TABLE)).code is Code.FORBIDDEN
