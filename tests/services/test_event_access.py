"""Staff reach their own organisation and what lies below it, in their role, and nothing else.

Goal: no neighbour, no parent, and no name that merely begins alike. Method: pure claims, and a tree on both
databases with `street-1` beside `street-10`.
"""

import pytest

from tests.support.office import TREE, Office, claims
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.services import event_access


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("district", True),
        ("district.street-1", True),
        ("district.street-10", False),
        ("district.street-1.mill", False),
    ],
)
def test_covers(path: str, *, reached: bool) -> None:
    assert claims(path).covers("district.street-1") is reached


@pytest.mark.parametrize("path", TREE)
def test_the_ids_below_are_those_that_are_covered(office: Office, path: str) -> None:
    staff = claims(path)
    with reading(office.sessions) as session:
        found = set(session.scalars(event_access.organisations_below(staff)))
    assert found == {each.rpartition(".")[2] for each in TREE if staff.covers(each)}


@pytest.mark.parametrize("role", ["manager", "clerk", "auditor", "admin"])
def test_every_role_reads_and_some_write(office: Office, role: str) -> None:
    event_id = office.drafted(1)
    staff = claims("district", role)
    with office.sessions.begin() as session:
        assert event_access.readable(session, staff, event_id).id == event_id
        if role in event_access.WRITERS:
            assert event_access.writable(session, staff, event_id).id == event_id
            return
        with pytest.raises(Refusal) as refused:
            event_access.writable(session, staff, event_id)
    assert refused.value.code is Code.FORBIDDEN


def test_out_of_reach_is_not_there(office: Office) -> None:
    event_id = office.catalogue.create_event(office.street, office.draft(1))
    for path in ("district.street-10", "district.street-1.mill"):
        with reading(office.sessions) as session, pytest.raises(Refusal) as refused:
            event_access.readable(session, claims(path, "admin"), event_id)
        assert refused.value.code is Code.NOT_FOUND


def test_a_member_is_no_staff(office: Office) -> None:
    event_id = office.drafted(1)
    member = claims("district", kind="member")
    with reading(office.sessions) as session, pytest.raises(Refusal) as refused:
        event_access.readable(session, member, event_id)
    assert refused.value.code is Code.FORBIDDEN


def test_the_owner_of_something_new(office: Office) -> None:
    with reading(office.sessions) as session:
        assert event_access.owner(session, office.street, None) == "street-1"
        assert event_access.owner(session, office.street, "mill") == "mill"
        with pytest.raises(Refusal) as refused:
            event_access.owner(session, office.street, "street-10")
        assert refused.value.code is Code.FORBIDDEN
        with pytest.raises(Refusal) as refused:
            event_access.owner(session, office.street, "moon")
        assert refused.value.code is Code.INVALID


def test_unknown_organisations(office: Office) -> None:
    with reading(office.sessions) as session:
        assert event_access.unknown_organisations(session, ("street-1", "moon", "mars")) == ["mars", "moon"]
        assert event_access.unknown_organisations(session, ()) == []
