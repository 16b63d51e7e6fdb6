"""A pause says why, and an event is postponed with everything that hangs on its time.

Goal: members read the message while the sale is paused and not after; a new time moves showings and deadlines alike,
leaves the booking alone unless that is meant, and is told to who has tickets. Method: the service over both databases.
"""

from functools import partial

from tests.support.office import HOUR_MS, claims
from tests.support.refusals import faulty, refusal
from tests.support.shop import Shop
from ticketing.api import views
from ticketing.catalogue.model import QuotaDraft
from ticketing.catalogue.tables import Event
from ticketing.clock import DAY_MS
from ticketing.errors import Code
from ticketing.services.notices import EVENT_MOVED, NoticeService


def notice(event: Event) -> str:
    return views.event_view(event, "", None, "paused").notice


def test_members_read_why_until_the_sale_goes_on(shop: Shop) -> None:
    event_id = shop.sale(5, notice="Bring water")
    pause = partial(shop.catalogue.pause, shop.street, event_id)
    paused = pause("leak", " Water in the hall.\r\nWe go on at 3. ")
    assert notice(paused) == "Water in the hall.\nWe go on at 3."
    staff = views.staff_event(paused, "", None, "paused")
    assert (staff.notice, staff.pause_message) == ("Bring water", "Water in the hall.\nWe go on at 3.")
    version = pause("again").version
    assert (notice(shop.event(event_id)), version) == (staff.pause_message, paused.version), "said once"
    assert notice(pause("worse", "We go on at 5.")) == "We go on at 5."
    assert notice(shop.catalogue.resume(shop.street, event_id)) == "Bring water"
    assert notice(pause()) == "Bring water", "a pause without a message says nothing else"
    assert faulty(lambda: pause("", "a bell \a")) == ["message"]


def test_everything_that_hangs_on_the_time_moves_and_is_told(shop: Shop) -> None:
    showing = shop.now + 50 * HOUR_MS
    quotas = (QuotaDraft(name="Late", capacity=9, starts_at=showing), QuotaDraft(name="Main", capacity=9))
    event_id = shop.sale(quotas=quotas, collect_until=shop.now + 60 * HOUR_MS)
    before = shop.event(event_id)
    order = shop.buy(event_id, 1, (1, 1))
    shop.drain().run(event_id)
    week = before.starts_at + 7 * DAY_MS
    after = shop.catalogue.postpone(shop.street, event_id, week, "the hall is flooded")
    moved = ("starts_at", "cancellable_until", "collect_until")
    assert [getattr(after, name) - getattr(before, name) for name in moved] == [7 * DAY_MS] * 3
    assert (after.opens_at, after.closes_at) == (before.opens_at, before.closes_at)
    assert [quota.starts_at for quota in after.quotas] == [showing + 7 * DAY_MS, None]
    [told] = [one for one in NoticeService(shop.sessions, shop.clock).of_member(1) if one.kind == EVENT_MOVED]
    assert {one.after for one in told.moved} == {str(week), str(showing + 7 * DAY_MS)}
    assert shop.story()[-1] == ("event.postpone", f"event:{event_id}")
    assert shop.catalogue.postpone(shop.street, event_id, week).version == after.version, (
        "it is there already"
    )
    assert order in shop.recorded()


def test_the_booking_moves_when_that_is_meant_and_never_opens_anew(shop: Shop) -> None:
    postpone = shop.catalogue.postpone
    opened = shop.sale(5)
    before = shop.event(opened)
    after = postpone(shop.street, opened, before.starts_at + DAY_MS, move_sale=True)
    assert (after.opens_at, after.closes_at) == (before.opens_at, before.closes_at + DAY_MS)
    to_come = shop.sale(5, opens_at=shop.now + HOUR_MS, cancellable_until=None)
    before = shop.event(to_come)
    after = postpone(shop.street, to_come, before.starts_at + DAY_MS, move_sale=True)
    assert (after.opens_at, after.closes_at) == (before.opens_at + DAY_MS, before.closes_at + DAY_MS)


def test_what_cannot_be_postponed(shop: Shop) -> None:
    event_id = shop.sale(5)
    start = shop.event(event_id).starts_at
    postpone = shop.catalogue.postpone
    assert faulty(lambda: postpone(shop.street, event_id, shop.now - 1))[0] == "starts_at"
    assert refusal(lambda: postpone(claims("district.street-10"), event_id, start)).code is Code.NOT_FOUND
    assert refusal(lambda: postpone(claims("district", "clerk"), event_id, start)).code is Code.FORBIDDEN
    shop.catalogue.close(shop.street, event_id)
    assert faulty(lambda: postpone(shop.street, event_id, start + DAY_MS, move_sale=True)) == ["closes_at"]
    assert postpone(shop.street, event_id, start + DAY_MS).starts_at == start + DAY_MS, (
        "tickets are out there"
    )
    shop.catalogue.cancel(shop.street, event_id)
    assert refusal(lambda: postpone(shop.street, event_id, start)).code is Code.SALE_CLOSED
