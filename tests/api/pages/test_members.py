"""Goal: a member reads on the pages, before any tap, whether an event is for them.

Method: events of several unions, published in a real API process over real servers; pages are read in both languages.
"""

from tests.api.pages.test_pages import ENGLISH
from tests.support.house import House
from ticketing.members import repository


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
