"""Goal: whoever has tickets hears what became of their event, from what they knew to what is true; nobody else does.

Method: the service over both databases and a real Redis; events are moved and called off by staff's own acts, before
and after members booked.
"""

import pytest
from sqlalchemy import update

from tests.support.shop import Shop
from ticketing.catalogue.model import EventChanges, QuotaChanges
from ticketing.catalogue.tables import Event, EventNews
from ticketing.members import repository as members
from ticketing.members.repository import NewNotice
from ticketing.services import notices
from ticketing.services.notices import EVENT_CANCELLED, EVENT_MOVED, Moved, NoticeService, Told

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages show a change at once, so that tests need not wait between a change and an order."""
    monkeypatch.setattr(notices, "_SEEN_LATE_MS", 0)


def _told(shop: Shop, member: int) -> list[Told]:
    return NoticeService(shop.sessions, shop.clock).of_member(member)


def _move(shop: Shop, event: str, **changes: object) -> None:
    shop.catalogue.patch_event(shop.street, event, EventChanges(**changes))  # type: ignore[arg-type]


def _buy(shop: Shop, event: str, member: int, *items: tuple[int, int]) -> str:
    order_id = shop.buy(event, member, *(items or ((1, 1),)))
    shop.drain().run(event)
    return order_id


def test_a_move_is_told_from_what_it_was_to_what_it_is(shop: Shop) -> None:
    event = shop.sale(9, venue="Hall 1", title="Film")
    _move(shop, event, venue="Hall 2")  # before anybody booked
    _buy(shop, event, 1)
    before, later = shop.event(event).starts_at, shop.now + 72 * 3_600_000
    _move(shop, event, venue="Hall 3")
    _move(shop, event, venue="Hall 4", starts_at=later)
    [told] = _told(shop, 1)
    assert (told.kind, told.event_id, told.title) == (EVENT_MOVED, event, "Film")
    assert set(told.moved) == {
        Moved("venue", "Hall 2", "Hall 4", None),
        Moved("starts_at", str(before), str(later), None),
    }
    _buy(shop, event, 2)
    assert _told(shop, 2) == []  # they booked what it is now
    assert _told(shop, 3) == []
    _move(shop, event, venue="Hall 2", starts_at=before)
    assert _told(shop, 1) == []  # it is again what it was


def test_a_quota_that_moved_concerns_those_who_have_tickets_of_it(shop: Shop) -> None:
    event = shop.sale(9, 9)
    for member, quota in ((1, 1), (2, 2)):
        _buy(shop, event, member, (quota, 1))
    at = shop.now + 72 * 3_600_000
    shop.quotas.change(shop.street, event, f"{event}-2", QuotaChanges(starts_at=at))
    assert _told(shop, 1) == []
    [told] = _told(shop, 2)
    assert told.moved == (Moved("starts_at", str(shop.event(event).starts_at), str(at), f"{event}-2"),)


def test_who_gave_the_tickets_back_hears_no_more(shop: Shop) -> None:
    event = shop.sale(9)
    order_id = _buy(shop, event, 1)
    _move(shop, event, venue="elsewhere")
    assert len(_told(shop, 1)) == 1
    shop.orders.cancel(1, order_id)
    assert _told(shop, 1) == []
    shop.catalogue.cancel(shop.street, event)
    shop.canceller.finish()
    assert _told(shop, 1) == []


def test_a_cancelled_event_is_told_before_and_after_its_tickets_are_void(shop: Shop) -> None:
    event = shop.sale(9, title="Film")
    _buy(shop, event, 1)
    _move(shop, event, venue="elsewhere")
    shop.catalogue.cancel(shop.street, event)
    for _ in range(2):
        [told] = _told(shop, 1)
        assert (told.kind, told.title, told.moved) == (EVENT_CANCELLED, "Film", ())
        shop.canceller.finish()
    assert shop.tickets("void") == 1
    assert _told(shop, 2) == []


def test_a_move_is_told_until_the_event_is_over_and_a_cancel_for_its_time(shop: Shop) -> None:
    moved, cancelled = shop.sale(9), shop.sale(9)
    for event in (moved, cancelled):
        _buy(shop, event, 1)
    _move(shop, moved, venue="elsewhere")
    shop.catalogue.cancel(shop.street, cancelled)
    assert {told.kind for told in _told(shop, 1)} == {EVENT_MOVED, EVENT_CANCELLED}
    with shop.sessions.begin() as session:
        session.execute(update(Event).where(Event.id == moved).values(starts_at=shop.now - 2 * DAY_MS))
        session.execute(
            update(EventNews).where(EventNews.event_id == cancelled).values(at=shop.now - 91 * DAY_MS)
        )
    assert _told(shop, 1) == []


def test_messages_to_one_member_stand_beside_them(shop: Shop) -> None:
    event = shop.sale(9)
    _buy(shop, event, 1)
    _move(shop, event, venue="elsewhere")
    with shop.sessions.begin() as session:
        message = NewNotice(1, event, "other", "a message", 0)
        members.add_notices_once(session, [message], shop.now - DAY_MS)
    assert [told.kind for told in _told(shop, 1)] == [EVENT_MOVED, "other"]
