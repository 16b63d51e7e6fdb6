"""Organisations are searched for and chosen, of thousands, by staff of some of them.

Goal: a search is bounded and reaches no neighbour; what is chosen is told by name and number of members, with all below
it. Method: the service over both databases.
"""

import pytest

from tests.support.people import Union
from ticketing.database import Sessions
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.services import organisations
from ticketing.services.organisations import Choice, OrganisationService, Picked

MILL = Choice("mill", "机械厂 50% 工会", "东街道工会", 2)


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    union = Union(sessions, keyring)
    union.staff.add_organisation(union.claims("district", "admin"), MILL.name, "east", "workplace", MILL.id)
    union.import_text("0062230001,张伟,mill,0246,,", "0062230002,张伟丽,mill,0246,,")
    return union


def offered(picked: Picked) -> list[str]:
    return [one.id for one in picked.offered]


def test_what_is_chosen_and_found_has_a_name_and_members_with_all_below_it(union: Union) -> None:
    pick = OrganisationService(union.sessions, union.clock).pick
    district, east = union.claims(), union.claims("district.east")
    near = pick(district, "", ())
    assert (offered(near), near.chosen, near.more) == (["district", "east", "west"], [], False)
    assert [one.members for one in near.offered] == [4, 3, 1]
    found = pick(district, " 机械厂 ", {"east"})
    assert (list(found.offered), [one.id for one in found.chosen]) == ([MILL], ["east"])
    assert pick(district, "50%", ()).offered == pick(east, "mill", ()).offered == [MILL]
    assert offered(pick(district, "机械厂", {"mill"})) == offered(pick(district, "%", {"mill"})) == []


def test_a_neighbour_is_neither_found_nor_told_unless_it_is_known_already(union: Union) -> None:
    pick = OrganisationService(union.sessions, union.clock).pick
    east = union.claims("district.east")
    assert offered(pick(east, "西", ())) == offered(pick(east, "west", ())) == []
    assert offered(pick(east, "", ())) == ["east", "mill"]
    assert pick(east, "", {"west", "moon"}).chosen == []
    [known] = pick(east, "", {"west"}, known=["west"]).chosen
    assert known == Choice("west", "西街道工会", "", None)
    assert {one.above for one in pick(east, "", ()).offered} == {"", "东街道工会"}  # not the district


def test_as_many_as_a_form_can_name_are_told(union: Union) -> None:
    with union.sessions.begin() as session:
        east = members.organisation_of(session, "east")
        for number in range(1_000):
            members.add_organisation(session, f"plant-{number}", "厂", "workplace", east)
    chosen = {"east", *(f"plant-{number}" for number in range(1_000))}
    told = OrganisationService(union.sessions, union.clock).pick(union.claims(), "", chosen).chosen
    assert (len(told), sum(one.members or 0 for one in told)) == (1_001, 3)


def test_a_search_that_finds_many_says_so(union: Union, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organisations, "PICKED_MAX", 2)
    found = OrganisationService(union.sessions, union.clock).pick(union.claims(), "工会", ())
    assert (len(found.offered), found.more) == (2, True)
