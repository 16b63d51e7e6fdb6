"""What staff send and see of campaigns' budgets."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import Answer, Id, Line, Note, Request

BudgetAmount = Annotated[int, Meta(ge=0, le=9_999_999_999)]


class NewBudget(Request):
    """A budget, with its amount in fen. Without `organisation` it is kept by the staff's own."""

    name: Line
    amount: BudgetAmount
    note: Note = ""
    organisation: Id | None = None


class BudgetChanges(Request):
    """What is written down of a budget; an absent field stays as it is. The amount may be below what is used."""

    name: Line | UnsetType = UNSET
    amount: BudgetAmount | UnsetType = UNSET
    note: Note | UnsetType = UNSET


class BudgetEvent(Answer):
    """What an event costs of its budget: subsidy of all its tickets, of those sold, of those collected."""

    event_id: str
    event: str
    state: str
    starts_at: datetime
    planned: int
    reserved: int
    used: int


class Budget(Answer):
    """A budget and its events. `left` is `amount` less `used` and `reserved`; `share` is `used` of `amount`.

    `is_exceeded`: `left` is below 0. `plan_exceeds`: `planned` is above `amount`.
    """

    budget_id: str
    budget: str
    organisation_id: str
    organisation: str
    note: str
    amount: int
    currency: str
    planned: int
    reserved: int
    used: int
    left: int
    share: float | None
    is_exceeded: bool
    plan_exceeds: bool
    events: list[BudgetEvent]


class Budgets(Answer):
    """Budgets, newest first."""

    budgets: list[Budget]
