"""What staff send and see when they look after organisations, members, cards and accounts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import NO_CONTROLS, Answer, Id, Line, Request, Role

ImportState = Literal["sending", "checking", "checked", "importing", "imported", "failed", "dropped"]


class ImportAccepted(Answer):
    """A list that was taken; `GET /api/v1/staff/imports/{id}` says how far it is."""

    id: str


class RefusedLine(Answer):
    """A line of the list that cannot be taken, and why."""

    line: int
    reason: str


class CardImport(Answer):
    """A list of cards. While it is only checked, the figures say what would be.

    `changed` lines change a card that is known, `moved` ones among them put its member into another organisation;
    these and `added` ones are among the `accepted`. `refusals` are the first thousand.
    """

    id: str
    file_name: str
    sent_at: datetime
    sent_by: str
    state: ImportState
    lines: int
    lines_done: int
    accepted: int
    added: int
    changed: int
    moved: int
    refused: int
    failure: str | None
    finished_at: datetime | None
    refusals: list[RefusedLine]


class CardImports(Answer):
    """The latest lists of one's organisation and below, without their refused lines."""

    imports: list[CardImport]


class NewAccount(Request):
    """An account to add; its password is made and told once."""

    username: Annotated[str, Meta(min_length=1, max_length=60, pattern=NO_CONTROLS)]
    role: Role
    organisation: Id


class AccountChanges(Request):
    """What shall change of an account; an absent field stays as it is."""

    role: Role | UnsetType = UNSET
    organisation: Id | UnsetType = UNSET


class Account(Answer):
    """An account of staff: one role, for one organisation and all below it."""

    username: str
    role: Role
    organisation: str
    organisation_name: str
    disabled: bool
    created_at: datetime


class Accounts(Answer):
    """Accounts of one's organisation and below."""

    accounts: list[Account]


class AccountWithPassword(Answer):
    """An account and its new password, which is told this once."""

    account: Account
    password: str


class OrganisationNode(Answer):
    """An organisation, with how many members and cards it and all below it have."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    members: int
    cards_active: int
    cards_blocked: int


class OrganisationPlace(Answer):
    """An organisation and a page of a hundred of those directly below it; `more` come after these."""

    organisation: OrganisationNode
    below: list[OrganisationNode]
    more: int


class OrganisationChange(Request):
    """Another name for an organisation."""

    name: Line


class MemberSearch(Request):
    """A card number, a phone number, or a part of a name."""

    q: Line


class MemberCard(Answer):
    """A card of a member, present or replaced. `id` names its member in other calls."""

    id: str
    card_masked: str
    status: Literal["active", "blocked", "replaced"]
    since: datetime


class FoundMember(Answer):
    """A member with their present card; the phone number is masked."""

    name: str
    phone_masked: str
    organisation: str
    organisation_name: str
    card: MemberCard


class FoundMembers(Answer):
    """At most fifty members."""

    members: list[FoundMember]


class StaffMember(Answer):
    """A member as staff who look after them see them, with every card they ever had, newest first."""

    member: FoundMember
    cards: list[MemberCard]
    since: datetime
    pin_must_change: bool


class HistoryEntry(Answer):
    """One thing that happened: `booked`, `collected`, `cancelled`, `card.block` and so on; `facts` depend on it."""

    at: datetime
    kind: str
    by: str
    order_number: str
    event_id: str
    facts: dict[str, Any]


class MemberHistory(Answer):
    """Newest first; `cursor` leads to what is older."""

    entries: list[HistoryEntry]
    cursor: str | None
