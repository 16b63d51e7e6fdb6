"""Builds the contract's objects from what the rooms return; the only place where the two meet.

Pure functions: no I/O, no clock of their own.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from msgspec import structs

from ticketing.api import schemas
from ticketing.catalogue import tables
from ticketing.catalogue.news import STARTS_AT
from ticketing.identifiers import quota_id
from ticketing.inventory.model import EventState, Hold, Ledger, QuotaCounts, Use
from ticketing.members.repository import Holder
from ticketing.members.tables import Organisation
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.services.notices import Moved, Told
from ticketing.services.orders import order_from_hold
from ticketing.services.seals import Seal
from ticketing.services.tokens import Claims
from ticketing.staff.logins import StaffLogin

CURRENCY = "CNY"
"""What a hold is counted in when this process cannot tell its event's currency."""

_SUMMARY_FIELDS = schemas.EventSummary.__struct_fields__

NOTHING = QuotaCounts(capacity=0, withheld=0, held=0, sold=0)


@lru_cache(maxsize=1_024)
def instant(at_ms: int) -> datetime:
    """Milliseconds as a time in UTC. Kept, because what is decided in one batch is decided at one time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def instant_or_none(at_ms: int | None) -> datetime | None:
    """The same, for a time that may be missing."""
    return None if at_ms is None else instant(at_ms)


def millis(at: datetime) -> int:
    """A time as milliseconds since the Unix epoch."""
    return round(at.timestamp() * 1000)


# Events


def sale_status(event: tables.Event, state: EventState | None, now_ms: int) -> schemas.StaffStatus:
    """What a member would meet. Redis' rules decide; `state` None means that Redis does not know the event."""
    if event.state == tables.DRAFT:
        return "draft"
    if event.state == tables.CANCELLED:
        return "cancelled"
    if event.group.archived_at is not None:
        return "closed"
    if state is None:
        return "scheduled" if now_ms < event.opens_at and event.group.opened_at is None else "recovering"
    return _status_by_rules(state, now_ms)


def _status_by_rules(state: EventState, now_ms: int) -> schemas.StaffStatus:
    rules = state.rules
    if rules.state == tables.CANCELLED:
        return "cancelled"
    if rules.state == tables.CLOSED or now_ms >= rules.closes_at:
        return "closed"
    if rules.state == tables.PAUSED:
        return "paused"
    if now_ms < rules.opens_at:
        return "scheduled"
    return "open" if any(counts.available for counts in state.counts.values()) else "sold_out"


def event_summary(
    event: tables.Event, organisation_name: str, status: schemas.StaffStatus
) -> schemas.EventSummary:
    """An event without its quotas."""
    return schemas.EventSummary(
        id=event.id,
        title=event.title,
        description=event.description,
        venue=event.venue,
        organisation=event.organisation_id,
        organisation_name=organisation_name,
        starts_at=instant(event.starts_at),
        status=status,
        opens_at=instant(event.opens_at),
        closes_at=instant(event.closes_at),
        per_card_limit=event.per_card_limit,
        allowance_group=event.group_id,
        eligible_organisations=event.eligible_organisations,
        hold_seconds=event.hold_seconds,
        payment_methods=event.payment_methods,
        cancellable_until=instant_or_none(event.cancellable_until),
        collect_until=instant_or_none(event.collect_until),
        uncollected=cast("schemas.Uncollected", event.uncollected),
        pickup=event.pickup,
        notice=(event.state == tables.PAUSED and event.pause_message) or event.notice,
        kind=cast("Any", event.kind),  # the catalogue takes no other than these
    )


def event_view(
    event: tables.Event, organisation_name: str, state: EventState | None, status: schemas.StaffStatus
) -> schemas.Event:
    """An event with its quotas. Once Redis knows a quota, its counts are Redis'."""
    counts = state.counts if state else {}
    coming = _coming(event)
    quotas = [_quota(quota, counts.get(quota.number), coming.get(quota.id)) for quota in event.quotas]
    return schemas.Event(**_fields(event_summary(event, organisation_name, status)), quotas=quotas)


def without_quotas(event: schemas.Event) -> schemas.EventSummary:
    """An event as lists show it."""
    return schemas.EventSummary(**{name: getattr(event, name) for name in _SUMMARY_FIELDS})


def staff_event(
    event: tables.Event, organisation_name: str, state: EventState | None, status: schemas.StaffStatus
) -> schemas.StaffEvent:
    """An event as staff see it."""
    counts, coming = state.counts if state else {}, _coming(event)
    return schemas.StaffEvent(
        **_fields(event_summary(event, organisation_name, status)) | {"notice": event.notice},
        venue_id=event.venue_id,
        state=event.state,
        pause_message=event.pause_message,
        version=event.version,
        applied=event.state == tables.DRAFT or event.applied_version >= event.version,
        share_back_minutes=event.share_back_minutes,
        quotas=[
            _staff_quota(quota, counts.get(quota.number), coming.get(quota.id)) for quota in event.quotas
        ],
    )


def _coming(event: tables.Event) -> dict[str, schemas.NextRelease]:
    """The next wave of each quota, of several at one time all together; none once the sale is over."""
    coming: dict[str, schemas.NextRelease] = {}
    over = event.state in (tables.CLOSED, tables.CANCELLED)
    for wave in () if over else event.waiting_waves:  # soonest first
        known = coming.setdefault(wave.quota_id, schemas.NextRelease(instant(wave.at), 0))
        if known.at == instant(wave.at):
            known.quantity += wave.quantity
    return coming


def _quota(
    quota: tables.Quota, counts: QuotaCounts | None, coming: schemas.NextRelease | None
) -> schemas.Quota:
    return schemas.Quota(
        id=quota.id,
        name=quota.name,
        starts_at=instant_or_none(quota.starts_at),
        price=quota.price,
        face_price=quota.face_price,
        currency=quota.currency,
        capacity=counts.capacity if counts else quota.capacity,
        available=(counts or _wished(quota)).available,
        per_card_limit=quota.per_card_limit,
        next_release=coming,
    )


def _staff_quota(
    quota: tables.Quota, counts: QuotaCounts | None, coming: schemas.NextRelease | None
) -> schemas.StaffQuota:
    known = counts or _wished(quota)
    return schemas.StaffQuota(
        **_fields(_quota(quota, counts, coming)), withheld=known.withheld, held=known.held, sold=known.sold
    )


def _wished(quota: tables.Quota) -> QuotaCounts:
    return QuotaCounts(capacity=quota.capacity, withheld=quota.withheld, held=0, sold=0)


def availability(
    event: tables.Event, state: EventState | None, status: schemas.StaffStatus, as_of_ms: int
) -> schemas.Availability:
    """The counts of an event at `as_of_ms`."""
    assert status != "draft"
    counts = state.counts if state else {}
    quotas = {quota.id: counts.get(quota.number, NOTHING) for quota in event.quotas}
    return schemas.Availability(
        event_id=event.id,
        as_of=instant(as_of_ms),
        status=status,
        quotas={id_: schemas.QuotaAvailability(c.available, c.held) for id_, c in quotas.items()},
    )


# Holds and orders


def hold_view(hold: Hold, currency: str = CURRENCY) -> schemas.Hold:
    """A hold as it is now."""
    return _hold(hold, hold.status.value, currency)


def hold_as_made(hold: Hold, currency: str = CURRENCY) -> schemas.Hold:
    """A hold as it was answered the first time, whatever has become of it: what a replay says again."""
    return _hold(hold, "held", currency)


def _hold(hold: Hold, status: schemas.HoldStatus, currency: str) -> schemas.Hold:
    return schemas.Hold(
        id=hold.id,
        event_id=hold.event_id,
        status=status,
        items=_items(hold),
        amount=hold.amount,
        currency=currency,
        created_at=instant(hold.created_at),
        expires_at=instant(hold.expires_at),
    )


def order_as_confirmed(hold: Hold, currency: str = CURRENCY, seal: Seal | None = None) -> schemas.Order:
    """An order as it was answered the first time, from Redis' record alone: what a replay says again."""
    return order_view(order_from_hold(structs.replace(hold, returned_places=0), currency), seal)


def order_view(order: OrderRecord, seal: Seal | None = None) -> schemas.Order:
    """An order as it is now; with a `seal`, what its QR codes show is signed."""
    return schemas.Order(
        id=order.id,
        number=order.number,
        event_id=order.event_id,
        status=cast("schemas.OrderStatus", order.status),
        items=[schemas.Item(*item) for item in order.items],
        amount=order.amount,
        currency=order.currency,
        payment=schemas.Payment(order.payment_method, cast("schemas.PaymentStatus", order.payment_status)),
        tickets=[
            _ticket(ticket, seal.qr(order, ticket) if seal else ticket.code) for ticket in order.tickets
        ],
        confirmed_at=instant(order.confirmed_at),
        recorded_at=instant_or_none(order.recorded_at),
    )


def _items(hold: Hold) -> list[schemas.Item]:
    return [schemas.Item(quota_id(hold.event_id, i.quota), i.quantity, i.price) for i in hold.items]


def _ticket(ticket: TicketRecord, qr: str) -> schemas.Ticket:
    return schemas.Ticket(
        code=ticket.code,
        qr=qr,
        quota_id=ticket.quota_id,
        status=cast("schemas.TicketStatus", ticket.status),
        collected_at=instant_or_none(ticket.collected_at),
    )


# People


def masked(last_four: str) -> str:
    """A card's number as it may be shown."""
    return f"****{last_four}"


def masked_name(name: str) -> str:
    """A name that the person recognises, and whoever looks over a shoulder does not: 王*明, J*** S****."""
    return " ".join(_masked_word(word) for word in name.split())


def _masked_word(word: str) -> str:
    if word.isascii() or len(word) <= 2:
        return word[:1] + "*" * (len(word) - 1)
    return word[0] + "*" * (len(word) - 2) + word[-1]


def member_view(claims: Claims) -> schemas.Member:
    """The member a session belongs to."""
    return schemas.Member(
        name=claims.name,
        card_masked=masked(claims.card_last_four),
        organisation=claims.organisation_id,
        organisation_name=claims.organisation_name,
    )


def holder_view(holder: Holder) -> schemas.Member:
    """A member as SQL has them now."""
    return schemas.Member(
        name=holder.member.name,
        card_masked=masked(holder.card.last_four),
        organisation=holder.organisation.id,
        organisation_name=holder.organisation.name,
    )


def notice_view(told: Told) -> schemas.Notice:
    """A message to a member."""
    changes = [_notice_change(moved) for moved in told.moved]
    return schemas.Notice(told.kind, told.text, told.event_id, instant(told.at), changes)


def _notice_change(moved: Moved) -> schemas.NoticeChange:
    before, after = moved.before, moved.after
    if moved.field == STARTS_AT:
        before, after = (instant(int(at)).isoformat() for at in (before, after))
    return schemas.NoticeChange(moved.field, before, after, moved.quota_id)


def staff_session(token: str, claims: Claims) -> schemas.StaffSession:
    """A staff session as its login answers."""
    return schemas.StaffSession(
        token=token,
        expires_at=instant(claims.expires_at),
        role=cast("schemas.Role", claims.role),
        organisation=claims.organisation_id,
        organisation_name=claims.organisation_name,
        must_enrol=claims.must_enrol,
    )


def staff_login_view(login: StaffLogin, here: Claims) -> schemas.StaffLoginRow:
    """One of somebody's own logins."""
    return schemas.StaffLoginRow(
        id=login.id,
        began_at=instant(login.began_at),
        expires_at=instant(login.expires_at),
        used_at=instant(login.used_at),
        device=login.device,
        address=login.address,
        current=login.id == here.session_id,
    )


def organisation_view(node: Organisation) -> schemas.Organisation:
    """A node of the union's tree."""
    return schemas.Organisation(id=node.id, name=node.name, kind=node.kind, parent_id=node.parent_id)


def allowances(events: Iterable[tables.Event], ledger: Ledger) -> list[schemas.Allowance]:
    """Every limit that applies to a member in these events of one group, with what is used of it."""
    found: list[schemas.Allowance] = []
    for event in events:
        found += _allowances_of(event, ledger)
    return found


def _allowances_of(event: tables.Event, ledger: Ledger) -> Iterable[schemas.Allowance]:
    mine = [use for use in ledger.uses if use.event_id == event.id]
    if event.group.per_card_limit is not None:
        limit = event.group.per_card_limit
        yield _allowance(event.id, "group", limit, ledger.uses, allowance_group=event.group_id)
    if event.per_card_limit is not None:
        yield _allowance(event.id, "event", event.per_card_limit, mine)
    for quota in event.quotas:
        if quota.per_card_limit is not None:
            used = [use for use in mine if use.quota == quota.number]
            yield _allowance(event.id, "quota", quota.per_card_limit, used, quota_id=quota.id)


def _allowance(
    event_id: str, scope: schemas.Scope, limit: int, uses: Iterable[Use], **where: str
) -> schemas.Allowance:
    held, bought = 0, 0
    for use in uses:
        held, bought = held + use.held, bought + use.bought
    return schemas.Allowance(event_id, scope, limit, held, bought, **where)


def _fields(view: schemas.Answer) -> dict[str, Any]:
    return structs.asdict(view)
