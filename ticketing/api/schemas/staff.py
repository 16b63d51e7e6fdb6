"""What staff send and see."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import (
    NO_CONTROLS,
    NO_CONTROLS_BUT_LINES,
    QUOTAS_MAX,
    Answer,
    Capacity,
    CardNumber,
    Currency,
    EventKind,
    HoldSeconds,
    Id,
    Instant,
    Limit,
    Line,
    Method,
    Note,
    OptionalLine,
    Price,
    Reason,
    Request,
    Role,
    Secret,
    Text,
    Uncollected,
)
from ticketing.api.schemas.events import EventSummary, Quota

Methods = Annotated[tuple[Method, ...], Meta(min_length=1, max_length=10)]
FactorCode = Annotated[str, Meta(min_length=1, max_length=40, pattern=NO_CONTROLS)]
ShareBackMinutes = Annotated[int, Meta(ge=0, le=10_080)]
EligibleIds = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=200)]


class StaffLogin(Request):
    """A staff account and its password; `code` is its authenticator's, or a recovery code, where it has one."""

    username: Annotated[str, Meta(min_length=1, max_length=60, pattern=NO_CONTROLS)]
    password: Secret
    code: FactorCode | None = None


class StaffSession(Answer):
    """A staff session; `organisation` is the one whose subtree the role covers.

    With `must_enrol` it may set up a second factor, which is required here, and do nothing else before.
    """

    token: str
    expires_at: datetime
    role: Role
    organisation: str
    organisation_name: str
    must_enrol: bool


class StaffLoginRow(Answer):
    """One login of one's own: on what kind of device, from which address, and when it was used last, to a minute."""

    id: str
    began_at: datetime
    expires_at: datetime
    used_at: datetime
    device: str
    address: str
    current: bool


class StaffLogins(Answer):
    """One's own logins that are still good, newest first."""

    sessions: list[StaffLoginRow]


class SecondFactor(Answer):
    """The account's second factor: since when it has one (null: none), and whether it must have."""

    confirmed_at: datetime | None
    recovery_codes_left: int
    required: bool


class FactorWish(Request):
    """The password, before a second factor is set up."""

    password: Secret


class FactorSecret(Answer):
    """What an authenticator is given; `uri` is what its QR code shows."""

    secret: str
    uri: str


class FactorProof(Request):
    """A code of the authenticator that was just set up."""

    code: FactorCode


class FactorConfirmed(Answer):
    """Codes that open the account once each when the authenticator is lost, shown this once; and the session anew."""

    recovery_codes: list[str]
    session: StaffSession


class FactorRemoval(Request):
    """The password and a code, to go on without a second factor."""

    password: Secret
    code: FactorCode


class Organisation(Answer):
    """A node of the union's tree."""

    id: str
    name: str
    kind: str
    parent_id: str | None


class Organisations(Answer):
    """The staff's part of the tree, parents first."""

    organisations: list[Organisation]


class NewOrganisation(Request):
    """A node to hang below `parent_id`."""

    name: Line
    parent_id: Id
    kind: Literal["city", "district", "sub_district", "workplace"] = "workplace"
    id: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")] | None = None


class NewQuota(Request):
    """A quota to add. `withheld` tickets are kept from the crowd."""

    name: Line
    capacity: Capacity
    starts_at: Instant | None = None
    price: Price = 0
    face_price: Price | None = None
    currency: Currency = "CNY"
    per_card_limit: Limit | None = None
    withheld: Capacity = 0


class AddedQuota(NewQuota):
    """A quota added to an event that may be on sale already."""

    reason: Note = ""


class NewEvent(Request):
    """A draft. Without `organisation` it is the staff's own, without `allowance_group` a group of its own.

    Without `payment_methods` it takes those its prices need; without a quota's `face_price` no subsidy
    is owed. `uncollected` says what becomes of tickets that nobody collected by `collect_until`: they stay the
    members' (`keep`), go on sale on the web, or into the desk's share (`desk`). So many `share_back_minutes` before a
    quota starts, what is left of the desk's share goes to the web.
    """

    title: Line
    starts_at: Instant
    opens_at: Instant
    closes_at: Instant
    quotas: Annotated[tuple[NewQuota, ...], Meta(max_length=QUOTAS_MAX)] = ()
    description: Text = ""
    venue: OptionalLine = ""
    organisation: Id | None = None
    per_card_limit: Limit | None = None
    allowance_group: Id | None = None
    eligible_organisations: EligibleIds | None = None
    hold_seconds: HoldSeconds = 300
    payment_methods: Methods | None = None
    cancellable_until: Instant | None = None
    collect_until: Instant | None = None
    uncollected: Uncollected = "keep"
    share_back_minutes: ShareBackMinutes | None = None
    pickup: Text = ""
    notice: Text = ""
    kind: EventKind | None = None
    venue_id: Id | None = None


class EventChanges(Request):
    """What may still change of an event; an absent field stays as it is."""

    title: Line | UnsetType = UNSET
    starts_at: Instant | UnsetType = UNSET
    opens_at: Instant | UnsetType = UNSET
    closes_at: Instant | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    venue: OptionalLine | UnsetType = UNSET
    per_card_limit: Limit | UnsetType | None = UNSET
    allowance_group: Id | UnsetType | None = UNSET
    eligible_organisations: EligibleIds | UnsetType | None = UNSET
    hold_seconds: HoldSeconds | UnsetType = UNSET
    payment_methods: Methods | UnsetType = UNSET
    cancellable_until: Instant | UnsetType | None = UNSET
    collect_until: Instant | UnsetType | None = UNSET
    uncollected: Uncollected | UnsetType = UNSET
    share_back_minutes: ShareBackMinutes | UnsetType | None = UNSET
    pickup: Text | UnsetType = UNSET
    notice: Text | UnsetType = UNSET
    kind: EventKind | UnsetType | None = UNSET
    venue_id: Id | UnsetType | None = UNSET
    reason: Note = ""


class QuotaChanges(Request):
    """A change of one quota, also in mid-sale. `force` allows a capacity below sold + held."""

    name: Line | UnsetType = UNSET
    starts_at: Instant | UnsetType | None = UNSET
    price: Price | UnsetType = UNSET
    face_price: Price | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    per_card_limit: Limit | UnsetType | None = UNSET
    capacity: Capacity | UnsetType = UNSET
    withheld: Capacity | UnsetType = UNSET
    reason: Note = ""
    force: bool = False


class WithReason(Request):
    """An act on an event; the reason goes into the audit trail."""

    reason: Note = ""


class PauseWish(WithReason):
    """A pause, and what members read until the sale goes on."""

    message: Annotated[str, Meta(max_length=1_000, pattern=NO_CONTROLS_BUT_LINES)] = ""


class PostponeWish(WithReason, kw_only=True):
    """Another time for an event; `move_sale` moves the end of the booking too, and an opening that is to come."""

    starts_at: Instant
    move_sale: bool = False


class StaffQuota(Quota, kw_only=True):
    """A quota as staff see it, with what is kept from the crowd."""

    withheld: int
    held: int
    sold: int


class StaffEvent(EventSummary):
    """An event as staff see it, drafts included.

    `applied` is false while Redis has yet to hear of the last change. `pause_message` is what members read as the
    notice while the sale is paused.
    """

    venue_id: str | None
    state: str
    version: int
    applied: bool
    pause_message: str
    share_back_minutes: int | None
    quotas: list[StaffQuota]


class StaffEvents(Answer):
    """The events of the staff's organisation and below."""

    events: list[StaffEvent]


class CardAct(Request):
    """A card and why it is acted on."""

    card_number: CardNumber
    reason: Reason


class CardReplacement(CardAct):
    """The card that takes the old one's place; the member keeps what was used."""

    new_card_number: CardNumber


class CardAnswer(Answer):
    """The card as it is now."""

    card_masked: str
    status: Literal["active", "blocked", "replaced"]


class OneTimePin(Answer):
    """A PIN for one login; shown once."""

    card_masked: str
    pin: str
