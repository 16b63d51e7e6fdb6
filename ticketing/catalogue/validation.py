"""What a draft must satisfy before SQL takes it: pure checks that name every faulty field at once.

A fault is (field, reason), the field in the contract's words: `title`, `quotas[0].price`.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from msgspec import Struct, structs

from ticketing.catalogue.model import (
    DESK,
    FREE,
    KINDS,
    PAYMENT_METHODS,
    EventDraft,
    QuotaDraft,
    differences,
    needed_methods,
)
from ticketing.catalogue.tables import CANCELLED, CLOSED, DRAFT, KEEP, TO_DESK, TO_WEB
from ticketing.errors import Code, Refusal

NAME_CHARS_MAX = 200
REASON_CHARS_MAX = 500
DESCRIPTION_CHARS_MAX = 5_000
PICKUP_CHARS_MAX = 2_000
NOTICE_CHARS_MAX = 1_000
QUOTAS_MAX = 200
ELIGIBLE_MAX = 200
CAPACITY_MAX = 1_000_000
PER_CARD_LIMIT_MAX = 1_000
SHARE_BACK_MINUTES_MAX = 10_080
PRICE_MAX = 100_000_000
HOLD_SECONDS_MIN, HOLD_SECONDS_MAX = 1, 3_600
AT_MS_MAX = 4_102_444_800_000  # the year 2100: later is a slip of the pen, and RFC 3339 ends at 9999

# What the members who have tickets still need to hear.
_CHANGE_AFTER_CLOSING = frozenset(
    {
        "title",
        "description",
        "venue",
        "starts_at",
        "cancellable_until",
        "collect_until",
        "uncollected",
        "pickup",
        "notice",
        "kind",
        "venue_id",
    }
)
_BREAKS = frozenset("\n\t")
# Controls, surrogates (no UTF-8 for them), separators that break a line in some programs only.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Marks that turn the reading direction: they make a title read as another one.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Fault = tuple[str, str]
Plan = TypeVar("Plan", bound=Struct)


def refuse_if(faults: Iterable[Fault]) -> None:
    """Raise the `invalid` refusal that names every fault, if there is any."""
    errors = [{"field": field, "reason": reason} for field, reason in faults]
    if errors:
        raise Refusal(Code.INVALID, errors=errors)


def tidied(plan: Plan) -> Plan:
    """`plan` with its texts as they are kept: no space around them, one kind of line break."""
    fields = structs.asdict(plan)
    return structs.replace(plan, **{name: _tidy(value) for name, value in fields.items()})


def _tidy(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\r\n", "\n").strip()
        case tuple():
            return tuple(map(_tidy, value))
        case QuotaDraft():
            return tidied(value)
    return value


def event_faults(plan: EventDraft) -> Iterator[Fault]:
    """Everything wrong with an event that can be seen without asking SQL."""
    yield from _event_text_faults(plan)
    if plan.kind is not None and plan.kind not in KINDS:
        yield "kind", f"must be one of {', '.join(KINDS)}"
    yield from _event_time_faults(plan)
    yield from _uncollected_faults(plan)
    yield from _limit_faults("per_card_limit", plan.per_card_limit)
    yield from _range_faults("hold_seconds", plan.hold_seconds, HOLD_SECONDS_MIN, HOLD_SECONDS_MAX)
    if plan.share_back_minutes is not None:
        yield from _range_faults("share_back_minutes", plan.share_back_minutes, 0, SHARE_BACK_MINUTES_MAX)
    yield from _eligible_faults(plan.eligible_organisations)
    yield from _payment_faults(plan)
    yield from _quotas_faults(plan.quotas)


def quota_faults(quota: QuotaDraft, prefix: str = "") -> Iterator[Fault]:
    """Everything wrong with one quota; `prefix` goes before the name of each field."""
    yield from text_faults(f"{prefix}name", quota.name, NAME_CHARS_MAX, required=True)
    yield from _range_faults(f"{prefix}capacity", quota.capacity, 0, CAPACITY_MAX)
    yield from withheld_faults(quota.capacity, quota.withheld, prefix)
    yield from _time_faults(f"{prefix}starts_at", quota.starts_at)
    yield from _range_faults(f"{prefix}price", quota.price, 0, PRICE_MAX)
    yield from _face_price_faults(quota, prefix)
    yield from _limit_faults(f"{prefix}per_card_limit", quota.per_card_limit)
    if not (len(quota.currency) == 3 and quota.currency.isascii() and quota.currency.isupper()):
        yield f"{prefix}currency", "must be three capital letters, such as CNY"


def withheld_faults(capacity: int, withheld: int, prefix: str = "") -> Iterator[Fault]:
    """What is kept back cannot be more than there is."""
    if not 0 <= withheld <= capacity:
        yield f"{prefix}withheld", "must be from 0 to the capacity"


def group_faults(name: str, per_card_limit: int | None) -> Iterator[Fault]:
    """Everything wrong with an allowance group."""
    yield from text_faults("name", name, NAME_CHARS_MAX, required=True)
    yield from _limit_faults("per_card_limit", per_card_limit)


def reason_faults(reason: str) -> Iterator[Fault]:
    """The reason of an act may be empty; it goes to the audit trail."""
    yield from text_faults("reason", reason, REASON_CHARS_MAX, breaks=True)


def publishing_faults(plan: EventDraft, now_ms: int) -> Iterator[Fault]:
    """What keeps a valid draft from being put on sale at `now_ms`."""
    if not plan.quotas:
        yield "quotas", "add at least one before publishing"
    if plan.closes_at <= now_ms:
        yield "closes_at", "is already past"


def fixed_faults(state: str, before: EventDraft, after: EventDraft, now_ms: int) -> Iterator[Fault]:
    """What may no longer change of an event in `state`."""
    opened = state != DRAFT and now_ms >= before.opens_at
    for field in differences(before, after):
        if state in (CLOSED, CANCELLED) and field not in _CHANGE_AFTER_CLOSING:
            yield field, "cannot change: the sale has ended"
        elif state != DRAFT and field == "allowance_group":
            yield field, "cannot change once published"
        elif opened and field == "opens_at":
            yield field, "cannot change: the sale has opened"


def overdue_faults(state: str, before: EventDraft, after: EventDraft, now_ms: int) -> Iterator[Fault]:
    """A rule for uncollected tickets, or a deadline under one, that would take tickets away at once."""
    changed = differences(before, after)
    is_past = after.collect_until is not None and after.collect_until <= now_ms
    if state == DRAFT or after.uncollected == KEEP or not is_past:
        return
    if "collect_until" in changed:
        yield "collect_until", "is past: uncollected tickets would go back at once"
    elif "uncollected" in changed:
        yield "uncollected", "cannot change: the end of collecting is past"


def fixed_quota_faults(state: str, before: QuotaDraft, after: QuotaDraft) -> Iterator[Fault]:
    """What may no longer change of a quota of an event in `state`."""
    for field in differences(before, after):
        if state != DRAFT and field in ("price", "currency"):
            yield field, "cannot change once published"


def text_faults(
    field: str, text: str, chars_max: int, *, required: bool = False, breaks: bool = False
) -> Iterator[Fault]:
    """Length, and characters that must not be in a text; `breaks` allows line breaks and tabs."""
    if required and not text:
        yield field, "is required"
    if len(text) > chars_max:
        yield field, f"must be at most {chars_max} characters"
    if any(_is_refused(char) and not (breaks and char in _BREAKS) for char in text):
        yield field, "contains a control character"


def _is_refused(char: str) -> bool:
    return char in _DIRECTION_MARKS or unicodedata.category(char) in _REFUSED_CATEGORIES


def _event_text_faults(plan: EventDraft) -> Iterator[Fault]:
    yield from text_faults("title", plan.title, NAME_CHARS_MAX, required=True)
    yield from text_faults("venue", plan.venue, NAME_CHARS_MAX)
    yield from text_faults("description", plan.description, DESCRIPTION_CHARS_MAX, breaks=True)
    yield from text_faults("pickup", plan.pickup, PICKUP_CHARS_MAX, breaks=True)
    yield from text_faults("notice", plan.notice, NOTICE_CHARS_MAX, breaks=True)


def _event_time_faults(plan: EventDraft) -> Iterator[Fault]:
    for field in ("starts_at", "opens_at", "closes_at", "cancellable_until", "collect_until"):
        yield from _time_faults(field, getattr(plan, field))
    for field in ("closes_at", "cancellable_until", "collect_until"):
        at_ms = getattr(plan, field)
        if at_ms is not None and at_ms <= plan.opens_at:
            yield field, "must be after opens_at"
    if plan.cancellable_until and plan.collect_until and plan.cancellable_until > plan.collect_until:
        yield "cancellable_until", "must not be after collect_until"


def _uncollected_faults(plan: EventDraft) -> Iterator[Fault]:
    if plan.uncollected not in (KEEP, TO_WEB, TO_DESK):
        yield "uncollected", f"must be {KEEP}, {TO_WEB} or {TO_DESK}"
    elif plan.uncollected != KEEP and plan.collect_until is None:
        yield "collect_until", "is required: uncollected tickets go back then"
    elif plan.uncollected != KEEP and plan.collect_until is not None and plan.closes_at <= plan.collect_until:
        yield "closes_at", "must be after collect_until: nobody could have what goes back"


def _time_faults(field: str, at_ms: int | None) -> Iterator[Fault]:
    if at_ms is not None and not 0 <= at_ms <= AT_MS_MAX:
        yield field, "must be a time from 1970 to 2100"


def _limit_faults(field: str, limit: int | None) -> Iterator[Fault]:
    if limit is not None:
        yield from _range_faults(field, limit, 1, PER_CARD_LIMIT_MAX)


def _range_faults(field: str, number: int, least: int, most: int) -> Iterator[Fault]:
    if not least <= number <= most:
        yield field, f"must be from {least} to {most}"


def _face_price_faults(quota: QuotaDraft, prefix: str) -> Iterator[Fault]:
    if quota.face_price is not None and not quota.price <= quota.face_price <= PRICE_MAX:
        yield f"{prefix}face_price", f"must be from the price to {PRICE_MAX}"


def _eligible_faults(organisations: tuple[str, ...] | None) -> Iterator[Fault]:
    if organisations is None:
        return
    if not 1 <= len(organisations) <= ELIGIBLE_MAX:
        yield "eligible_organisations", f"must name 1 to {ELIGIBLE_MAX}, or be null for everyone"
    if len(set(organisations)) < len(organisations):
        yield "eligible_organisations", "names one twice"


def _payment_faults(plan: EventDraft) -> Iterator[Fault]:
    methods = plan.payment_methods
    if methods is None:
        return
    if not methods or not set(methods) <= set(PAYMENT_METHODS) or len(set(methods)) < len(methods):
        yield "payment_methods", f"must be of {', '.join(PAYMENT_METHODS)}, each at most once"
    needed = needed_methods(plan.quotas) if plan.quotas else ()
    for method, tickets in ((FREE, "free"), (DESK, "priced")):
        if method in needed and method not in methods:
            yield "payment_methods", f"must contain {method}: there are {tickets} tickets"


def _quotas_faults(quotas: tuple[QuotaDraft, ...]) -> Iterator[Fault]:
    if len(quotas) > QUOTAS_MAX:
        yield "quotas", f"must be at most {QUOTAS_MAX}"
    seen: set[tuple[str, int | None]] = set()
    for index, quota in enumerate(quotas):
        yield from quota_faults(quota, f"quotas[{index}].")
        if quota.currency != quotas[0].currency:
            yield f"quotas[{index}].currency", "must be the same for all quotas of an event"
        # Also keeps a repeated "add quota" from making a second one.
        if (quota.name, quota.starts_at) in seen:
            yield f"quotas[{index}].name", "another quota has this name and time"
        seen.add((quota.name, quota.starts_at))
