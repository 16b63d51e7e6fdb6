"""Goal: the people of a rehearsal are members like any others: they sign in, and their sessions are real.

Method: a few thousand on both databases; one signs in with card and PIN, one shows the token that was
signed in bulk; a second series adds to the first.
"""

from typing import TYPE_CHECKING

import pytest

from ticketing.database import reading
from ticketing.errors import Refusal
from ticketing.members import repository
from ticketing.rehearsal import population
from ticketing.rehearsal.population import Resident

if TYPE_CHECKING:
    from ticketing.bootstrap import Services

NOW = 1_777_597_200_000


def people(services: "Services", count: int, series: int = 1) -> list[Resident]:
    places = population.build_tree(services.sessions)
    return population.populate(services.sessions, services.keyring, places, count, NOW, series=series)


def test_the_tree_has_the_published_sub_districts(services: "Services") -> None:
    places = population.build_tree(services.sessions)
    assert len(places) == population.SUB_DISTRICTS * population.WORKPLACES
    with reading(services.sessions) as session:
        tree = repository.organisations(session)
    assert sum(node.kind == "sub_district" for node in tree) == 17
    assert len({node.name for node in tree}) == len(tree)
    assert population.DISTRICT in [(node.id, node.name, node.path) for node in tree]


def test_building_the_tree_again_changes_nothing(services: "Services") -> None:
    assert population.build_tree(services.sessions) == population.build_tree(services.sessions)


def test_a_resident_signs_in(services: "Services") -> None:
    residents = people(services, 2_500)
    assert len({each.member for each in residents}) == 2_500
    last = residents[-1]
    _, claims = services.accounts.login_member(last.person.card_number, last.person.pin, "127.0.0.1")
    assert (claims.id, claims.name, claims.organisation_path) == (
        last.member,
        last.person.name,
        last.person.place.path,
    )
    with pytest.raises(Refusal):
        services.accounts.login_member(last.person.card_number, "0", "127.0.0.1")


def test_a_session_signed_in_bulk_is_that_of_a_login(services: "Services") -> None:
    residents = people(services, 3)
    signed = dict(population.sign_sessions(services.signer, residents, NOW))
    assert set(signed) == {each.member for each in residents}
    first = residents[0]
    claims = services.signer.verify(signed[first.member], NOW)
    _, logged_in = services.accounts.login_member(first.person.card_number, first.person.pin, "127.0.0.1")
    assert claims is not None
    assert (claims.kind, claims.subject, claims.organisation_path, claims.card_last_four) == (
        "member",
        logged_in.subject,
        logged_in.organisation_path,
        logged_in.card_last_four,
    )
    assert services.signer.verify(signed[first.member], NOW + population.SESSION_MS) is None


def test_another_series_adds_other_cards(services: "Services") -> None:
    first, second = people(services, 10), people(services, 10, series=2)
    assert not {each.member for each in first} & {each.member for each in second}
    assert not {each.person.card_number for each in first} & {each.person.card_number for each in second}


def test_progress_is_told_after_every_piece(services: "Services") -> None:
    told: list[int] = []
    places = population.build_tree(services.sessions)
    population.populate(
        services.sessions, services.keyring, places, 2_001, NOW, series=1, progress=told.append
    )
    assert told == [population.PIECE, 2_001]
