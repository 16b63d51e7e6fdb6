"""Managers look after the accounts of their own organisation and below, and give nobody more than they have.

Goal: no role or place is given that the giver does not have; the last administrator stays, also when two go at each
other at once; a change is noticed within two seconds and is in the trail. Method: the service over both databases.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.people import ADDRESS, Union
from tests.support.refusals import faulty, refusal
from ticketing.database import Sessions
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.services.staff_care import StaffCare
from ticketing.staff import repository


class Office:
    """A union and the accounts of its managers."""

    def __init__(self, sessions: Sessions, keyring: Keyring) -> None:
        self.union = Union(sessions, keyring)
        self.care = StaffCare(sessions, self.union.clock)
        self.district = self.union.claims("district", "admin")
        self.east = self.union.claims("district.east", "manager")

    def add(self, username: str, role: str, organisation: str) -> str:
        """An account's name."""
        return self.care.add(self.district, username, role, organisation)[0].username


@pytest.fixture
def office(sessions: Sessions, keyring: Keyring) -> Office:
    return Office(sessions, keyring)


def test_an_account_from_its_first_password_to_its_end(office: Office) -> None:
    account, password = office.care.add(office.east, "Wang", "clerk", "east")
    claims = office.union.accounts.login_staff("wang", password, ADDRESS)[1]
    assert (claims.role, claims.organisation_path) == ("clerk", "district.east")
    number = account.username
    assert office.care.change(office.east, number, "manager", "east").role == "manager"
    assert office.union.verdict(claims) is Code.UNAUTHENTICATED
    _, other = office.care.reset_password(office.east, number)
    assert refusal(office.union.accounts.login_staff, "wang", password, ADDRESS).code is Code.BAD_CREDENTIALS
    claims = office.union.accounts.login_staff("wang", other, ADDRESS)[1]
    for _ in range(2):
        assert office.care.disable(office.east, number).disabled
    assert office.union.verdict(claims) is Code.UNAUTHENTICATED
    for _ in range(2):
        assert not office.care.enable(office.east, number).disabled
    assert office.union.accounts.login_staff("wang", other, ADDRESS)[1].role == "manager"
    acts = ["staff.add", "staff.change", "staff.reset_password", "staff.disable", "staff.enable"]
    assert office.union.acts() == acts


def test_lists_and_searches_end_at_ones_own_organisation(office: Office) -> None:
    for name, organisation in (("e", "east"), ("w", "west"), ("d", "district")):
        office.add(name, "clerk", organisation)

    def named(*arguments: Any) -> list[str]:
        return [account.username for account in office.care.accounts(*arguments)]

    assert named(office.east) == ["e"]
    assert named(office.district) == ["d", "e", "w"]
    assert named(office.district, "西街道") == ["w"]
    assert named(office.district, "E") == ["e"]
    assert named(office.district, "%") == []


@pytest.mark.parametrize(
    ("role", "given"),
    [("admin", ["admin", "manager", "clerk", "auditor"]), ("manager", ["manager", "clerk", "auditor"])],
)
def test_nobody_gives_more_than_they_have(office: Office, role: str, given: list[str]) -> None:
    giver = office.union.claims("district.east", role)
    target = office.add("target", "clerk", "east")
    for wanted in ("admin", "manager", "clerk", "auditor"):
        if wanted in given:
            office.care.add(giver, f"new-{wanted}", wanted, "east")
            office.care.change(giver, target, wanted, "east")
            continue
        for act in (
            lambda: office.care.add(giver, "more", wanted, "east"),  # noqa: B023 - called at once
            lambda: office.care.change(giver, target, wanted, "east"),  # noqa: B023
        ):
            assert refusal(act).code is Code.FORBIDDEN
    for place in ("district", "west", "nowhere"):
        assert faulty(office.care.add, giver, "up", "clerk", place) == ["organisation"]
        assert faulty(office.care.change, giver, target, "clerk", place) == ["organisation"]
    assert faulty(office.care.add, office.district, "x", "chief", "east") == ["role"]
    assert faulty(office.care.add, office.district, "two words", "clerk", "east") == ["username"]
    assert faulty(office.care.add, office.district, "TARGET", "clerk", "east") == ["username"]


def acts_on(office: Office, staff: Any, number: str) -> list[Callable[[], object]]:
    care = office.care
    return [
        lambda: care.change(staff, number, "clerk", "east"),
        lambda: care.disable(staff, number),
        lambda: care.enable(staff, number),
        lambda: care.reset_password(staff, number),
    ]


def test_who_is_refused_what(office: Office) -> None:
    """A neighbour's account is not there; one that may more than its manager is not theirs to change."""
    east, boss, other = (
        office.add("e", "clerk", "east"),
        office.add("boss", "admin", "east"),
        office.add("o", "admin", "district"),
    )
    before = office.union.acts()
    for act in (
        *acts_on(office, office.union.claims("district.west", "admin"), east),
        *acts_on(office, office.east, other),
    ):
        assert refusal(act).code is Code.NOT_FOUND
    for number in ("999", "x", "two words", "9" * 90):
        for act in acts_on(office, office.east, number):
            assert refusal(act).code is Code.NOT_FOUND
    for act in acts_on(office, office.east, boss):
        assert refusal(act).code is Code.FORBIDDEN
    for role in ("clerk", "auditor"):
        staff = office.union.claims("district", role)
        for act in (*acts_on(office, staff, east), lambda: office.care.accounts(staff)):  # noqa: B023 - called at once
            assert refusal(act).code is Code.FORBIDDEN
    assert office.union.acts() == before


def test_the_last_administrator_stays(office: Office) -> None:
    """Whoever is above can put right what goes wrong below; at the root somebody has to be left."""
    root, second, east = (
        office.add("root", "admin", "district"),
        office.add("second", "admin", "district"),
        office.add("e", "admin", "east"),
    )
    office.care.disable(office.district, second)
    for act in (
        lambda: office.care.disable(office.district, root),
        lambda: office.care.change(office.district, root, "manager", "district"),
        lambda: office.care.change(office.district, root, "admin", "east"),
    ):
        assert faulty(act) == ["account"]
    assert office.care.account(office.district, root).role == "admin"
    office.care.disable(office.district, east)
    office.care.enable(office.district, second)
    office.care.disable(office.district, root)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_administrators_do_not_disable_each_other(
    office: Office, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Each sees the other one still there, unless the one waits for the other. On SQLite there is one writer anyway."""
    numbers = [office.add("a", "admin", "district"), office.add("b", "admin", "district")]
    together = threading.Barrier(2)
    if not guarded:
        has_admin = repository.has_admin

        def both_look(*arguments: Any) -> bool:
            found = has_admin(*arguments)
            together.wait(10)
            return found

        monkeypatch.setattr(repository, "lock_accounts", lambda _session: None)
        monkeypatch.setattr(repository, "has_admin", both_look)
    refused: list[Refusal] = []

    def disable(number: str) -> None:
        try:
            office.care.disable(office.district, number)
        except Refusal as refusal_:
            refused.append(refusal_)

    threads = [threading.Thread(target=disable, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == (1 if guarded else 0)
