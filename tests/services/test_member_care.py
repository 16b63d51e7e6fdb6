"""Staff walk through the tree, find a member of their own, and see the member's cards; neighbours' are not there.

Goal: counts are those of the rows, for a node and all below it; a member is found by what is known of them, masked, and
only within reach; a node is renamed and stays where it is. Method: the services over both databases.
"""

import pytest

from tests.support.people import CARD, OTHER_CARD, Union
from tests.support.refusals import faulty, refusal
from ticketing.database import Sessions
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.members.tables import ACTIVE, BLOCKED
from ticketing.services import organisations
from ticketing.services.member_care import MemberCare, masked_phone
from ticketing.services.organisations import Count, OrganisationService


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    union = Union(sessions, keyring)
    admin = union.claims("district", "admin")
    union.staff.add_organisation(admin, "机械厂工会", "east", "workplace", "mill")
    union.import_text(
        "0062230001,张伟,mill,0246,13800000001,",
        "0062230002,张伟丽,mill,0246,+86 138,blocked",
        "0062230003,王小花,west,0246,,",
    )
    return union


def test_counts_are_of_a_node_and_all_below_it(union: Union) -> None:
    service = OrganisationService(union.sessions, union.clock)
    union.cards.replace(union.claims(), CARD, "0062220009", "worn out")
    whole = service.place(union.claims())
    assert whole.node.count == Count(5, 4, 1)
    assert [(node.id, node.count) for node in whole.below] == [
        ("east", Count(3, 2, 1)),
        ("west", Count(2, 2, 0)),
    ]
    mill = service.place(union.claims("district.east"), "mill")
    assert (mill.node.count, list(mill.below), [one.id for one in mill.above]) == (
        Count(2, 1, 1),
        [],
        ["east"],
    )
    assert service.place(union.claims("district.east.mill")).above == []


def test_a_node_with_many_below_it_is_shown_by_pages(union: Union, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organisations, "PAGE_NODES", 2)
    service = OrganisationService(union.sessions, union.clock)
    for number in range(3):
        union.staff.add_organisation(union.claims(), f"厂{number}", "west", "workplace", f"plant-{number}")
    first, second, third = (service.place(union.claims(), "west", page) for page in (1, 2, 3))
    assert ([node.id for node in first.below], first.more) == (["plant-0", "plant-1"], 1)
    assert ([node.id for node in second.below], second.more) == (["plant-2"], 0)
    assert (third.below, third.more) == ([], 0)


def test_a_neighbours_node_is_not_there(union: Union) -> None:
    service, east = OrganisationService(union.sessions, union.clock), union.claims("district.east")
    for place in ("west", "district", "nowhere", "eas"):
        assert refusal(service.place, east, place).code is Code.NOT_FOUND
        assert refusal(service.rename, east, place, "x").code is Code.NOT_FOUND
    assert [node.id for node in service.find(east, "工会")] == ["east", "mill"]
    assert [node.id for node in service.find(union.claims(), "mill")] == ["mill"]
    assert service.find(union.claims(), "%") == []
    assert refusal(service.rename, union.claims(role="auditor"), "east", "x").code is Code.FORBIDDEN
    assert refusal(service.place, union.sign_in()).code is Code.FORBIDDEN


def test_a_name_changes_and_a_place_does_not(union: Union) -> None:
    service = OrganisationService(union.sessions, union.clock)
    for _ in range(2):
        assert service.rename(union.claims("district.east"), "mill", " 纺织厂工会 ").name == "纺织厂工会"
    assert union.acts().count("organisation.rename") == 1
    assert service.require(union.claims(), "mill").path == "district.east.mill"
    for name in ("", "  ", "x" * 201):
        assert faulty(service.rename, union.claims(), "mill", name) == ["name"]


def test_a_member_is_found_by_what_is_known_of_them(union: Union) -> None:
    care = MemberCare(union.sessions, union.keyring)
    union.cards.replace(union.claims(), CARD, "0062220009", "lost")

    def found(text: str, path: str = "district") -> list[str]:
        return [member.name for member in care.find(union.claims(path), text)]

    assert found("0062230001") == found("0062 2300 01") == found("13800000001") == ["张伟"]
    assert found(CARD) == found("0062220009") == ["王小明"]  # the replaced card leads there too
    assert found("张伟") == ["张伟", "张伟丽"]
    assert found("小") == ["王小明", "王小花"]
    assert found("小", "district.east") == ["王小明"]
    assert found("0062230003", "district.east") == found("李华", "district.east") == []
    assert found("") == found("%") == found("006223") == found("1380000") == []
    for role in ("clerk",):
        assert refusal(care.find, union.claims(role=role), CARD).code is Code.FORBIDDEN
    assert refusal(care.find, union.sign_in(OTHER_CARD, "246802"), CARD).code is Code.FORBIDDEN


def test_what_staff_see_of_a_member(union: Union) -> None:
    care = MemberCare(union.sessions, union.keyring)
    old = union.card().id
    union.cards.replace(union.claims(), old, "0062220009", "lost")
    seen = care.member(union.claims("district.east", "auditor"), str(old))
    assert (seen.found.name, [card.last_four for card in seen.cards]) == ("王小明", ["0009", "0001"])
    assert [card.status for card in seen.cards] == ["active", "replaced"]
    for card in (str(old), str(seen.found.card.id)):
        assert refusal(care.member, union.claims("district.west", "admin"), card).code is Code.NOT_FOUND
    for card in ("", "x", "９", "999999", "9" * 30):
        assert refusal(care.member, union.claims(), card).code is Code.NOT_FOUND
    assert [masked_phone(text) for text in (None, "", "12345", "13800000001")] == [
        "",
        "",
        "*****",
        "138****0001",
    ]


def test_a_card_is_acted_on_by_its_id_too_and_may_be_freed(union: Union) -> None:
    claims, card = union.sign_in(), union.card().id
    union.cards.block(union.claims(), card, "lost")
    assert (union.card().status, union.verdict(claims)) == (BLOCKED, Code.CARD_BLOCKED)
    union.cards.unblock(union.claims("district.east"), card, "found")
    assert (union.card().status, union.verdict(claims)) == (ACTIVE, None)
    for act in (union.cards.block, union.cards.unblock, union.cards.reset_pin):
        assert refusal(act, union.claims("district.west"), card, "mine now").code is Code.NOT_FOUND
    assert refusal(union.cards.unblock, union.claims(role="clerk"), card, "x").code is Code.FORBIDDEN
