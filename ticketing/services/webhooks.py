"""Webhooks: who is told what, set up by managers for their organisation and below, and the log of what was told."""

import base64
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.hooks import repository as hooks
from ticketing.hooks.kinds import KINDS
from ticketing.hooks.tables import Delivery, Endpoint
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.members.tables import Organisation
from ticketing.services import trail
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims
from ticketing.services.vault import Vault
from ticketing.services.webhook_sending import LOCAL

URL_MAX = 500
ENDPOINTS_MAX = 20
"""Of one organisation: each costs every order a row."""


class EndpointWish(Struct, frozen=True):
    """An endpoint to set up, below one's own organisation unless another is given."""

    url: str
    kinds: tuple[str, ...]
    organisation_id: str | None = None


class EndpointRow(Struct, frozen=True):
    """An endpoint as its people see it."""

    id: str
    url: str
    kinds: tuple[str, ...]
    active: bool
    organisation_id: str
    organisation_name: str
    made_by: str
    created_at: int


class WebhookService:
    """Endpoints and their logs. Raises `Refusal`: FORBIDDEN, INVALID, and NOT_FOUND beyond somebody's reach."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._vault = Vault(keyring.vault)
        self._clock = clock

    def create(self, staff: Claims, wish: EndpointWish) -> tuple[str, EndpointRow]:
        """A new endpoint, told from now on, and the secret that signs what it is told: shown this once."""
        require_writer(staff)
        _require_sane(wish)
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        endpoint_id, now = secrets.token_hex(8), self._clock.now_ms()
        with self._sessions.begin() as session:
            node = members.organisation(session, wish.organisation_id or staff.organisation_id)
            if node is None or not staff.covers(node.path):
                raise invalid(("organisation", "is unknown"))
            if len(_listed(session, Organisation.id == node.id)) >= ENDPOINTS_MAX:
                raise invalid(("url", f"an organisation has {ENDPOINTS_MAX} endpoints at most"))
            made = Endpoint(
                id=endpoint_id,
                organisation_id=node.id,
                url=wish.url,
                sealed_secret=self._vault.seal(purpose_of(endpoint_id), secret.encode()),
                kinds=[kind for kind in KINDS if kind in wish.kinds],
                active=True,
                made_by=staff.name,
                created_at=now,
            )
            session.add(made)
            facts = {"url": wish.url, "kinds": made.kinds, "organisation": node.id}
            trail.record(session, now, staff.actor, "webhook.create", f"webhook:{endpoint_id}", facts)
            return secret, _row(made, node.name)

    def listed(self, staff: Claims) -> list[EndpointRow]:
        """The endpoints of the staff member's organisation and below, newest first."""
        require_writer(staff)
        with reading(self._sessions) as session:
            return _listed(session, members.at_or_below(staff.organisation_path))

    def set_active(self, staff: Claims, endpoint_id: str, *, active: bool) -> None:
        """Pause an endpoint or let it go on; what was written before a pause is sent after it."""
        with self._sessions.begin() as session:
            endpoint = self._reached(session, staff, endpoint_id)
            if endpoint.active != active:
                endpoint.active = active
                self._record(session, staff, "webhook.resume" if active else "webhook.pause", endpoint)

    def remove(self, staff: Claims, endpoint_id: str) -> None:
        """Tell an endpoint nothing any more, for good."""
        with self._sessions.begin() as session:
            endpoint = self._reached(session, staff, endpoint_id)
            endpoint.active, endpoint.removed_at = False, self._clock.now_ms()
            self._record(session, staff, "webhook.remove", endpoint)

    def log(self, staff: Claims, endpoint_id: str) -> tuple[EndpointRow, Sequence[Delivery]]:
        """An endpoint and what it was told lately, newest first."""
        with reading(self._sessions) as session:
            endpoint = self._reached(session, staff, endpoint_id, lock=False)
            place = members.organisation_of(session, endpoint.organisation_id)
            return _row(endpoint, place.name), hooks.log_of(session, endpoint_id)

    def replay(self, staff: Claims, endpoint_id: str, delivery_id: int | None = None) -> int:
        """Send one message again, or all that were given up; how many. Receivers know them again by their id."""
        with self._sessions.begin() as session:
            endpoint = self._reached(session, staff, endpoint_id)
            again = hooks.replay(session, endpoint_id, delivery_id, self._clock.now_ms())
            if delivery_id is not None and not again:
                raise Refusal(Code.NOT_FOUND)
            self._record(session, staff, "webhook.replay", endpoint, messages=again)
        return again

    def _reached(self, session: Session, staff: Claims, endpoint_id: str, *, lock: bool = True) -> Endpoint:
        """The endpoint; `lock` keeps it as it is read: one that is removed meanwhile must not be resumed."""
        require_writer(staff)
        endpoint = session.get(Endpoint, endpoint_id, with_for_update={"key_share": True} if lock else None)
        if endpoint is None or endpoint.removed_at is not None:
            raise Refusal(Code.NOT_FOUND)
        if not staff.covers(members.organisation_of(session, endpoint.organisation_id).path):
            raise Refusal(Code.NOT_FOUND)
        return endpoint

    def _record(
        self, session: Session, staff: Claims, action: str, endpoint: Endpoint, **facts: object
    ) -> None:
        now = self._clock.now_ms()
        trail.record(
            session, now, staff.actor, action, f"webhook:{endpoint.id}", {"url": endpoint.url} | facts
        )


def purpose_of(endpoint_id: str) -> str:
    """What an endpoint's secret is sealed for."""
    return f"secret of webhook {endpoint_id}"


def _listed(session: Session, wanted: ColumnElement[bool]) -> list[EndpointRow]:
    query = (
        select(Endpoint, Organisation.name)
        .join(Organisation, Organisation.id == Endpoint.organisation_id)
        .where(wanted, Endpoint.removed_at.is_(None))
        .order_by(Endpoint.created_at.desc(), Endpoint.id)
    )
    return [_row(endpoint, name) for endpoint, name in session.execute(query)]


def _row(endpoint: Endpoint, organisation_name: str) -> EndpointRow:
    return EndpointRow(
        endpoint.id,
        endpoint.url,
        tuple(endpoint.kinds),
        endpoint.active,
        endpoint.organisation_id,
        organisation_name,
        endpoint.made_by,
        endpoint.created_at,
    )


def _require_sane(wish: EndpointWish) -> None:
    if not wish.kinds or not set(wish.kinds) <= set(KINDS):
        raise invalid(("events", "choose at least one"))
    try:
        target = urlsplit(wish.url)
        _ = target.port
    except ValueError:
        raise invalid(("url", "is no address")) from None
    plain = wish.url.isascii() and wish.url.isprintable() and " " not in wish.url
    if not plain or len(wish.url) > URL_MAX or not target.hostname or target.username or target.fragment:
        raise invalid(("url", "is no address"))
    if target.scheme != "https" and not (target.scheme == "http" and target.hostname in LOCAL):
        raise invalid(("url", "must begin with https://"))
