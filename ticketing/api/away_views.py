"""Builds what desks without the network load and send from what `services` return."""

from base64 import urlsafe_b64encode
from typing import Any

from ticketing.api import schemas
from ticketing.api.views import instant, instant_or_none, masked_name, millis
from ticketing.catalogue.tables import Event
from ticketing.services.desk_away import NamedConflict, Sent, Taken
from ticketing.services.desk_list import DeskList, ListedGone, ListedOrder
from ticketing.services.seals import Seal


def list_view(made: DeskList, seal: Seal, card_key: bytes, unsettled: int) -> schemas.DeskList:
    """A list as it is loaded."""
    return schemas.DeskList(
        as_of=instant(made.as_of),
        good_until=instant(made.good_until),
        clerk=made.clerk,
        public_key=base64url(seal.public),
        key_name=seal.name,
        card_key=base64url(card_key),
        events=[_event(event) for event in made.events],
        orders=[_order(order) for order in made.orders],
        gone=[_gone(gone) for gone in made.gone],
        unsettled=unsettled,
    )


def base64url(raw: bytes) -> str:
    """Bytes as text, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _event(event: Event) -> schemas.ListedEvent:
    quotas = [schemas.ListedQuota(quota.id, quota.name) for quota in event.quotas]
    return schemas.ListedEvent(event.id, event.title, quotas)


def _order(order: ListedOrder) -> schemas.ListedOrder:
    return schemas.ListedOrder(
        id=order.id,
        number=order.number,
        event_id=order.event_id,
        name_masked=masked_name(order.name),
        card=order.card,
        due=order.due,
        currency=order.currency,
        tickets=[schemas.ListedTicket(*ticket) for ticket in order.tickets],
    )


def _gone(gone: ListedGone) -> schemas.ListedGone:
    return schemas.ListedGone(list(gone.codes), instant_or_none(gone.at), gone.desk, gone.clerk)


def sent(hand_over: schemas.AwayHandOver) -> Sent:
    """A hand-over as the service takes it."""
    payment = hand_over.payment
    return Sent(
        key=hand_over.key,
        ticket_codes=tuple(hand_over.ticket_codes),
        desk=hand_over.desk,
        clerk=hand_over.clerk,
        at=millis(hand_over.at),
        payment_method=payment.method if payment else None,
        payment_amount=payment.amount if payment else None,
    )


def taken_view(taken: Taken) -> schemas.AwayTaken:
    """What became of one hand-over."""
    outcome: Any = taken.outcome
    return schemas.AwayTaken(
        key=taken.key,
        outcome=outcome,
        reason=taken.reason,
        pickup_id=taken.pickup_id,
        collected=list(taken.collected),
        conflicts=[conflict_view(conflict) for conflict in taken.conflicts],
    )


def conflict_view(named: NamedConflict) -> schemas.DeskConflict:
    """A conflict, with the names of both desks and clerks, and how it was settled."""
    conflict = named.record
    kind: Any = conflict.kind
    return schemas.DeskConflict(
        id=conflict.id,
        kind=kind,
        number=conflict.number,
        ticket_code=conflict.ticket_code,
        event_id=conflict.event_id,
        amount=conflict.amount,
        desk=conflict.desk,
        clerk=named.clerk,
        handed_over_at=instant(conflict.at),
        other_desk=conflict.other_desk,
        other_clerk=named.other_clerk,
        other_at=instant_or_none(conflict.other_at),
        found_at=instant(conflict.found_at),
        settled_at=instant_or_none(conflict.settled_at),
        settled_by=named.settled_by,
        settled_reason=conflict.settled_reason,
    )
