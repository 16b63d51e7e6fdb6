"""Goal: a member reads on the pages whether an event is for them and what became of it, and takes tickets along.

Method: events published and changed in a real API process over real servers; pages are read in both languages.
"""

from icalendar import Calendar

from tests.api.pages.test_pages import ENGLISH, OWN, book, says
from tests.support.house import HOUR_MS, House
from ticketing.api.pages.formats import read_form_time
from ticketing.api.views import instant
from ticketing.catalogue.model import EventChanges, QuotaChanges
from ticketing.members import repository
from ticketing.members.repository import NewNotice
from ticketing.queue.worker import drain_of
from ticketing.services.survivors import HOLD_VOID
from ticketing.services.tokens import Claims


def _unions(house: House, *names: str) -> tuple[str, ...]:
    with house.services.sessions.begin() as session:
        for number, name in enumerate(names):
            repository.add_organisation(session, f"u{number}", name, "workplace", None)
    return tuple(f"u{number}" for number in range(len(names)))


async def test_the_unions_that_may_book_are_named(house: House) -> None:
    house.publish(5, title="all")
    event = house.publish(5, eligible_organisations=("east", "west"))
    await house.front.board.refresh()
    for path in ("/", f"/events/{event}"):
        assert "东街道工会和西街道工会的会员" in (await house.client.get(path)).text
        english = (await house.client.get(path, headers=ENGLISH)).text
        assert "embers of 东街道工会 and 西街道工会" in english
    assert "For every member" in (await house.client.get("/", headers=ENGLISH)).text


async def test_many_unions_are_summed_up_in_the_list_and_named_on_the_page(quick_house: House) -> None:
    names = [f"第{number}工会" for number in range(1, 6)]
    event = quick_house.publish(5, eligible_organisations=_unions(quick_house, *names))
    await quick_house.front.board.refresh()
    assert "限第1工会、第2工会和另外 3 个工会的会员" in (await quick_house.client.get("/")).text
    english = (await quick_house.client.get("/", headers=ENGLISH)).text
    assert "For members of 第1工会, 第2工会 and 3 more unions" in english
    page = (await quick_house.client.get(f"/events/{event}")).text
    assert "第1工会、第2工会、第3工会、第4工会和第5工会的会员" in page


def _manager(house: House) -> Claims:
    return house.claims("staff", 1, "district", role="manager")


async def _ticket_of(house: House, event: str, member: int) -> str:
    order = await house.buy(event, house.member(member))
    drain_of(house.services).run(event)
    return str(order["id"])


async def test_what_moved_is_said_with_what_it_was(house: House) -> None:
    event, member = house.publish(5, venue="一号厅"), house.add_member()
    order_id, manager = await _ticket_of(house, event, member), _manager(house)
    catalogue, at = house.services.catalogue, read_form_time("2030-05-01T19:30")
    catalogue.patch_event(manager, event, EventChanges(venue="二号厅"))
    house.services.quotas.change(manager, event, f"{event}-1", QuotaChanges(starts_at=at))
    await house.front.board.refresh()
    for path in ("/orders", f"/orders/{order_id}"):
        page = (await house.client.get(path, headers=house.member(member))).text
        assert "“五元看大片”与您订票时相比有变动" in page
        assert "<s>一号厅</s> → <strong>二号厅</strong>" in page
        assert "→ <strong>2030年5月1日 周三 19:30</strong>" in page
        english = (await house.client.get(path, headers=house.member(member) | ENGLISH)).text
        assert "is not as it was when you booked" in english
        assert "Quota 1, When:" in english
    other = (await house.client.get("/orders", headers=house.member(member + 1))).text
    assert "二号厅" not in other


async def test_a_cancelled_event_is_said_everywhere(house: House) -> None:
    event, member = house.publish(5), house.add_member()
    order_id, manager = await _ticket_of(house, event, member), _manager(house)
    session = house.member(member)
    held = (await house.hold(event, session, key="another")).json()["id"]
    house.services.catalogue.cancel(manager, event, "flooded")
    await house.front.board.refresh()
    house.services.canceller.finish()
    said = {
        "/orders": "“五元看大片”已取消。您的票已作废",
        f"/orders/{order_id}": "活动已取消，您的票已作废",
        f"/events/{event}": "本活动已取消",
        f"/holds/{held}": "不需要再确认，也不用付款",
    }
    for path, words in said.items():
        page = (await house.client.get(path, headers=session)).text
        assert words in page
        assert "/confirm" not in page
        assert "flooded" not in page  # what staff write for the trail is theirs


async def test_a_notice_is_shown_in_the_members_language(house: House) -> None:
    member = house.add_member()
    notice = NewNotice(member, "ev", HOLD_VOID, "as it was written", house.now)
    other = NewNotice(member, "ev", "of another kind", "as it was written", house.now)
    with house.services.sessions.begin() as session:
        repository.add_notices_once(session, [notice, other], house.now)
    page = await house.client.get("/orders", headers=house.member(member) | ENGLISH)
    assert "please book again" in page.text
    assert page.text.count("as it was written") == 1
    assert "请重新选票" in (await house.client.get("/orders", headers=house.member(member))).text


async def test_an_order_goes_into_a_calendar_and_onto_paper(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    path = (await book(quick_house, event, session, 2)).headers["location"]
    await quick_house.client.post(f"{path}/confirm", data={"method": "free"}, headers=OWN | session)
    order = path.replace("/holds/", "/orders/")
    file = await quick_house.client.get(f"{order}/calendar.ics", headers=session)
    assert file.headers["content-type"].startswith("text/calendar"), file.text
    [entry] = Calendar.from_ical(file.content).events
    assert (str(entry["summary"]), entry.DTSTART) == (
        "五元看大片",
        instant(quick_house.now + 48 * HOUR_MS).replace(microsecond=0),
    )
    paper = await quick_house.client.get(f"{order}/print", headers=session)
    assert paper.text.count('class="qr"') == 2
    for hidden in (f"{order}/calendar.ics", f"{order}/print"):
        says(await quick_house.client.get(hidden, headers=quick_house.member(8)), 404, "这里没有内容")
