"""What staff send and see when they look after members, cards and accounts."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import NO_CONTROLS, Answer, Id, Request, Role

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
