"""The trail as staff search it.

Goal: what was done is found by object, act, actor and time, the newest first, page by page, by those whose
organisation it belonged to when it was done, and by nobody beside them; rare and frequent acts alike. Method: acts of
a small tree in both databases; and the two ways of searching compared with each other and with plain Python.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.house import HOUR_MS
from tests.support.office import Office, claims
from tests.support.shop import Shop
from ticketing.catalogue.tables import Venue
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.hooks.tables import Endpoint
from ticketing.members.tables import Member, Organisation
from ticketing.services import trail
from ticketing.services.trail_search import Asked, TrailSearch
from ticketing.staff import search
from ticketing.staff.search import Point, Wish
from ticketing.staff.tables import AuditEntry

STREET, OTHER = "district.street-1", "district.street-10"


@pytest.fixture
def finder(sessions: Sessions) -> TrailSearch:
    return TrailSearch(sessions)


def seen(finder: TrailSearch, path: str, role: str = "manager", **asked: Any) -> list[tuple[str, str]]:
    found = finder.page(claims(path, role), Asked(**asked))
    return [(row.action, row.subject) for row in found.rows]


def test_an_act_is_read_at_its_organisation_and_above_and_not_beside(
    office: Office, finder: TrailSearch
) -> None:
    mine = office.catalogue.create_event(office.street, office.draft(5))
    own = office.drafted(5)
    act, above = ("event.create", f"event:{mine}"), ("event.create", f"event:{own}")
    assert seen(finder, "district") == [above, act]
    assert seen(finder, STREET, "auditor") == [act]
    assert seen(finder, OTHER) == seen(finder, "district.street-1.mill") == []
    assert seen(finder, OTHER, about=f"event:{mine}") == seen(finder, OTHER, "admin", about=mine) == []
    with pytest.raises(Refusal) as refused:
        finder.page(claims("district", "clerk"), Asked())
    assert refused.value.code is Code.FORBIDDEN
    with pytest.raises(Refusal):
        finder.page(claims("district", kind="member"), Asked())


@pytest.mark.usefixtures("office")
def test_what_an_organisation_keeps_belongs_to_it_whoever_acted(
    sessions: Sessions, finder: TrailSearch
) -> None:
    kept = {"organisation_id": "street-1"}
    with sessions.begin() as session:
        state = {
            "contact": "",
            "contract_number": "",
            "state": "admitted",
            "state_reason": "",
            "state_since": 0,
        }
        session.add(Venue(id="hall", name="Hall", **state, **kept))
        told = {
            "url": "https://example.org/",
            "sealed_secret": b"",
            "kinds": [],
            "active": True,
            "made_by": "li",
        }
        session.add(Endpoint(id="ear", created_at=0, **told, **kept))
        session.flush()
        trail.record(session, 1, "system", "venue.suspend", "venue:hall", {})
        trail.record(session, 2, "system", "webhook.pause", "webhook:ear", {})
    acts = [("webhook.pause", "webhook:ear"), ("venue.suspend", "venue:hall")]
    assert (seen(finder, STREET), seen(finder, OTHER)) == (acts, [])


def test_the_operators_acts_are_for_who_reaches_everything(sessions: Sessions, office: Office) -> None:
    with sessions.begin() as session:
        trail.record(session, 1, "system", "cards.import", "cards", {})
    finder = TrailSearch(sessions)
    assert seen(finder, "district") == [("cards.import", "cards")]
    assert seen(finder, STREET) == []
    with sessions.begin() as session:  # beside another root nobody reaches everything
        moved = update(Organisation).where(Organisation.id == "street-10")
        session.execute(moved.values(parent_id=None, path="street-10"))
    assert seen(finder, "district") == []


def test_of_an_event_all_is_found_and_of_a_member_too(shop: Shop, sessions: Sessions) -> None:
    finder = TrailSearch(sessions)
    event, other = shop.published(5), shop.published(5)
    quota = f"quota:{event}-1"
    with sessions.begin() as session:
        session.add(Member(id=77, organisation_id="street-1", name="Wang", created_at=0))
        session.flush()
        trail.record(session, 5, "staff:li", "quota.change", quota, {})
        trail.record(session, 5, "system", "member.move", "member:77", {})
    about_event = seen(finder, "district", about=f"event:{event}")
    assert about_event[-1] == ("quota.change", quota)
    assert {subject for _, subject in about_event} == {quota, f"event:{event}"}
    assert seen(finder, "district", about=event) == about_event
    assert f"event:{other}" not in str(about_event)
    assert seen(finder, STREET, about="member:77") == [("member.move", "member:77")]
    assert seen(finder, "district", about="nothing like it") == []


def test_a_member_who_moves_takes_no_history_along(sessions: Sessions, office: Office) -> None:
    finder = TrailSearch(sessions)
    with sessions.begin() as session:
        session.add(Member(id=7, organisation_id="street-1", name="Wang", created_at=0))
        session.flush()
        trail.record(session, 1, "staff:li", "member.move", "member:7", {})
    with sessions.begin() as session:
        session.execute(update(Member).values(organisation_id="street-10"))
    assert seen(finder, STREET) == [("member.move", "member:7")]
    assert seen(finder, OTHER) == []


def test_pages_follow_each_other_without_gap_or_twin(
    sessions: Sessions, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = TrailSearch(sessions)
    with sessions.begin() as session:
        for number in range(120):  # three at each moment
            trail.record(session, number // 3, "staff:li", "thing.done", f"thing:{number}", {})
    for few_max in (2_000, 10):  # sorted here, and walked
        monkeypatch.setattr(search, "FEW_MAX", few_max)
        for asked in (Asked(), Asked(actions=["thing.done"])):
            pages = list(_pages(finder, asked))
            assert [len(page) for page in pages] == [50, 50, 20]
            assert [row.subject for page in pages for row in page] == [
                f"thing:{number}" for number in reversed(range(120))
            ]
    for wrong in ("x", "1.", "1.x", "-1.2", "9" * 50, f"{'9' * 20}.1", f"1.{'9' * 19}"):
        with pytest.raises(Refusal) as refused:
            finder.page(office.district, Asked(), wrong)
        assert refused.value.code is Code.INVALID


def _pages(finder: TrailSearch, asked: Asked) -> Iterator[Any]:
    cursor = None
    while True:
        found = finder.page(claims("district"), asked, cursor)
        yield found.rows
        cursor = found.cursor
        if cursor is None:
            return


def test_both_ways_of_searching_find_the_same(sessions: Sessions, office: Office) -> None:
    dice = random.Random(6)
    with sessions.begin() as session:
        for number in range(300):
            session.add(
                AuditEntry(
                    at=dice.randrange(40),
                    actor=dice.choice(["staff:li", "staff:wu"]),
                    action=dice.choice(["event.pause", "order.sell", "card.block"]),
                    subject=f"thing:{number % 7}",
                    detail={},
                    organisation_id=dice.choice(["street-1", "street-10", None]),
                    event_id=dice.choice(["e1", "e2", None]),
                    member_id=dice.choice([1, 2, None]),
                    previous_digest="",
                    digest=str(number),
                )
            )
    with reading(sessions) as session:
        rows = list(search.all_of(session, Wish(organisations=None), 1_000))
        for _ in range(60):
            wish, before = _any_wish(dice), dice.choice([None, Point(20, 150)])
            fits = [row for row in rows if _fits(row, wish) and (before is None or (row.at, row.id) < before)]
            wanted = sorted(fits, key=lambda row: (row.at, row.id), reverse=True)[:20]
            walked = list(search._walk(session, wish, before, 20))
            assert walked == wanted == search.newest(session, wish, before, 20)


def _any_wish(dice: random.Random) -> Wish:
    return Wish(
        organisations=dice.choice([None, ["street-1"], ["street-1", "street-10"], []]),
        subject=dice.choice([None, None, "thing:3"]),
        event_id=dice.choice([None, None, "e1"]),
        member_id=dice.choice([None, None, 2]),
        actor=dice.choice([None, "staff:li"]),
        actions=dice.choice([None, ["event.pause", "card.block"]]),
        since=dice.choice([None, 10]),
        until=dice.choice([None, 30]),
    )


def _fits(row: Any, wish: Wish) -> bool:
    equal = ("subject", "event_id", "member_id", "actor")
    return (
        all(getattr(wish, name) in (None, getattr(row, name)) for name in equal)
        and (wish.organisations is None or row.organisation_id in wish.organisations)
        and (wish.actions is None or row.action in wish.actions)
        and (wish.since is None or row.at >= wish.since)
        and (wish.until is None or row.at < wish.until)
    )


def test_where_an_act_belongs_is_signed(sessions: Sessions, office: Office) -> None:
    with sessions.begin() as session:
        trail.record(session, HOUR_MS, "system", "organisation.look", "organisation:street-1", {})
        assert trail.verify(session) is None
    with reading(sessions) as session:
        [row] = list(search.all_of(session, Wish(organisations=["street-1"]), 5))
        moved = row._replace(organisation_id="street-10")
        nowhere = row._replace(organisation_id=None)
        digests = {trail._digest_of(session, each) for each in (row, moved, nowhere)}
    assert len(digests) == 3
    assert row.digest in digests
