"""The catalogue's SQL: what is written is what is read, and order, locks and versions are as promised.

Goal: plans survive the way through the tables; `pending` and `mark_applied` never lose or invent a version; a
writer of an event keeps other writers out, not the orders. Method: both databases.
"""

from collections.abc import Callable, Iterator, Sequence

import pytest
from msgspec import structs
from sqlalchemy import Select, inspect, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ticketing.catalogue import repository, stamps
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.catalogue.tables import CANCELLED, PUBLISHED, AllowanceGroup, Event, Quota
from ticketing.database import Sessions, reading
from ticketing.members.tables import Organisation

QUOTAS = (
    QuotaDraft(name="Saturday", capacity=10, price=500, face_price=4_000, starts_at=9, per_card_limit=2),
    QuotaDraft(name="Sunday", capacity=20, withheld=5),
)
PLAN = EventDraft(
    title="Films",
    description="Five yuan",
    venue="Palace",
    organisation="district",
    starts_at=5_000,
    opens_at=1_000,
    closes_at=4_000,
    per_card_limit=3,
    eligible_organisations=("district",),
    hold_seconds=60,
    payment_methods=("free", "desk"),
    cancellable_until=3_000,
    collect_until=6_000,
    pickup="Desk 1",
    notice="Bring the card",
    quotas=QUOTAS,
)

Ask = Callable[[Session, int, Select[str]], Sequence[Event]]


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions.begin() as opened:
        opened.add(Organisation(id="district", name="District", kind="district", path="district"))
        opened.flush()
        yield opened


def add(session: Session, **changes: object) -> Event:
    return repository.add_event(session, structs.replace(PLAN, **changes), "district", 7)


def test_a_plan_comes_back_as_it_went_in(session: Session) -> None:
    event = add(session)
    found = repository.get(session, event.id)
    assert found is not None
    kept = repository.plan_of(found)
    assert kept == structs.replace(PLAN, quotas=(QUOTAS[0], structs.replace(QUOTAS[1], face_price=0)))
    assert (found.state, found.version, found.applied_version, found.created_at) == ("draft", 1, 0, 7)
    assert (found.group.id, found.group.per_card_limit, found.group.epoch) == (event.id, None, None)


def test_everyone_and_nobody_in_particular_is_null(session: Session) -> None:
    event_id = add(session, eligible_organisations=None).id
    query = select(Event.id).where(Event.eligible_organisations.is_(None))
    assert session.scalars(query).all() == [event_id]


def test_missing_rows_are_none(session: Session) -> None:
    assert repository.get(session, "nothing") is None
    assert repository.lock(session, "nothing") is None
    assert repository.get_group(session, "nothing") is None
    assert repository.lock_group(session, "nothing") is None


def test_quotas_are_numbered_without_a_gap(session: Session) -> None:
    event = add(session)
    added = repository.add_quota(session, event, QuotaDraft(name="Monday", capacity=1))
    assert (added.id, added.number) == (f"{event.id}-3", 3)
    found = repository.get(session, event.id)
    assert found is not None
    assert [quota.number for quota in found.quotas] == [1, 2, 3]


def test_pending_is_what_redis_may_not_have(session: Session) -> None:
    late, soon, draft = add(session, opens_at=3_000), add(session, opens_at=2_000), add(session)
    late.state = soon.state = PUBLISHED
    assert repository.pending(session) == [soon.id, late.id]
    assert [event.id for event in repository.on_sale(session, 0, select(Organisation.id))] == [
        soon.id,
        late.id,
    ]
    repository.mark_applied(session, soon.id, 1)
    assert repository.pending(session) == [late.id]
    soon.version = 2
    assert draft.id not in repository.pending(session)
    assert repository.pending(session) == [soon.id, late.id]


def test_the_applied_version_never_goes_back(session: Session) -> None:
    event = add(session)
    for version in (3, 2, 3, 1):
        repository.mark_applied(session, event.id, version)
    found = repository.get(session, event.id)
    assert found is not None
    assert found.applied_version == 3


def test_the_first_epoch_stays(session: Session) -> None:
    group = repository.add_group(session, "district", "Films", 3)
    assert repository.groups(session) == []
    for epoch in ("first", "second"):
        repository.set_epoch(session, group.id, epoch)
    found = repository.get_group(session, group.id)
    assert found is not None
    assert found.epoch == "first"
    found.opened_at = 1
    assert [each.id for each in repository.groups(session)] == [group.id]


def test_groups_of_one_event_are_not_offered(session: Session) -> None:
    add(session)
    group = repository.add_group(session, "district", "Films", 3)
    mine = select(Organisation.id)
    assert [each.id for each in repository.groups_of(session, mine)] == [group.id]
    assert len(repository.of_organisations(session, mine)) == 1


def test_an_own_group_goes_with_its_last_event(session: Session) -> None:
    group = repository.add_group(session, "district", "Films", 3)
    host = add(session)
    guest = add(session, allowance_group=host.id)
    repository.move_to_group(session, host, group.id)
    assert session.get(AllowanceGroup, host.id) is not None, "the guest is still in it"
    repository.move_to_group(session, guest, group.id)
    repository.move_to_group(session, host, None)
    repository.move_to_group(session, host, group.id)
    session.expire_all()
    assert session.get(AllowanceGroup, host.id) is None
    assert session.get(AllowanceGroup, group.id) is not None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_writer_keeps_writers_out_and_lets_orders_in(sessions: Sessions, database_url: str) -> None:
    """Only PostgreSQL has row locks; on SQLite one transaction writes at a time."""
    with sessions.begin() as session:
        session.add(Organisation(id="district", name="District", kind="district", path="district"))
        session.flush()
        event_id = add(session).id
    with sessions.begin() as writer:
        assert repository.lock(writer, event_id) is not None
        with sessions.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            # What a foreign key's check takes when an order or ticket of this event is inserted.
            mine = select(Event.id).where(Event.id == event_id)
            other.execute(mine.with_for_update(read=True, key_share=True))
            with pytest.raises(OperationalError):
                repository.lock(other, event_id)
            other.rollback()


def test_reading_sees_quotas_after_its_session_is_closed(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.add(Organisation(id="district", name="District", kind="district", path="district"))
        session.flush()
        add(session)
    with reading(sessions) as session:
        event = session.scalars(select(Event)).one()
    assert [type(quota) for quota in event.quotas] == [Quota, Quota]
    assert event.group.id == event.id


def test_a_stamp_changes_with_whatever_staff_decide(session: Session) -> None:
    event, draft = add(session), add(session)
    event.state = PUBLISHED
    before = stamps.stamps(session)
    assert before == {event.id: (1, 0, None, None, None)}
    repository.mark_applied(session, event.id, 1)
    repository.set_epoch(session, event.group_id, "first")
    assert stamps.stamps(session) == {event.id: (1, 1, "first", None, None)}
    assert {each.id for each in stamps.by_ids(session, [event.id, draft.id, "nothing"])} == {
        event.id,
        draft.id,
    }


def test_what_a_desk_sells_and_hands_out_ends_with_its_times(session: Session) -> None:
    mine, others = select(Organisation.id), select(Organisation.id).where(Organisation.id == "nowhere")
    event = add(session, starts_at=5_000, closes_at=4_000, collect_until=None)
    assert not repository.on_sale(session, 0, mine)  # a draft
    event.state = PUBLISHED
    session.flush()
    sold, collected = (
        [now for now in (3_999, 4_000, 86_404_999, 86_405_000) if ask(session, now, mine)]
        for ask in (repository.on_sale, repository.collectable)
    )
    assert (sold, collected) == ([3_999], [3_999, 4_000, 86_404_999])
    assert not repository.on_sale(session, 0, others)
    assert not repository.collectable(session, 0, others)
    event.collect_until = 6_000
    session.flush()
    assert [bool(repository.collectable(session, now, mine)) for now in (5_999, 6_000)] == [True, False]
    event.state = CANCELLED
    session.flush()
    assert not repository.on_sale(session, 0, mine)
    assert not repository.collectable(session, 0, mine)
    assert repository.those_of(session, {event.id, "other"}, mine) == {event.id}
    assert repository.those_of(session, {event.id}, others) == set()


@pytest.mark.parametrize("ask", [repository.on_sale, repository.collectable])
def test_what_a_swipe_asks_for_comes_without_waves(session: Session, ask: Ask) -> None:
    add(session).state = PUBLISHED
    session.flush()
    session.expunge_all()
    (event,) = ask(session, 0, select(Organisation.id))
    assert inspect(event).unloaded & {"waiting_waves", "quotas", "group"} == {"waiting_waves"}
