"""Accounts are added with a password shown once; the tree of organisations grows below its branches.

Goal: roles hold for an organisation and below, for the object and not only the route; names and ids are checked.
Method: the service over both databases, and `may` as a table.
"""

import pytest

from tests.support.office import claims
from tests.support.people import ADDRESS, PASSWORD, Union
from tests.support.refusals import faulty, refusal
from ticketing.database import Sessions, reading
from ticketing.errors import Code
from ticketing.keyring import Keyring
from ticketing.services.staff import may
from ticketing.staff import repository
from ticketing.staff.roles import Role


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


def test_a_first_password_is_random_and_kept_as_argon2id(union: Union) -> None:
    passwords = {union.staff.add_staff(name, "clerk", "east") for name in ("wang", "li")}
    assert len(passwords) == 2
    assert all(len(password) >= 16 for password in passwords)
    with reading(union.sessions) as session:
        account = repository.account(session, "wang")
        assert account is not None
        assert account.password_hash.startswith("$argon2id$")
    assert union.acts() == ["staff.add", "staff.add"]


def test_a_given_password_is_taken(union: Union) -> None:
    assert union.staff.add_staff("wang", "admin", "district", PASSWORD) == PASSWORD
    assert union.accounts.login_staff("wang", PASSWORD, ADDRESS)[1].role == "admin"


def test_accounts_that_cannot_be(union: Union) -> None:
    union.staff.add_staff("taken", "clerk", "east", PASSWORD)
    for arguments, field in (
        (("", "clerk", "east"), "username"),
        (("two words", "clerk", "east"), "username"),
        (("x" * 61, "clerk", "east"), "username"),
        (("TAKEN", "clerk", "east", PASSWORD), "username"),
        (("wang", "chief", "east"), "role"),
        (("wang", "clerk", "north"), "organisation"),
        (("wang", "clerk", "east", "short"), "password"),
    ):
        assert faulty(union.staff.add_staff, *arguments) == [field]
    assert union.acts() == ["staff.add"]


def test_a_disabled_account_is_out_at_once_and_may_come_back(union: Union) -> None:
    union.staff.add_staff("wang", "clerk", "east", PASSWORD)
    claims_of_wang = union.accounts.login_staff("wang", PASSWORD, ADDRESS)[1]
    union.staff.disable("WANG")
    assert union.verdict(claims_of_wang) is Code.UNAUTHENTICATED
    assert refusal(union.accounts.login_staff, "wang", PASSWORD, ADDRESS).code is Code.BAD_CREDENTIALS
    union.staff.enable("wang")
    assert union.verdict(claims_of_wang) is Code.UNAUTHENTICATED, "what ended stays ended"
    assert union.verdict(union.accounts.login_staff("wang", PASSWORD, ADDRESS)[1]) is None
    assert union.acts() == ["staff.add", "staff.disable", "staff.enable"]


def test_a_password_reset_is_random_and_ends_the_old_ones_sessions(union: Union) -> None:
    union.staff.add_staff("wang", "clerk", "east", PASSWORD)
    claims_of_wang = union.accounts.login_staff("wang", PASSWORD, ADDRESS)[1]
    fresh = {union.staff.reset_password("wang"), union.staff.reset_password("wang")}
    assert len(fresh) == 2
    assert union.verdict(claims_of_wang) is Code.UNAUTHENTICATED
    assert refusal(union.accounts.login_staff, "wang", PASSWORD, ADDRESS).code is Code.BAD_CREDENTIALS
    assert union.acts()[-2:] == ["staff.reset_password"] * 2


def test_nobody_can_be_changed_who_is_not_there(union: Union) -> None:
    for change in (union.staff.disable, union.staff.enable, union.staff.reset_password):
        for name in ("nobody", "two words"):
            assert faulty(change, name) == ["username"]
    assert union.acts() == []


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("manager", "district.east", True),
        ("manager", "district.east.mill", True),
        ("manager", "district.eastern", False),
        ("manager", "district", False),
        ("admin", "district.east", True),
        ("admin", "district.west", False),
        ("clerk", "district.east", False),
        ("auditor", "district.east", False),
    ],
)
def test_who_may(role: str, path: str, allowed: bool) -> None:
    assert may(claims("district.east", role), {Role.MANAGER}, path) is allowed


def test_a_member_may_nothing() -> None:
    member = claims("district.east", kind="member", role="")
    assert not may(member, set(Role), "district.east")


def test_staff_see_their_branch_of_the_tree(union: Union) -> None:
    district = [node.id for node in union.staff.organisations(union.claims("district"))]
    east = [node.id for node in union.staff.organisations(union.claims("district.east", "clerk"))]
    assert (district, east) == (["district", "east", "west"], ["east"])
    assert refusal(union.staff.organisations, union.sign_in()).code is Code.FORBIDDEN


def test_the_tree_grows_below(union: Union) -> None:
    staff = union.claims("district.east")
    mill = union.staff.add_organisation(staff, " 第一棉纺厂工会 ", "east", "workplace", "mill")
    assert (mill.path, mill.name, mill.parent_id) == ("district.east.mill", "第一棉纺厂工会", "east")
    unnamed = union.staff.add_organisation(staff, "车间", "mill", "workplace")
    assert unnamed.path == f"district.east.mill.{unnamed.id}"
    assert union.acts() == ["organisation.add", "organisation.add"]


def test_nobody_plants_elsewhere(union: Union) -> None:
    for path, role, parent in (
        ("district.east", "manager", "west"),
        ("district.east", "manager", "district"),
        ("district.east", "clerk", "east"),
        ("district", "auditor", "east"),
    ):
        staff = union.claims(path, role)
        refused = refusal(union.staff.add_organisation, staff, "厂", parent, "workplace")
        assert refused.code is Code.FORBIDDEN


def test_organisations_that_cannot_be(union: Union) -> None:
    for name, parent, kind, node, field in (
        ("厂", "north", "workplace", "mill", "parent"),
        ("", "east", "workplace", "mill", "name"),
        ("x" * 201, "east", "workplace", "mill", "name"),
        ("厂", "east", "village", "mill", "kind"),
        ("厂", "east", "workplace", "a.b", "id"),
        ("厂", "east", "workplace", "Mill", "id"),
        ("厂", "east", "workplace", "west", "id"),
    ):
        act = union.staff.add_organisation
        assert faulty(act, union.claims(), name, parent, kind, node) == [field]


def test_a_tree_has_a_depth(union: Union) -> None:
    """Twelve levels of the longest ids fit into a path; the thirteenth does not."""
    act, staff, parent = union.staff.add_organisation, union.claims(), "district"
    for number in range(12):
        parent = act(staff, "厂", parent, "workplace", f"{number:080}").id
    assert faulty(act, staff, "厂", parent, "workplace", "x" * 80) == ["parent"]


def test_an_operator_plants_a_root_once(union: Union) -> None:
    first = union.staff.add_root("city", "市总工会", "city")
    again = union.staff.add_root("city", "another name")
    assert (first.path, again.name) == ("city", "市总工会")
    assert union.acts() == ["organisation.add"]
