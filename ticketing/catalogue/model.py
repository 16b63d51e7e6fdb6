"""What staff ask of the catalogue: drafts of events and quotas, and changes to them.

Plain values: times are milliseconds since the Unix epoch, prices integers in the smallest unit of
`currency`. Their bounds are in `ticketing.catalogue.validation`.
"""

from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType, structs

from ticketing.catalogue.tables import KEEP

FREE, DESK = "free", "desk"
PAYMENT_METHODS = (FREE, DESK)
KINDS = ("cinema", "carnival", "exhibition", "theatre", "class", "other")
"""Of events, so that figures can be read by kind."""

HOLD_SECONDS_DEFAULT = 300

Plan = TypeVar("Plan", bound=Struct)


class QuotaDraft(Struct, frozen=True, kw_only=True):
    """A quota as staff wish it. Without a `face_price` the member pays the full one: no subsidy is owed."""

    name: str
    capacity: int
    withheld: int = 0
    starts_at: int | None = None
    price: int = 0
    face_price: int | None = None
    currency: str = "CNY"
    per_card_limit: int | None = None


class EventDraft(Struct, frozen=True, kw_only=True):
    """An event as staff wish it.

    Without an `organisation` it belongs to the staff member's own; without an `allowance_group` it
    shares its limit with no other event; without `payment_methods` it takes those its prices need.
    `uncollected` is what becomes of tickets that nobody collected by `collect_until`: `keep`, `web` or `desk`.
    `share_back_minutes` before a quota starts, what is left of the desk's share goes to the web; None: never.
    `eligible_organisations` are ids, each standing for itself and all below it; None is everyone.
    """

    title: str
    starts_at: int
    opens_at: int
    closes_at: int
    organisation: str | None = None
    description: str = ""
    venue: str = ""
    per_card_limit: int | None = None
    allowance_group: str | None = None
    eligible_organisations: tuple[str, ...] | None = None
    hold_seconds: int = HOLD_SECONDS_DEFAULT
    payment_methods: tuple[str, ...] | None = None
    cancellable_until: int | None = None
    collect_until: int | None = None
    uncollected: str = KEEP
    share_back_minutes: int | None = None
    pickup: str = ""
    notice: str = ""
    kind: str | None = None
    venue_id: str | None = None
    quotas: tuple[QuotaDraft, ...] = ()


class EventChanges(Struct, frozen=True, kw_only=True):
    """Changes to an event: what is left unset stays as it is; None takes a value away."""

    title: str | UnsetType = UNSET
    starts_at: int | UnsetType = UNSET
    opens_at: int | UnsetType = UNSET
    closes_at: int | UnsetType = UNSET
    description: str | UnsetType = UNSET
    venue: str | UnsetType = UNSET
    per_card_limit: int | None | UnsetType = UNSET
    allowance_group: str | None | UnsetType = UNSET
    eligible_organisations: tuple[str, ...] | None | UnsetType = UNSET
    hold_seconds: int | UnsetType = UNSET
    payment_methods: tuple[str, ...] | UnsetType = UNSET
    cancellable_until: int | None | UnsetType = UNSET
    collect_until: int | None | UnsetType = UNSET
    uncollected: str | UnsetType = UNSET
    share_back_minutes: int | None | UnsetType = UNSET
    pickup: str | UnsetType = UNSET
    notice: str | UnsetType = UNSET
    kind: str | None | UnsetType = UNSET
    venue_id: str | None | UnsetType = UNSET


class QuotaChanges(Struct, frozen=True, kw_only=True):
    """Changes to a quota: what is left unset stays as it is; None takes a value away."""

    name: str | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    withheld: int | UnsetType = UNSET
    starts_at: int | None | UnsetType = UNSET
    price: int | UnsetType = UNSET
    face_price: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    per_card_limit: int | None | UnsetType = UNSET


def given(changes: Struct) -> dict[str, Any]:
    """The fields that `changes` sets."""
    return {name: value for name, value in structs.asdict(changes).items() if value is not UNSET}


def changed(plan: Plan, changes: Struct) -> Plan:
    """`plan` with `changes` made."""
    return structs.replace(plan, **given(changes))


def differences(before: Struct, after: Struct) -> dict[str, Any]:
    """The fields of `after` that are not as in `before`, with their new values."""
    old = structs.asdict(before)
    return {name: value for name, value in structs.asdict(after).items() if value != old[name]}


def from_to(before: Struct, after: Struct) -> dict[str, Any]:
    """What differs as field -> [before, after], for the audit trail."""
    return {field: [getattr(before, field), value] for field, value in differences(before, after).items()}


def needed_methods(quotas: tuple[QuotaDraft, ...]) -> tuple[str, ...]:
    """The payment methods without which some ticket could not be had; "free" while there is no quota."""
    needed = {DESK if quota.price else FREE for quota in quotas} or {FREE}
    return tuple(method for method in PAYMENT_METHODS if method in needed)
