"""People to rehearse and to show with: a district's tree of organisations, members with cards, their sessions.

Names and organisations are invented; the sizes are the published ones.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ticketing.database import Sessions
from ticketing.keyring import Keyring
from ticketing.members import repository
from ticketing.services.cards import create_members, new_member
from ticketing.services.tokens import Claims, TokenSigner, new_session_id

SUB_DISTRICTS = 17
WORKPLACES = 4
"""Workplaces in each sub-district; the real ones are many more, and add nothing here."""

PIECE = 2_000
"""Members stored in one transaction."""

SERIES_MAX = 10**10
"""Series of card numbers that there are; cards of one series are made once."""

SESSION_MS = 6 * 3600 * 1000

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰玉萍红文华建国志梅云海雪宁欣然"
_STREETS = "东风西苑南湖北园中山和平解放建设新华光明胜利前进红旗团结幸福长安永定"

Progress = Callable[[int], object]
"""Told after every piece how many members there are now."""


class Place(NamedTuple):
    """An organisation that members belong to."""

    id: str
    name: str
    path: str


class Person(NamedTuple):
    """Somebody to make a member of, with a card."""

    card_number: str
    pin: str
    name: str
    place: Place


class Resident(NamedTuple):
    """A person and the member they became."""

    member: int
    person: Person


DISTRICT = Place("district", "示范区总工会", "city.district")


def build_tree(sessions: Sessions) -> list[Place]:
    """The district with its sub-district unions and their workplaces, made where they are missing; the workplaces."""
    places: list[Place] = []
    with sessions.begin() as session:

        def node(node_id: str, name: str, kind: str, parent_id: str | None) -> Place:
            known = repository.organisation(session, node_id)
            if known is None:
                parent = repository.organisation_of(session, parent_id) if parent_id else None
                known = repository.add_organisation(session, node_id, name, kind, parent)
            return Place(known.id, known.name, known.path)

        node("city", "市总工会", "city", None)
        node(DISTRICT.id, DISTRICT.name, "district", "city")
        for number, street in enumerate(_street_names(), 1):
            sub_district = node(f"street-{number:02}", f"{street}街道总工会", "sub_district", DISTRICT.id)
            for work in range(1, WORKPLACES + 1):
                name = f"{street}街道第{'一二三四'[work - 1]}联合工会"
                places.append(node(f"{sub_district.id}-{work}", name, "workplace", sub_district.id))
    return places


def populate(
    sessions: Sessions,
    keyring: Keyring,
    places: Sequence[Place],
    count: int,
    at: int,
    *,
    series: int,
    progress: Progress | None = None,
) -> list[Resident]:
    """Create `count` members with a card each. Their card numbers are those of `series`."""
    dice = random.Random(series)
    people = _people(places, count, series, dice)
    residents: list[Resident] = []
    while piece := list(islice(people, PIECE)):
        rows = [new_member(keyring, each.card_number, each.pin, each.name, each.place.id) for each in piece]
        with sessions.begin() as session:
            members = create_members(session, rows, at)
        residents += map(Resident, members, piece)
        if progress:
            progress(len(residents))
    return residents


def sign_sessions(signer: TokenSigner, residents: Sequence[Resident], at: int) -> Iterator[tuple[int, str]]:
    """(member, token) for each resident, as if all had signed in at `at` (milliseconds)."""
    for resident in residents:
        yield resident.member, sign_session(signer, resident, at)


def sign_session(signer: TokenSigner, resident: Resident, at: int) -> str:
    """The token of a resident who signed in at `at`."""
    person = resident.person
    return signer.sign(
        Claims(
            kind="member",
            id=resident.member,
            session_id=new_session_id(),
            issued_at=at,
            expires_at=at + SESSION_MS,
            idle_at=at + SESSION_MS,
            name=person.name,
            organisation_id=person.place.id,
            organisation_name=person.place.name,
            organisation_path=person.place.path,
            card_last_four=person.card_number[-4:],
        )
    )


def sign_staff(signer: TokenSigner, at: int) -> tuple[Claims, str]:
    """A manager of the district for the length of a rehearsal, with a session; no account is made."""
    claims = Claims(
        kind="staff",
        id=0,
        session_id=new_session_id(),
        issued_at=at,
        expires_at=at + SESSION_MS,
        idle_at=at + SESSION_MS,
        name="rehearsal",
        role="manager",
        organisation_id=DISTRICT.id,
        organisation_name=DISTRICT.name,
        organisation_path=DISTRICT.path,
    )
    return claims, signer.sign(claims)


def _people(places: Sequence[Place], count: int, series: int, dice: random.Random) -> Iterator[Person]:
    for number in range(count):
        name = dice.choice(_SURNAMES) + "".join(dice.choices(_GIVEN, k=dice.choice((1, 2))))
        pin = f"{dice.randrange(1_000_000):06}"
        yield Person(f"62{series:010}{number:06}", pin, name, dice.choice(places))


def _street_names() -> list[str]:
    return [_STREETS[at : at + 2] for at in range(0, 2 * SUB_DISTRICTS, 2)]
