"""Goal: an endpoint that was removed hears nothing any more, whoever let it go on at that moment, and leaves nothing.

Method: both databases; somebody resumes an endpoint while its removal waits to be committed. The control looks at it
without its lock. What endpoints are told is tried with a real API and receivers (`tests/api/test_webhooks.py`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select, update

from tests.support.interleaving import looks_before_it_waits, until_somebody_waits
from tests.support.office import Office
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.hooks import repository as hooks
from ticketing.hooks.kinds import CONFIRMED
from ticketing.hooks.tables import GIVEN_UP, WAITING, Delivery, Endpoint
from ticketing.keyring import Keyring
from ticketing.services.webhooks import EndpointWish, WebhookService


class WithoutTheLock(WebhookService):
    """Looks at an endpoint as if it only read."""

    def _reached(self, *looked_for: Any, lock: bool = True) -> Endpoint:
        return super()._reached(*looked_for, lock=False)


def resumed_while_it_is_removed(
    office: Office, kind: type[WebhookService], keyring: Keyring
) -> tuple[BaseException | None, bool]:
    """What came of resuming it, and whether it hears then."""
    service = kind(office.sessions, keyring, office.clock)
    _, made = service.create(office.street, EndpointWish("https://example.org/", (CONFIRMED,)))
    service.set_active(office.street, made.id, active=False)
    with ThreadPoolExecutor(1) as pool:
        with office.sessions.begin() as session:
            session.execute(update(Endpoint).values(removed_at=1))
            resumed = pool.submit(service.set_active, office.street, made.id, active=True)
            until_somebody_waits(office.sessions)
        failure = resumed.exception()
    with reading(office.sessions) as session:
        return failure, session.scalars(select(Endpoint.active)).one()


def test_one_that_was_removed_meanwhile_does_not_go_on(office: Office, keyring: Keyring) -> None:
    failure, hears = resumed_while_it_is_removed(office, WebhookService, keyring)
    assert isinstance(failure, Refusal)
    assert (failure.code, hears) == (Code.NOT_FOUND, False)


def test_control_without_the_lock_a_removed_one_hears(office: Office, keyring: Keyring) -> None:
    failure, hears = resumed_while_it_is_removed(office, WithoutTheLock, keyring)
    assert (failure is None, hears) == (looks_before_it_waits(office.sessions),) * 2


def test_what_a_removed_one_was_still_to_be_told_is_forgotten(office: Office, keyring: Keyring) -> None:
    service = WebhookService(office.sessions, keyring, office.clock)
    wish = EndpointWish("https://example.org/", (CONFIRMED,))
    removed, stays = (service.create(office.street, wish)[1].id for _ in range(2))
    row = {"message_id": "m", "kind": CONFIRMED, "body": "{}", "at": 0, "state": WAITING, "attempts": 0}
    with office.sessions.begin() as session:
        hooks.write(session, [row | {"endpoint_id": one, "next_at": 0} for one in (removed, stays)])
    service.remove(office.street, removed)
    with office.sessions.begin() as session:
        assert hooks.purge(session, hooks.KEPT_MS + 1) == 1
        assert session.scalars(select(Delivery.endpoint_id)).all() == [stays]


def test_an_attempt_that_fails_late_ends_no_replay(office: Office, keyring: Keyring) -> None:
    """Its last attempt is under way when somebody sends the message again."""
    service = WebhookService(office.sessions, keyring, office.clock)
    made = service.create(office.street, EndpointWish("https://example.org/", (CONFIRMED,)))[1].id
    row = {"message_id": "m", "kind": CONFIRMED, "body": "{}", "at": 0, "state": WAITING, "attempts": 9}
    with office.sessions.begin() as session:
        hooks.write(session, [row | {"endpoint_id": made, "next_at": 0}])
        delivery = session.scalars(select(Delivery.id)).one()
        assert hooks.take_on(session, delivery, 9, 1)
    assert service.replay(office.street, made, delivery) == 1
    with office.sessions.begin() as session:
        hooks.note_failed(session, delivery, 10, 500, "answered 500", None)
        assert session.execute(select(Delivery.state, Delivery.attempts)).one() == (WAITING, 0)
        assert hooks.take_on(session, delivery, 0, 1)
        hooks.note_failed(session, delivery, 1, 500, "answered 500", None)
        assert session.scalars(select(Delivery.state)).one() == GIVEN_UP
